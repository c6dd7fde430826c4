"""Every map gives the same results by every engine, also when a worker is killed in the middle."""

import contextlib
import dataclasses
import functools
import hashlib

import numpy as np
import pytest
from PIL import Image

from peakid.curate import scan
from peakid.dataset import snapshot as snapshots
from peakid.embed import averaged, stored
from peakid.engines.shard_files import ShardFiles, folder_of
from peakid.imaging import photo_views
from peakid.jobs.maps import embedding, folds, measuring, predicting, sorting
from peakid.learn import embedding as embeddings
from peakid.recipe import backbones
from peakid.recipe.recipe import Recipe
from peakid.records import no_report
from peakid.serve.albums import previews
from peakid.serve.predictor import Predictor
from peakid.store import exports, images
from peakid.store.workspace import Workspace
from tests import packaged_set, planted_models
from tests.jobs.maps.tried import SETTINGS, never

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("own_machine")]

RECIPE = Recipe(
    arch="plain_cnn",
    image_size_px=32,
    batch_size=4,
    pretrained="none",
    device="cpu",
    folds=3,
    scratch_epochs=1,
)


def in_order(workspace: Workspace, table: str, order: str) -> list[tuple[object, ...]]:
    return [tuple(row) for row in workspace.query(f"SELECT * FROM {table} ORDER BY {order}")]


@pytest.mark.thorough  # tests/engines/test_cluster.py scans on Ray, test_scan_job.py in local workers.
def test_a_scan_gives_the_same_measures_and_issues(workspace, fill, copies, local, ray):
    fill(river=12, sea=12)
    with workspace.transaction() as connection:
        connection.execute("DELETE FROM image_measure")
    found = {}
    for name, each in (("alone", None), ("local", local), ("ray", ray)):
        opened = copies(name)
        if each is not None:
            with each.killing():
                measuring.measure(opened, each.engine, SETTINGS, report=no_report, should_stop=never, block=2)
        scan.scan(opened)
        assert list(folder_of(opened).glob("*")) == []
        found[name] = (
            in_order(opened, "image_measure", "image_id"),
            in_order(opened, "image_issue_score", "image_id, kind"),
        )
    assert len(found["alone"][0]) == 24
    assert found["alone"] == found["local"] == found["ray"]


@pytest.mark.thorough
def test_embeddings_are_the_same_and_in_the_same_order(workspace, fill, copies, local, ray):
    digests = fill(river=11, sea=10)
    images.image_path(workspace, digests[3]).unlink()
    images.image_path(workspace, digests[9]).write_bytes(b"no photo")
    found, unread = [], []
    for name, each in (("local", local), ("ray", ray)):
        opened = copies(name)
        known = packaged_set.create(opened)
        missing = stored.missing(opened, known.set_id)
        with each.killing() if name == "local" else contextlib.nullcontext():
            n_new = embedding.compute(
                opened, each.engine, known, missing, report=no_report, should_stop=never, block=4
            )
        assert (n_new, len(missing)) == (19, 21)
        (file,) = stored.folder(opened).glob("*.f16")
        found.append(hashlib.sha256(file.read_bytes()).hexdigest())
        unread.append([(one.digest, one.reason) for one in stored.unread(opened, 9)])
        assert file.stat().st_size == 19 * 1280 * 2  # No image twice.
    assert found[0] == found[1]
    assert unread[0] == unread[1]
    assert [digest for digest, _ in unread[0]] == [digests[3], digests[9]]


def test_means_over_several_views_are_the_same_in_this_process_and_by_every_engine(
    workspace, fill, copies, local, ray
):
    fill(river=5, sea=4)
    backbone = packaged_set.create(workspace)
    key = {"size_px": backbone.size_px, "weights_sha256": backbone.weights_sha256, "n_dimensions": 1280}
    found = []
    for name, each in (("local", local), ("ray", ray)):
        opened = copies(name)
        known = stored.create(opened, averaged.name(backbone.backbone, 2), n_views=2, **key)
        missing = stored.missing(opened, known.set_id)
        n_new = embedding.compute(
            opened, each.engine, known, missing, report=no_report, should_stop=never, block=4
        )
        assert n_new == 9
        found.append(stored.vectors(opened, known.set_id).astype(np.float32))
    assert np.array_equal(found[0], found[1])
    body = embeddings.load(backbones.find(backbone.backbone, SETTINGS), SETTINGS)
    for row, (_, digest) in zip(found[0], missing, strict=True):
        views = photo_views.preprocess(images.read_bytes(workspace, digest), size_px=160, n_views=2)
        assert np.allclose(row, body.features(views).mean(axis=0), atol=5e-3)


def test_predictions_are_the_same_and_a_photo_that_cannot_be_read_is_named(
    workspace, fill, tmp_path, local, ray
):
    fill(river=6, sea=6)
    frozen = snapshots.create(workspace, name="all", actor="human:anna")
    run_id = planted_models.plant(workspace, frozen)
    for number in range(10):
        photo = planted_models.photo(number, is_marked=number % 2 == 1)
        (tmp_path / f"{number}.png").write_bytes(photo)
    (tmp_path / "10.png").write_bytes(b"no photo")
    paths = [tmp_path / f"{number}.png" for number in (*range(11), 0, 99)]
    model, found = predicting.of_run(workspace, run_id), []
    for each, is_killed in ((local, False), (ray, True)):
        with each.killing() if is_killed else contextlib.nullcontext():
            kept = ShardFiles(tmp_path / each.engine.name)
            found.append(
                predicting.predict_with(each.engine, model, paths, kept, SETTINGS, report=no_report, block=2)
            )
    assert found[0] == found[1]
    assert [one.label for one in found[0]] == ["river", "sea"] * 5 + [None, "river", None]
    assert found[0][10].error.reason == "not_an_image"
    assert "cannot be read" in found[0][12].error.detail


@pytest.mark.thorough  # tests/cli/test_sort.py sorts in local workers as this process does.
def test_a_folder_is_previewed_alike_here_and_by_every_engine(
    workspace, frozen, add_run, colour_export, copies, tmp_path, local, ray
):
    photos = tmp_path / "photos"
    photos.mkdir()
    for number in range(11):
        colour = (20 * number, 255 - 20 * number, 90)
        Image.new("RGB", (30, 20 + number), colour).save(photos / f"{number}.png")
    (photos / "bad.jpg").write_text("no picture")
    export = exports.add(workspace, run_id=add_run(frozen), path=colour_export, files=[], parity={})
    found = {}
    for name, each in (("alone", None), ("local", local), ("ray", ray)):
        opened = copies(name)
        elsewhere = functools.partial(previewed, opened, each, colour_export, photos) if each else None
        with each.killing() if each else contextlib.nullcontext():
            preview, n_new = previews.predict(
                opened, export, Predictor(colour_export, n_threads=1), photos, predict_files=elsewhere
            )
        thumbnails = [previews.thumbnail(opened, preview.key, number) for number in range(11)]
        seen = preview.photos
        found[name] = (
            (seen.paths, seen.probabilities.tobytes(), seen.hashes.tobytes(), seen.has_detail.tobytes()),
            (seen.unreadable, thumbnails, n_new),
        )
    assert found["alone"][1][2] == 11
    assert found["alone"] == found["local"] == found["ray"]


def previewed(workspace, each, export_folder, photos, paths, n_before):
    return sorting.predict_files(
        each.engine,
        ShardFiles(folder_of(workspace)),
        export_folder,
        photos,
        paths,
        n_before=n_before,
        report=no_report,
        should_stop=never,
        block=2,
    )


def test_folds_are_trained_alike_here_and_by_every_engine(workspace, fill, tmp_path, local, ray):
    from peakid.jobs.tasks import training_tasks
    from peakid.learn import train as training

    fill(river=9, sea=9)
    frozen = snapshots.create(workspace, name="all", actor="human:anna")
    items = snapshots.items(workspace, frozen.digest)
    found = {}
    for name, each in (("alone", None), ("local", local), ("ray", ray)):
        epochs = []

        def elsewhere(order, each=each):
            folds.train(
                workspace, each.engine, order, allows_random=True, report=no_report, should_stop=never
            )

        with each.killing() if name == "local" else contextlib.nullcontext():
            result = training.train(
                training_tasks.training_images(workspace, items, frozen.class_names),
                RECIPE,
                folder=tmp_path / name,
                cache_dir=workspace.cache_dir,
                settings=SETTINGS,
                report=no_report,
                on_epoch=epochs.append,
                should_stop=never,
                train_folds=elsewhere if each else None,
            )
        digests, pred_probs = result.pred_probs["cv"]
        told = [dataclasses.replace(one, seconds=0.0) for one in epochs]
        found[name] = (digests, np.asarray(pred_probs).tobytes(), result.metrics, told)
        assert [one.epoch for one in told] == [1, 2, 3]
    assert found["alone"] == found["local"] == found["ray"]
