"""Embeddings on the command line: queued, listed, imported, counted."""

import json
from collections.abc import Callable

import numpy as np
import pytest

from peakid.embed import averaged, stored
from peakid.embed.index import build
from peakid.jobs import queue
from peakid.jobs.arguments import EmbedArguments
from peakid.store.workspace import Workspace
from tests import planted_embeddings


@pytest.mark.usefixtures("as_idle")
def test_embed_queues_one_job_and_says_how_to_follow_it(
    workspace: Workspace, peakid: Callable, fill: Callable
) -> None:
    fill(river=2)
    first = peakid("embed", "--json").json
    assert first["state"] == "queued"
    assert peakid("embed", "--backbone", "tf_efficientnet_lite0", "--json").json == first
    assert "jobs show" in peakid("embed").out
    assert queue.show(workspace, first["job_id"]).arguments == EmbedArguments("timm/tf_efficientnet_lite0")


@pytest.mark.usefixtures("as_idle")
def test_views_are_asked_for_and_means_are_listed_below_their_backbone(
    workspace: Workspace, peakid: Callable, fill: Callable
) -> None:
    fill(river=2)
    job = queue.show(workspace, peakid("embed", "--views", "4", "--json").json["job_id"])
    assert (job.arguments.n_views, job.settings.embed_views) == (4, 4)
    job = queue.show(workspace, peakid("embed", "--views", "1", "--json").json["job_id"])
    assert (job.arguments.n_views, job.settings.embed_views) == (1, 1)
    assert "3" in peakid("embed", "--views", "3").err
    key = {"size_px": 160, "weights_sha256": "ab", "n_dimensions": 2}
    for n_views in (1, 2):
        made = stored.create(workspace, averaged.name("lite", n_views), n_views=n_views, **key)
        ids = [image_id for image_id, _ in stored.missing(workspace, made.set_id)]
        stored.add(workspace, made.set_id, ids, np.ones((2, 2)))
    one, two = peakid("embed", "list", "--json").json
    keys = ("backbone", "n_views", "n_images", "is_used", "ranks_labels")
    assert [one[key] for key in keys] == ["lite", 1, 2, True, False]
    assert [two[key] for key in keys] == ["lite", 2, 2, False, True]


def test_a_wrong_backbone_is_refused_with_the_likely_one(peakid: Callable, fill: Callable) -> None:
    fill(river=1)
    failed = peakid("embed", "--backbone", "resnet10", "--json")
    assert (failed.code, json.loads(failed.err)["error"]) == (1, "UnknownArchitecture")
    assert "resnet18" in failed.err
    failed = peakid("embed", "--backbone", "plain_cnn", "--json")
    assert (failed.code, json.loads(failed.err)["error"]) == (1, "WeightsMissing")


def test_imported_embeddings_are_listed_and_counted(
    workspace: Workspace, peakid: Callable, fill: Callable, tmp_path
) -> None:
    digests = fill(river=2, sea=1)
    assert peakid("embed", "list", "--json").json == []
    assert peakid("status", "--json").json["n_embedded"] == 0
    np.save(tmp_path / "clip.npy", np.eye(2, 5, dtype=np.float32))
    (tmp_path / "names.txt").write_text("\n".join([digests[0], digests[2]]))
    done = peakid("embed", "import", tmp_path / "clip.npy", "--digests", tmp_path / "names.txt", "--json")
    assert (done.json["n_images"], done.json["n_new"], done.json["n_dimensions"]) == (2, 2, 5)
    (row,) = peakid("embed", "list", "--json").json
    assert (row["backbone"], row["n_images"], row["n_missing"], row["is_used"]) == ("clip", 2, 1, True)
    assert "clip" in peakid("embed", "list").out
    assert peakid("status", "--json").json["n_embedded"] == 2
    assert "embedded          2" in peakid("status").out
    assert stored.find(workspace).n_images == 2


def test_a_file_that_is_not_there_is_one_line(workspace: Workspace, peakid: Callable) -> None:
    failed = peakid("embed", "import", "none.npy")
    assert (failed.code, len(failed.err.splitlines())) == (1, 1)
    assert "No such file" in failed.err


@pytest.mark.usefixtures("as_idle")
def test_an_import_and_a_scan_start_the_job_unless_the_setting_says_not_to(
    workspace: Workspace, peakid: Callable, draw: Callable, tmp_path, monkeypatch
) -> None:
    (tmp_path / "photos" / "river").mkdir(parents=True)
    for seed in range(2):
        (tmp_path / "photos" / "river" / f"{seed}.jpg").write_bytes(draw(seed))
    assert peakid("import", "folder", tmp_path / "photos", "--json").json.get("embed_job_id") is None
    monkeypatch.setenv("PEAKID_AUTO_EMBED", "1")
    job_id = peakid("scan", "--json").json["embed_job_id"]
    assert queue.show(workspace, job_id).kind == "embed"
    again = peakid("import", "folder", tmp_path / "photos")
    assert f"The embeddings are computed in the background (job {job_id})." in again.out


@pytest.mark.usefixtures("as_idle")
def test_the_index_is_queued_and_a_slow_search_says_how_it_becomes_fast(
    workspace: Workspace, peakid: Callable, fill: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    digests = fill(river=3)
    planted_embeddings.plant(workspace, dict(zip(digests, [[1, 0], [0.8, 0.6], [0, 1]], strict=True)))
    assert "index" not in peakid("similar", digests[0]).out
    monkeypatch.setattr(build, "BRUTE_FORCE_UP_TO", 1)
    assert "compares 3 embeddings that are not in the index yet" in peakid("similar", digests[0]).out
    first = peakid("embed", "index", "--json").json
    assert first["state"] == "queued"
    assert queue.show(workspace, first["job_id"]).arguments.kind == "index-neighbours"
