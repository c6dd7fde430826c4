"""The job that computes the figures of a run, and what the end of a training does."""

import pytest

from peakid.dataset import snapshot
from peakid.errors import BadInput, NotFound
from peakid.evaluate import figures
from peakid.jobs import ledger, process, queue, tasks
from peakid.jobs.evaluation import figures as job
from peakid.jobs.evaluation_results import FiguresResult
from peakid.store import runs
from tests import planted_embeddings, planted_runs

ANNA = "human:anna"
SPLITS = ("train", "valid", "test")


@pytest.fixture
def frozen(workspace, plant):
    plant({**{f"d{i}": "dom" for i in range(20)}, **{f"e{i}": "eiger" for i in range(20)}})
    return snapshot.create(workspace, actor=ANNA)


@pytest.fixture
def run(workspace, frozen):
    return runs.show(workspace, planted_runs.plant(workspace, frozen, {"dom": "eiger"}))


def claimed(workspace, queued):
    return ledger.claim(workspace, queued.job_id, process.own())


def test_every_split_and_the_linear_probe_are_computed_without_a_look_at_test(
    workspace, frozen, run, as_worker
):
    items = snapshot.items(workspace, frozen.digest)
    planted_embeddings.plant(workspace, {each.digest: [1.0, float(each.label == "dom")] for each in items})
    work = claimed(workspace, job.submit(workspace, run.run_id, actor=ANNA))
    tasks.run(work)
    assert work.result == FiguresResult(run.run_id, frozen.splits, has_probe=True)
    assert all(figures.stored(workspace, run, split).is_current for split in SPLITS)
    assert (runs.folder(workspace, run.run_id) / "probe_test.json").is_file()
    assert runs.show(workspace, run.run_id).n_test_looks == 0


def test_the_same_figures_are_queued_once(workspace, run, as_worker):
    first = job.submit(workspace, run.run_id, actor=ANNA)
    assert job.submit(workspace, run.run_id, actor=ANNA).job_id == first.job_id


def test_a_run_without_predictions_is_refused(workspace, frozen, as_worker):
    with pytest.raises(NotFound):
        job.submit(workspace, 7)
    run_id = runs.create(
        workspace,
        job_id=None,
        snapshot_id=frozen.snapshot_id,
        recipe={},
        class_names=frozen.class_names,
        seed=0,
        code_version="1",
        libraries={},
    )
    runs.finish(workspace, run_id, "failed")
    with pytest.raises(BadInput, match="is failed and has no predictions"):
        job.submit(workspace, run_id)
    assert queue.list_jobs(workspace) == []


def test_a_training_computes_figures_at_once_or_queues_them_where_there_are_many(
    workspace, frozen, run, as_worker, monkeypatch
):
    other = runs.show(workspace, planted_runs.plant(workspace, frozen, {}))
    work = claimed(workspace, job.submit(workspace, run.run_id, actor=ANNA))
    job.after_training(work, other.run_id)
    assert figures.stored(workspace, other, "valid").is_current
    monkeypatch.setattr(figures, "MAX_INLINE", 1)
    third = planted_runs.plant(workspace, frozen, {})
    job.after_training(work, third)
    assert figures.stored(workspace, runs.show(workspace, third), "valid") is None
    assert [each.arguments.run_id for each in queue.list_active(workspace)] == [run.run_id, third]


def test_a_training_does_not_fail_because_of_its_figures(workspace, frozen, run, as_worker, capsys):
    work = claimed(workspace, job.submit(workspace, run.run_id, actor=ANNA))
    (runs.folder(workspace, run.run_id) / "pred_probs_valid.npy").write_bytes(b"cut")
    job.after_training(work, run.run_id)
    assert "figures of run 1 were not computed" in capsys.readouterr().out


def test_figures_are_queued_by_command(peakid, workspace, run, as_worker):
    answer = peakid("evaluate", run.run_id, "--no-wait", "--json").json
    assert queue.show(workspace, answer["job_id"]).kind == "evaluate"
