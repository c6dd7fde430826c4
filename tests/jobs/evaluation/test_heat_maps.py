"""The job of heat maps: what it computes, that it continues where it stopped, and what is refused."""

import dataclasses

import numpy as np
import pytest

from peakid.acquire import folder
from peakid.dataset import snapshot as snapshots
from peakid.errors import BadInput, NotFound
from peakid.evaluate import scored_images
from peakid.evaluate.heat import shown_maps
from peakid.jobs import ledger, process, queue, tasks
from peakid.jobs.evaluation import heat_maps as jobs
from peakid.jobs.results import HeatMapsResult
from peakid.keep import forget
from peakid.run_records import HeatCheck
from peakid.store import images, run_predictions, runs
from peakid.store.evaluation import heat_maps

ANNA = "human:anna"


@pytest.fixture
def run_id(workspace, tmp_path):
    """A run on 14 plain and 14 marked photos, whose model looks at the mark."""
    from tests import planted_models  # It loads torch.

    for name, is_marked in (("plain", False), ("marked", True)):
        for n in range(14):
            path = tmp_path / "photos" / f"{'z' if is_marked else 'a'}-{name}" / f"{n}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(planted_models.photo(n + 100 * is_marked, is_marked=is_marked))
    folder.import_folder(workspace, tmp_path / "photos", actor=ANNA)
    frozen = snapshots.create(workspace, actor=ANNA, fractions={"train": 0.3, "valid": 0.5, "test": 0.2})
    return planted_models.plant(workspace, frozen)


@pytest.fixture
def other_run(frozen, add_run):
    """A run on rivers and seas without the files of a model."""
    return add_run(frozen)


@pytest.fixture
def claimed(workspace, as_worker):
    def claim(job):
        return ledger.claim(workspace, job.job_id, process.own())

    return claim


def test_two_clicks_make_one_job(workspace, other_run, as_worker):
    first = jobs.compute(workspace, other_run, limit=5)
    assert jobs.compute(workspace, other_run, limit=5).job_id == first.job_id
    assert jobs.compute(workspace, other_run, limit=6).job_id != first.job_id
    assert jobs.newest_job(workspace, other_run).arguments.limit == 6
    assert jobs.newest_job(workspace, other_run + 1) is None


def test_what_cannot_be_explained_is_refused_before_it_is_queued(
    workspace, other_run, frozen, add_run, as_worker
):
    digest = run_predictions.pred_probs(workspace, other_run, "valid")[0][0]
    with pytest.raises(BadInput, match=r"Run 1 has no class 'rivr'\.") as refused:
        jobs.compute_one(workspace, other_run, digest, class_name="rivr")
    assert "Did you mean 'river'?" in refused.value.remedy
    with pytest.raises(NotFound):
        jobs.compute_one(workspace, other_run, "f" * 64)
    with pytest.raises(NotFound, match="has no predictions for cv"):
        jobs.compute(workspace, other_run, split="cv")
    without = add_run(frozen, folds=3)
    with workspace.transaction() as connection:
        connection.execute("UPDATE run SET best_epoch = NULL WHERE id = ?", (without,))
    with pytest.raises(NotFound, match="it has predictions, no model"):
        jobs.compute(workspace, without)
    assert queue.list_jobs(workspace) == []


@pytest.mark.slow
def test_maps_show_the_mark_are_trusted_and_their_place_is_named(workspace, run_id, claimed):
    work = claimed(jobs.compute(workspace, run_id, limit=100))
    tasks.run(work)
    run = runs.show(workspace, run_id)
    scored = scored_images.load(workspace, run, "valid")
    assert work.result == HeatMapsResult(
        run_id=run_id,
        split="valid",
        n_images=len(scored),
        n_maps=len(scored),
        n_trusted=work.result.n_trusted,
    )
    found = shown_maps.load(workspace, run, scored.split)
    marked = [each for each in found.maps if each.class_name == "z-marked"]
    for each in marked:
        row, column = np.unravel_index(each.map.heat.argmax(), each.map.heat.shape)
        assert 20 <= row <= 31
        assert 20 <= column <= 31
        assert each.map.check.probability > max(0.9, each.map.check.hidden_probability)
    assert sum(each.is_trusted for each in marked) >= 0.8 * len(marked)
    named = {(found.class_names[each.class_index], each.region) for each in found.shortcuts}
    assert ("z-marked", "bottom right") in named
    assert not any(name == "a-plain" for name, _ in named)
    text = shown_maps.shortcut_texts(found)
    assert any(each.startswith("z-marked: ") and "bottom right corner" in each for each in text)


@pytest.mark.slow
def test_a_cancelled_job_keeps_its_maps_and_a_resumed_one_computes_only_the_others(
    workspace, run_id, claimed, monkeypatch
):
    monkeypatch.setattr(jobs, "CHUNK", 2)
    work = claimed(jobs.compute(workspace, run_id, limit=6))
    n_asked = []

    def should_stop():
        n_asked.append(1)
        return len(n_asked) > 30  # Each chunk of two asks twenty times.

    work.should_stop = should_stop
    with pytest.raises(ledger.Cancelled):
        tasks.run(work)
    first = heat_maps.read(workspace, run_id)
    assert len(first) == 2
    work.should_stop = lambda: False
    tasks.run(work)
    second = heat_maps.read(workspace, run_id)
    assert len(second) == 6
    assert list(second)[:2] == list(first)
    assert all(np.array_equal(second[key].heat, first[key].heat) for key in first)
    before = dataclasses.replace(work.result)
    tasks.run(work)  # Nothing is left to do.
    assert work.result == before


@pytest.mark.slow
def test_one_image_is_explained_for_any_class_or_the_predicted_one(workspace, run_id, claimed):
    digest = run_predictions.pred_probs(workspace, run_id, "train")[0][0]
    probabilities = {}
    for class_name in (None, "a-plain", "z-marked"):
        work = claimed(jobs.compute_one(workspace, run_id, digest, class_name=class_name))
        tasks.run(work)
        assert (work.result.digest, work.result.n_maps) == (digest, 1)
        found = heat_maps.read(workspace, run_id)
        index = runs.show(workspace, run_id).class_names.index(work.result.class_name)
        probabilities[class_name] = found[digest, index].check.probability
        work.end("done")
    assert probabilities[None] == max(probabilities.values()) > 0.5
    assert probabilities["a-plain"] + probabilities["z-marked"] == pytest.approx(1)


@pytest.mark.slow
def test_an_image_that_cannot_be_read_is_named_and_the_others_have_maps(workspace, run_id, claimed):
    digests = sorted(run_predictions.pred_probs(workspace, run_id, "valid")[0])
    images.image_path(workspace, digests[0]).write_bytes(b"cut")
    images.image_path(workspace, digests[1]).unlink()
    work = claimed(jobs.compute(workspace, run_id, limit=100))
    tasks.run(work)
    assert work.result.n_unread == 2
    assert digests[0][:12] in work.result.unread[0]
    assert work.result.n_maps == len(digests) - 2


@pytest.mark.slow
def test_a_forgotten_image_leaves_no_map_in_the_folder_of_a_run(workspace, run_id, claimed):
    work = claimed(jobs.compute(workspace, run_id, limit=3))
    tasks.run(work)
    gone = next(iter(heat_maps.read(workspace, run_id)))[0]
    file = runs.folder(workspace, run_id) / heat_maps.FILE
    assert gone.encode() in file.read_bytes()
    forget.forget(workspace, gone, actor=ANNA)
    assert gone not in {digest for digest, _ in heat_maps.read(workspace, run_id)}
    assert gone.encode() not in file.read_bytes()
    assert len(heat_maps.read(workspace, run_id)) == 2


def test_maps_of_an_earlier_model_of_a_run_are_removed(workspace, other_run):
    check = HeatCheck(0.9, 0.4, 2.5, 0.1, 0.025, 0.05, 0.2, 0.2)
    digests, pred_probs = run_predictions.pred_probs(workspace, other_run, "valid")
    heat_maps.add(
        workspace, other_run, [heat_maps.HeatMap(digests[0], 0, np.zeros((32, 32), np.uint8), check)]
    )
    assert len(heat_maps.read(workspace, other_run)) == 1
    given = ["river"] * len(digests)
    run_predictions.add(
        workspace, other_run, "valid", digests, np.array(pred_probs), given, is_out_of_sample=True
    )
    assert heat_maps.read(workspace, other_run) == {}
