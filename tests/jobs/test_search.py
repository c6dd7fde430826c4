"""The jobs of the search by meaning run for real, with pretrained weights."""

import hashlib

import numpy as np
import pytest

from peakid.curate.queues import review_queue
from peakid.embed import relevance, similar, stored
from peakid.errors import BadInput, NoEmbeddings, WeightsMissing
from peakid.jobs import embedding, ledger, process, queue, search, tasks
from tests import planted_embeddings


def run(workspace, job):
    work = ledger.claim(workspace, job.job_id, process.own())
    tasks.run(work)
    work.end("done")
    return queue.show(workspace, job.job_id).result


@pytest.mark.slow
def test_a_file_is_searched_for_with_the_backbone_of_the_images(workspace, fill, draw, as_idle, tmp_path):
    digests = fill(river=6)
    run(workspace, embedding.embed(workspace))
    smaller = tmp_path / "smaller.png"
    smaller.write_bytes(draw(5003, size=(40, 30), format="PNG"))  # As the fourth image, in another size.
    found = run(workspace, search.find_similar(workspace, smaller))
    assert (found.digest, found.name) == (hashlib.sha256(smaller.read_bytes()).hexdigest(), "smaller.png")
    assert found.n_images == 6
    (first, second, *_) = review_queue.page(workspace, f"similar:{found.digest}")
    assert first.digest == digests[3]
    assert first.reason.endswith("to smaller.png")
    assert first.score > second.score
    assert smaller.is_file()  # Only uploads are removed.


@pytest.mark.slow
def test_the_classifier_of_the_backbone_names_the_images(workspace, fill, as_idle):
    import timm
    import torch

    from peakid.learn.network import weights
    from peakid.recipe import architectures

    digests = fill(river=4)
    run(workspace, embedding.embed(workspace))
    found = run(workspace, search.name_images(workspace))
    assert found.n_images == 4
    # timm's own classifier, whose logits the stored embeddings must give.
    lite = architectures.find("timm/tf_efficientnet_lite0")
    path = weights.find(lite.name, "require", None).path
    network = timm.create_model("tf_efficientnet_lite0", pretrained=False).eval()
    weight, bias = weights.imagenet_classifier(path, n_features=1280)
    network.classifier.weight.data, network.classifier.bias.data = map(torch.from_numpy, (weight, bias))
    features = np.array(stored.load(workspace, stored.find(workspace).set_id).features, np.float32)
    with torch.inference_mode():
        expected = network.classifier(torch.from_numpy(features)).softmax(1).numpy()
    relevance.refresh(workspace, keep=["otter"])
    judged = {each.digest: each for each in relevance.list_images(workspace)}
    otter = relevance.names().names.index("otter")
    for digest, row in zip(digests, expected, strict=True):
        assert judged[digest].imagenet_class == relevance.names().names[row.argmax()]
        assert judged[digest].relevance == pytest.approx(row[otter], abs=1e-5)


def test_a_file_of_the_workspace_needs_no_network(workspace, fill, draw, as_idle, tmp_path):
    digests = fill(river=3)
    planted_embeddings.plant(workspace, dict(zip(digests, [[1, 0], [0, 1], [1, 1]], strict=True)))
    (tmp_path / "same.jpg").write_bytes(draw(5000))
    found = run(workspace, search.find_similar(workspace, tmp_path / "same.jpg"))
    assert found.digest == digests[0]
    listed = similar.list_similar(workspace, similar.to_image(workspace, digests[0]))
    assert [each.digest for each in listed] == [digests[2], digests[1]]


def test_imported_embeddings_cannot_be_computed_for_a_file(workspace, fill, draw, as_idle, tmp_path):
    planted_embeddings.plant(workspace, {each: [1, 0] for each in fill(river=3)}, backbone="clip of mine")
    (tmp_path / "other.jpg").write_bytes(draw(99))
    job = search.find_similar(workspace, tmp_path / "other.jpg")
    with pytest.raises(WeightsMissing, match="clip of mine"):
        run(workspace, job)


def test_a_file_that_is_no_picture_is_refused_before_a_job_is_queued(workspace, fill, as_idle, tmp_path):
    (tmp_path / "bad.jpg").write_bytes(b"no picture")
    with pytest.raises(NoEmbeddings):
        search.find_similar(workspace, tmp_path / "bad.jpg")
    planted_embeddings.plant(workspace, {each: [1, 0] for each in fill(river=2)})
    with pytest.raises(BadInput, match=r"bad\.jpg is not a picture that can be read"):
        search.find_similar(workspace, tmp_path / "bad.jpg")
    assert queue.list_active(workspace) == []
