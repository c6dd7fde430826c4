"""A job runs with the settings of its row: those of the process that submitted or resumed it."""

import dataclasses
import json
from pathlib import Path

import pytest

from peakid import settings
from peakid.dataset import snapshot
from peakid.job_settings import JobSettings
from peakid.jobs import child, ledger, process, queue, submit
from peakid.jobs.arguments import VerifyArguments
from peakid.recipe import weight_files
from peakid.recipe.recipe import Recipe
from peakid.remedies import action
from peakid.store import checkpoints, runs


def test_a_job_takes_the_settings_at_its_submission_and_new_ones_when_it_is_resumed(
    workspace, as_worker, monkeypatch
):
    monkeypatch.setenv("PEAKID_WEIGHTS", "/a")
    job = submit.verify(workspace)
    monkeypatch.setenv("PEAKID_WEIGHTS", "/b")
    assert job.settings is not None
    assert queue.show(workspace, job.job_id).settings.weights_dir == Path("/a")
    queue.cancel(workspace, job.job_id)
    assert submit.resume(workspace, job.job_id).settings == dataclasses.replace(
        job.settings, weights_dir=Path("/b")
    )


def test_jobs_show_prints_the_settings_of_a_job(workspace, as_worker, monkeypatch, peakid):
    monkeypatch.setenv("PEAKID_WEIGHTS", "/a")
    job_id = submit.verify(workspace).job_id
    assert peakid("jobs", "show", job_id, "--json").json["settings"]["weights_dir"] == "/a"


def test_a_job_sees_its_own_settings_whatever_the_environment_says(workspace, as_worker, monkeypatch):
    monkeypatch.setenv("PEAKID_CACHE_GB", "7")
    given = JobSettings(weights_dir=Path("/mine"), cache_gb=1.0)
    job = queue.submit(workspace, VerifyArguments(), lane="cpu", settings=given)
    child.run(ledger.claim(workspace, job.job_id, process.own()))
    assert queue.show(workspace, job.job_id).state == "done"
    assert (settings.current().weights, settings.current().cache_gb) == (Path("/mine"), 1.0)


def test_a_job_queued_by_a_version_without_settings_ends_with_words_and_can_be_resumed(workspace, as_worker):
    job_id = submit.verify(workspace).job_id
    with workspace.transaction() as connection:
        connection.execute("UPDATE job SET settings = '{}'")
    assert queue.show(workspace, job_id).settings is None
    child.run(ledger.claim(workspace, job_id, process.own()))
    job = queue.show(workspace, job_id)
    assert (job.state, job.actions) == ("failed", (action("resume_job", job_id=job_id),))
    assert job.error.startswith(f"Job {job_id} was queued by an earlier version, which did not store")
    child.run(ledger.claim(workspace, submit.resume(workspace, job_id).job_id, process.own()))
    assert queue.show(workspace, job_id).state == "done"


def test_the_end_of_a_job_removes_checkpoints_that_serve_nothing(workspace, frozen, add_run, as_worker):
    run_id = add_run(frozen)
    for suffix in ("json", "safetensors"):
        (workspace.runs_dir / str(run_id) / f"checkpoint-000001.{suffix}").write_bytes(b"x")
    assert checkpoints.of_no_use(workspace) == [run_id]
    job = queue.submit(workspace, VerifyArguments(), lane="cpu", settings=JobSettings())
    child.run(ledger.claim(workspace, job.job_id, process.own()))
    assert checkpoints.files_of(workspace, run_id) == []


@pytest.mark.slow
@pytest.mark.usefixtures("real_workers")
def test_a_worker_that_was_started_with_other_weights_trains_from_those_of_the_job(
    workspace, fill, tmp_path, monkeypatch, processes, until
):
    for name in ("a", "b"):
        write_weights(tmp_path / name / "squeezenet1_0-mine.pth", seed=ord(name))
    fill(dom=20, eiger=20)
    snapshot.create(workspace, actor="human:anna")
    monkeypatch.setenv("PEAKID_WEIGHTS", str(tmp_path / "a"))
    queue.wait(workspace, submit.verify(workspace).job_id)
    [worker] = processes("worker")
    monkeypatch.setenv("PEAKID_WEIGHTS", str(tmp_path / "b"))
    recipe = Recipe(
        arch="squeezenet1_0", image_size_px=32, head_epochs=1, body_epochs=0, batch_size=8, device="cpu"
    )
    job_id = submit.train(workspace, recipe).job_id
    job = queue.wait(workspace, job_id)
    assert (job.state, job.error) == ("done", "")
    assert worker.is_running()  # The same one took both jobs.
    found = runs.of_job(workspace, job_id).starting_weights
    assert found.sha256 == weight_files.digest(tmp_path / "b" / "squeezenet1_0-mine.pth")
    assert json.loads(workspace.one("SELECT settings FROM job WHERE id = ?", (job_id,))["settings"])[
        "weights_dir"
    ] == str(tmp_path / "b")


def write_weights(file: Path, *, seed: int) -> None:
    import torch
    from torchvision.models import squeezenet1_0

    torch.manual_seed(seed)
    file.parent.mkdir()
    torch.save(squeezenet1_0(weights=None).state_dict(), file)
