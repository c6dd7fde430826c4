"""A training continues only from a complete checkpoint, and those that serve nothing are found."""

import pytest

from peakid.job_settings import JobSettings
from peakid.jobs import queue
from peakid.jobs.arguments import SweepArguments, TrainArguments
from peakid.run_records import RunWarning
from peakid.store import checkpoints, runs


@pytest.fixture
def interrupted(workspace, frozen, as_idle):
    """Add a job with a run that has ended in some state: `interrupted("cancelled", job="cancelled")`."""

    def added(state, *, job="cancelled", kind=TrainArguments, warnings=()):
        arguments = kind(snapshot=frozen.digest, recipe={})
        job_id = queue.submit(workspace, arguments, lane="gpu", settings=JobSettings()).job_id
        run_id = runs.create(
            workspace,
            job_id=job_id,
            snapshot_id=frozen.snapshot_id,
            recipe={},
            class_names=frozen.class_names,
            seed=0,
            code_version="test",
            libraries={},
        )
        runs.finish(workspace, run_id, state, warnings=warnings)
        with workspace.transaction() as connection:
            connection.execute("UPDATE job SET state = ? WHERE id = ?", (job, job_id))
        return job_id, run_id

    return added


def write_checkpoint(workspace, run_id, number=1, *, folder=""):
    place = workspace.runs_dir / str(run_id) / folder
    place.mkdir(exist_ok=True)
    (place / f"checkpoint-{number:06d}.safetensors").write_bytes(bytes(1000))
    (place / f"checkpoint-{number:06d}.json").write_text("{}")


def test_a_run_continues_only_from_a_checkpoint_with_its_tensors(workspace, interrupted):
    job_id, run_id = interrupted("cancelled")
    assert not checkpoints.can_continue(workspace, run_id)
    assert checkpoints.of_job(workspace, job_id) == run_id
    card = workspace.runs_dir / str(run_id) / "checkpoint-000001.json"
    card.write_text("{}")
    assert not checkpoints.can_continue(workspace, run_id)  # Its tensors are missing.
    card.with_suffix(".safetensors").write_bytes(b"x")
    assert checkpoints.can_continue(workspace, run_id)
    assert checkpoints.of_job(workspace, job_id) is None
    assert checkpoints.cannot_continue(workspace) == []


def test_a_fold_that_was_trained_to_its_end_is_continued_from(workspace, interrupted):
    _, run_id = interrupted("cancelled")
    fold = workspace.runs_dir / str(run_id) / "fold-1"
    fold.mkdir()
    (fold / "answers.json").write_text("{}")
    (fold / "answers.npy").write_bytes(b"x")
    assert checkpoints.can_continue(workspace, run_id)


@pytest.mark.parametrize(
    ("run", "job", "kind", "warnings", "is_useless"),
    [
        ("cancelled", "cancelled", TrainArguments, (), False),
        ("failed", "failed", TrainArguments, (), False),
        ("lost", "lost", TrainArguments, (), False),
        ("running", "running", TrainArguments, (), False),
        ("done", "done", TrainArguments, (), True),
        ("done", "lost", TrainArguments, (), True),  # Killed after its run was complete.
        ("cancelled", "cancelled", SweepArguments, (), False),
        ("failed", "cancelled", SweepArguments, (RunWarning("failed", "diverged"),), True),
        ("failed", "done", SweepArguments, (RunWarning("failed", "diverged"),), True),
    ],
)
def test_checkpoints_serve_nothing_once_no_job_continues_their_run(
    workspace, interrupted, run, job, kind, warnings, is_useless
):
    _, run_id = interrupted(run, job=job, kind=kind, warnings=warnings)
    assert checkpoints.of_no_use(workspace) == []  # There are none.
    write_checkpoint(workspace, run_id)
    assert checkpoints.of_no_use(workspace) == ([run_id] if is_useless else [])


def test_removing_leaves_the_model_and_the_predictions(workspace, interrupted):
    _, run_id = interrupted("cancelled")
    folder = workspace.runs_dir / str(run_id)
    kept = {"model.safetensors", "model.json", "pred_probs_valid.npy", "samples.json", "plan.json"}
    for name in kept:
        (folder / name).write_bytes(b"x")
    write_checkpoint(workspace, run_id)
    write_checkpoint(workspace, run_id, folder="fold-2")
    (folder / ".checkpoint-000002.safetensors.1-1.part").write_bytes(b"half")
    assert len(checkpoints.files_of(workspace, run_id)) == 5
    checkpoints.remove(workspace, [run_id])
    assert {path.name for path in folder.iterdir()} == kept
