"""A job merges the results of shards: nothing twice, nothing lost, and a killed job goes on from the disk."""

import dataclasses
import json

import numpy as np
import pytest

from peakid.curate import issue_scan
from peakid.embed import stored
from peakid.engines.records import Stopped
from peakid.engines.shard_files import ShardFiles, folder_of
from peakid.imaging.records import Measures
from peakid.job_settings import JobSettings
from peakid.jobs.maps import embedding, heat, measuring, packing, predicting
from peakid.records import no_report
from peakid.store import images, runs
from peakid.store.evaluation import heat_maps
from tests.engines.planned_pool import PlannedPool, planned_engine

MEASURES = Measures(0.5, 0.9, 0.1, 0.2, 0.5, 7.0, 40.0)
SETTINGS = JobSettings()


def never():
    return False


def vectors(shard):
    """ShardResult with a vector that follows from the digest; the image `bad` cannot be read."""
    rows = [n for n, digest in enumerate(shard.digests) if not digest.startswith("0")]
    features = [[int(shard.digests[n][:2], 16), int(shard.digests[n][2:4], 16)] for n in rows]
    unread = {str(n): "damaged" for n in range(len(shard.digests)) if n not in rows}
    return packing.packed(
        unread,
        numbers=np.array(rows, dtype=np.int64),
        features=np.array(features, dtype=np.float16).reshape(-1, 2),
    )


@pytest.fixture
def known(workspace):
    return stored.create(workspace, "drawn", size_px=8, weights_sha256="w", n_dimensions=2)


def computed(workspace, known, pool, **options):
    return embedding.compute(
        workspace,
        planned_engine(pool),
        known,
        stored.missing(workspace, known.set_id),
        report=options.pop("report", no_report),
        should_stop=options.pop("should_stop", never),
        block=3,
        **options,
    )


def test_embeddings_are_stored_in_the_order_of_the_images_whatever_the_order_of_the_results(
    workspace, fill, known
):
    digests = fill(river=10)
    images.image_path(workspace, digests[4]).unlink()
    first = digests[0]
    messages = []
    pool = PlannedPool(result=vectors, deaths={first: 1})
    n_new = computed(workspace, known, pool, report=lambda *given: messages.append(given))
    assert pool.computed[0] != first  # It came later than others, and is stored first.
    found = stored.load(workspace, known.set_id)
    readable = [d for n, d in enumerate(digests) if n != 4 and not d.startswith("0")]
    assert n_new == len(readable)
    assert found.features[:, 0].tolist() == [int(each[:2], 16) for each in readable]
    assert isinstance(found.features, np.memmap)
    assert {each.digest for each in stored.unread(workspace, 9)} == set(digests) - set(readable)
    phase, step, total, message = messages[-1]
    assert (phase, step, total) == ("Computing embeddings", 10, 10)
    assert message == "10 of 10 images, 4 of 4 shards, 8.0 core-seconds, 1 worker died"
    assert list(folder_of(workspace).glob("*")) == []


def test_a_killed_job_goes_on_with_what_is_on_the_disk(workspace, fill, known):
    fill(river=9)

    class Killed(Exception):
        """The process ends before it has merged anything."""

    finished = []

    def result(shard):
        if len(finished) == 2:
            raise Killed
        finished.append(shard)
        return vectors(shard)

    engine = planned_engine(PlannedPool(result=result))
    merging = embedding.Merging(workspace, known, stored.missing(workspace, known.set_id))
    with pytest.raises(Killed):
        list(engine.map(merging.shards(3), ShardFiles(folder_of(workspace)), should_stop=never))
    assert len(list(folder_of(workspace).iterdir())) == 2
    assert stored.counts(workspace, known.set_id).n_missing == 9
    again = PlannedPool(result=vectors)
    computed(workspace, known, again)
    assert len(again.computed) == 1
    assert stored.counts(workspace, known.set_id).n_missing == 0


def test_what_was_computed_stays_when_the_job_is_cancelled_or_gives_way(workspace, fill, known, monkeypatch):
    fill(river=12)
    monkeypatch.setattr(embedding, "STORED_EVERY_S", 0.0)

    class GaveWay(Exception):
        """Another job comes first."""

    def give_way():
        raise GaveWay

    with pytest.raises(GaveWay):
        computed(workspace, known, PlannedPool(result=vectors), after_storing=give_way)
    n_first = 12 - stored.counts(workspace, known.set_id).n_missing
    assert n_first == 3
    seen = []
    with pytest.raises(Stopped):
        computed(
            workspace,
            known,
            PlannedPool(result=vectors),
            report=lambda *given: seen.append(given[1]),
            should_stop=lambda: any(seen),
        )
    assert 0 < stored.counts(workspace, known.set_id).n_missing < 9


def test_measures_are_written_once_and_an_unreadable_image_waits_for_the_next_scan(workspace, fill):
    digests = fill(river=7)
    with workspace.transaction() as connection:
        connection.execute("DELETE FROM image_measure")

    def result(shard):
        values = dataclasses.asdict(MEASURES)
        return json.dumps([None if each == digests[2] else values for each in shard.digests]).encode()

    used = measuring.measure(
        workspace,
        planned_engine(PlannedPool(result=result, deaths={digests[3]: 1})),
        SETTINGS,
        report=no_report,
        should_stop=never,
        block=3,
    )
    assert (used.n_shards, used.n_retried) == (3, 1)
    assert [digest for _, digest in issue_scan.unmeasured(workspace)] == [digests[2]]
    rows = workspace.query("SELECT sharpness, is_animated FROM image_measure")
    assert [tuple(row) for row in rows] == [(0.5, 0)] * 6


def test_no_engine_is_opened_where_there_is_nothing_to_measure(workspace, fill):
    fill(river=2)
    nowhere = JobSettings(engine="ray", ray_address="nowhere:1")
    assert measuring.before_scan(workspace, nowhere, report=no_report) is None
    assert measuring.before_scan(workspace, SETTINGS, report=no_report) is None


def test_a_photo_that_is_given_twice_is_predicted_twice(tmp_path):
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "model.bin").write_bytes(b"weights")
    for name in "abc":
        (tmp_path / name).write_bytes(name.encode())

    def result(shard):
        one = {"confidence": 0.5, "abstained": False, "top": [], "is_unfamiliar": False, "distance": None}
        return json.dumps([one | {"label": each[:4], "error": None} for each in shard.digests]).encode()

    found = predicting.predict_with(
        planned_engine(PlannedPool(result=result)),
        predicting.Model("run", tmp_path / "model", "model.bin", 0.0),
        [tmp_path / name for name in ("a", "b", "a", "b", "c", "none")],
        ShardFiles(tmp_path / "shards"),
        SETTINGS,
        report=no_report,
        block=2,
    )
    labels = [each.label for each in found]
    assert labels[:2] == labels[2:4]
    assert len({*labels[:5]}) == 3
    assert "cannot be read" in str(found[5].error)


def drawn_maps(shard):
    """A map of every pair, hot where its digest and its class say."""
    classes = shard.arguments["classes"]
    heats = np.zeros((len(classes), 32, 32), dtype=np.uint8)
    for n, class_index in enumerate(classes):
        heats[n, int(shard.digests[n][:1], 16), class_index] = 255
    facts = {"positions": list(range(len(classes))), "unread": {}}
    return packing.packed(facts, heat=heats, checks=np.full((len(classes), 8), 0.25))


def test_heat_maps_are_stored_in_the_order_of_their_blocks_and_computed_once(workspace, frozen, add_run):
    run_id = add_run(frozen)
    for name in ("model.safetensors", "model.json"):
        folder = runs.folder(workspace, run_id)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("the same for each worker")
    digests = [row["digest"] for row in workspace.query("SELECT digest FROM image ORDER BY id")][:6]
    images.image_path(workspace, digests[3]).unlink()
    blocks = [[(digests[n], 0), (digests[n], 1), (digests[n + 1], 0)] for n in (0, 2, 4)]
    pool = PlannedPool(result=drawn_maps, deaths={digests[0]: 1})
    found = list(mapped(workspace, run_id, blocks, digests[-2:], pool))
    assert pool.computed[0] != digests[0]  # It came later than others, and is given first.
    wanted = [pair for block in blocks for pair in block if pair[0] != digests[3]]
    maps = [each for block in found for each in block.maps]
    assert [(each.digest, each.class_index) for each in maps] == wanted
    assert all(each.heat[int(each.digest[:1], 16), each.class_index] == 255 for each in maps)
    assert maps[0].check.lost == 0.25
    assert list(found[-1].unread) == [digests[3]]
    assert sum(block.n for block in found) == 9
    # What was not merged is on the disk, and another reference or class is another shard.
    again = PlannedPool(result=drawn_maps)
    list(mapped(workspace, run_id, blocks, digests[-2:], again))
    assert again.computed == []
    list(mapped(workspace, run_id, blocks, digests[-1:], again))
    assert len(again.computed) == 3
    for block in found:
        heat_maps.add(workspace, run_id, block.maps)
        block.forget()
    assert len(list(folder_of(workspace).iterdir())) == 3


def mapped(workspace, run_id, blocks, reference, pool):
    run = runs.show(workspace, run_id)
    engine = planned_engine(pool)
    return heat.test(workspace, engine, run, blocks, reference, SETTINGS, should_stop=never)
