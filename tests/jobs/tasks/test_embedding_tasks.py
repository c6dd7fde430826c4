"""The job that computes embeddings runs for real: with pretrained weights, killed, cancelled, damaged."""

import json
import shutil

import numpy as np
import pytest
from PIL import Image

from peakid.acquire import demo_import
from peakid.embed import averaged, stored
from peakid.embed.named_images import NamedImages
from peakid.jobs import embedding, ledger, process, queue, tasks
from peakid.jobs.arguments import EstimateArguments
from peakid.jobs.results import EmbedResult
from peakid.recipe import backbones
from peakid.store import images
from peakid.store.workspace import Workspace

pytestmark = pytest.mark.slow


def run(workspace: Workspace, **options) -> EmbedResult:
    job = embedding.embed(workspace, **options)
    work = ledger.claim(workspace, job.job_id, process.own())
    tasks.run(work)
    work.end("done")
    return queue.show(workspace, job.job_id).result


def test_every_image_gets_the_pooled_features_of_the_backbone(workspace, fill, as_idle):
    import timm
    import torch

    from peakid.imaging import pixels
    from peakid.learn.network import weights
    from peakid.recipe import architectures

    digests = fill(river=5, sea=3)
    found = run(workspace)
    assert (found.n_images, found.n_new, found.n_dimensions, found.n_unread) == (8, 8, 1280, 0)
    assert (found.backbone, found.size_px) == ("timm/tf_efficientnet_lite0", 160)
    # timm's own pooling, one image at a time.
    lite = architectures.find(found.backbone)
    network = timm.create_model("tf_efficientnet_lite0", pretrained=False).eval()
    weights.load_into(network, weights.find(lite.name, "require", None), lite)
    network.reset_classifier(0)
    known = stored.find(workspace)
    features = stored.load(workspace, known.set_id).features
    for n, digest in enumerate(digests):
        image = pixels.preprocess(images.read_bytes(workspace, digest), size_px=160, resize="crop")
        x = (torch.from_numpy(image.copy()).permute(2, 0, 1)[None].float() / 255 - 0.5) / 0.5
        with torch.inference_mode():
            expected = network(x)[0].numpy()
        assert np.allclose(features[n], expected, atol=5e-3)
    assert known.weights_sha256.startswith("57934424")


def test_new_images_are_added_and_nothing_is_computed_twice(workspace, fill, as_idle):
    fill(river=3)
    run(workspace)
    (file,) = stored.folder(workspace).glob("*.f16")
    fill(sea=2)
    assert (run(workspace).n_new, file.stat().st_size) == (2, 5 * 1280 * 2)
    assert (run(workspace).n_new, file.stat().st_size) == (0, 5 * 1280 * 2)


def test_the_means_over_several_views_are_stored_beside_the_embeddings(workspace, fill, as_idle):
    from peakid.imaging import photo_views
    from peakid.learn import embedding as embeddings
    from peakid.settings import for_job

    digests = fill(river=3, sea=2)
    run(workspace)
    before = stored.load(workspace, stored.find(workspace).set_id).features.copy()
    found = run(workspace, n_views=2)
    assert (found.n_images, found.n_new, found.n_views, found.n_averaged) == (5, 0, 2, 5)
    plain = stored.find(workspace)
    assert np.array_equal(stored.load(workspace, plain.set_id).features, before)
    chosen = averaged.of_head(workspace, plain)
    means = stored.load(workspace, chosen.set_id)
    assert (chosen.n_views, means.features.shape) == (2, (5, 1280))
    body = embeddings.load(backbones.find(found.backbone, for_job()), for_job())
    for n, digest in enumerate(digests):
        views = photo_views.preprocess(images.read_bytes(workspace, digest), size_px=160, n_views=2)
        assert np.allclose(means.features[n], body.features(views).mean(axis=0), atol=5e-3)
    fill(lake=2)
    found = run(workspace, n_views=2)  # Only of the new ones, and of those both.
    assert (found.n_images, found.n_new, found.n_averaged) == (7, 2, 7)
    assert len(stored.vectors(workspace, chosen.set_id)) == 7
    assert run(workspace).n_views == 1
    assert averaged.of_head(workspace, stored.find(workspace)).set_id == chosen.set_id


def test_the_job_that_computes_embeddings_queues_the_one_for_views_unless_told_not_to(
    workspace, fill, as_idle, monkeypatch
):
    monkeypatch.setenv("PEAKID_AUTO_EMBED", "1")
    fill(river=3)
    monkeypatch.setenv("PEAKID_EMBED_VIEWS", "1")
    run(workspace)
    assert not queue.list_active(workspace, embedding.LANE)
    monkeypatch.setenv("PEAKID_EMBED_VIEWS", "2")
    run(workspace)
    (job,) = queue.list_active(workspace, embedding.LANE)
    assert job.arguments.n_views == 2
    work = ledger.claim(workspace, job.job_id, process.own())
    tasks.run(work)
    work.end("done")
    assert queue.show(workspace, job.job_id).result.n_averaged == 3
    run(workspace)
    assert not queue.list_active(workspace, embedding.LANE)  # There is nothing left to compute.
    monkeypatch.setenv("PEAKID_EMBED_VIEWS", "1")
    run(workspace)
    plain = stored.find(workspace)
    assert averaged.of_head(workspace, plain).set_id == plain.set_id


def test_images_that_cannot_be_read_are_named_and_not_tried_again(workspace, fill, as_idle):
    digests = fill(river=3)
    images.image_path(workspace, digests[0]).write_bytes(b"\xff\xd8\xff damaged")
    images.image_path(workspace, digests[1]).unlink()
    found = run(workspace)
    assert (found.n_new, found.n_unread) == (1, 2)
    assert [(each.digest, each.path) for each in found.unread] == [
        (digests[0], "river/000.jpg"),
        (digests[1], "river/001.jpg"),
    ]
    assert "missing" in found.unread[1].reason
    assert embedding.embed_new(workspace) is None
    again = run(workspace)
    assert (again.n_new, again.n_unread) == (0, 2)
    Image.new("RGB", (40, 30), "red").save(images.image_path(workspace, digests[0]), "PNG")
    assert (run(workspace).n_new, run(workspace, retries=True).n_new) == (0, 1)
    assert run(workspace).n_unread == 1


def test_what_was_computed_stays_when_the_job_is_cancelled(workspace, fill, as_idle, monkeypatch):
    fill(river=40, sea=40, lake=40)
    job = embedding.embed(workspace)
    work = ledger.claim(workspace, job.job_id, process.own())
    report = work.report

    def cancel_after_the_first_part(phase, step, total, message):
        report(phase, step, total, message)
        if step:
            queue.cancel(workspace, job.job_id)
            work._asked_at = 0.0  # Ask again at once.

    work.report = cancel_after_the_first_part
    with pytest.raises(ledger.Cancelled):
        tasks.run(work)
    work.end("cancelled")
    n_kept = stored.find(workspace).n_images
    assert 0 < n_kept < 120
    assert run(workspace).n_new == 120 - n_kept


def test_a_killed_job_continues_where_it_stopped(workspace, fill, real_workers, until):
    fill(river=100, sea=100)
    job = embedding.embed(workspace)
    until(lambda: queue.show(workspace, job.job_id).step, within_s=240)
    process.kill_group(process.of(queue.show(workspace, job.job_id).pid))
    until(lambda: queue.show(workspace, job.job_id).state == "lost")
    n_before = sum(each.n_images for each in stored.sets(workspace))
    queue.resume(workspace, job.job_id, settings=job.settings)
    done = queue.wait(workspace, job.job_id)
    assert (done.state, done.error) == ("done", "")
    assert done.result.n_new + n_before == done.result.n_images == 200


@pytest.mark.thorough
def test_a_job_that_waits_in_the_same_lane_runs_first_and_nothing_is_computed_twice(
    workspace, fill, real_workers, until
):
    fill(river=300, sea=300)
    job = embedding.embed(workspace)
    until(lambda: stored.sets(workspace), within_s=240)  # A part is stored; the next one is computed.
    other = queue.submit(workspace, EstimateArguments(snapshot="none"), lane="gpu", settings=job.settings)
    assert queue.wait(workspace, other.job_id).state == "failed"  # There is no such snapshot.
    assert queue.show(workspace, job.job_id).state in ("queued", "running")
    done = queue.wait(workspace, job.job_id)
    assert (done.state, done.error, done.result.n_images) == ("done", "", 600)
    assert done.result.n_new < 600
    assert "this one continues after it" in queue.log_tail(workspace, job.job_id)
    (file,) = stored.folder(workspace).glob("*.f16")
    assert file.stat().st_size == 600 * 1280 * 2


def test_weights_of_another_file_make_another_set(workspace, fill, as_idle, tmp_path, monkeypatch):
    from safetensors.torch import save_file

    from peakid.learn.network import model
    from peakid.recipe import architectures

    fill(river=2)
    run(workspace)
    monkeypatch.setenv("PEAKID_WEIGHTS", str(tmp_path / "weights"))
    (tmp_path / "weights").mkdir()
    lite = architectures.find("timm/tf_efficientnet_lite0")
    save_file(model.full_model(lite).state_dict(), tmp_path / "weights" / lite.weight_files[0])
    assert run(workspace).n_new == 2
    assert [each.n_images for each in stored.sets(workspace)] == [2, 2]
    shutil.rmtree(tmp_path / "weights")
    assert run(workspace).n_new == 0  # The first set is used again.
    assert stored.sets(workspace)[0].weights_sha256.startswith("57934424")


def test_the_demo_is_embedded_by_itself_and_a_copy_is_nearest_to_its_original(
    peakid, workspace, real_workers, monkeypatch
):
    monkeypatch.setenv("PEAKID_AUTO_EMBED", "1")
    started = peakid("demo", "--images", "80", "--json").json
    done = peakid("jobs", "show", started["embed_job_id"], "--wait", "--json").json
    assert (done["state"], done["error"]) == ("done", "")
    counts = peakid("status", "--json").json
    assert counts["n_embedded"] == counts["n_images"] == done["result"]["n_new"] == started["n_images"]
    found = stored.load(workspace, stored.find(workspace).set_id)
    features = np.asarray(found.features, dtype=np.float32)
    features /= np.linalg.norm(features, axis=1, keepdims=True)
    similarity = features @ features.T
    np.fill_diagonal(similarity, -1)
    at = {image_id: row for row, image_id in enumerate(found.image_ids.tolist())}
    path_ids = NamedImages(workspace)
    truth = json.loads((workspace.path / demo_import.DEMO_FOLDER / "truth.json").read_text())
    copies = [each for each in truth["files"] if each["fault"] in ("resaved", "re_encoded")]
    assert copies
    for each in copies:
        copy, source = (at[path_ids.find(each[key])] for key in ("path", "source_path"))
        assert similarity[copy].argmax() == source, each
