"""Trainings on two ranks, as jobs whose head is this process and whose ranks are processes of their own."""

import json
import threading

import numpy as np
import psutil
import pytest

from peakid.acquire import folder
from peakid.dataset import snapshot
from peakid.engines import fit_local, opening
from peakid.engines.fit import Loss
from peakid.errors import BadInput, ClassTooSmall, JobError, OutOfMemory, TooManyRanks
from peakid.job_settings import JobSettings
from peakid.jobs import ledger, process, queue, submit, tasks
from peakid.jobs.ledger import Cancelled
from peakid.jobs.ranks import rank as rank_side
from peakid.jobs.ranks.training import Attempts, _error_of
from peakid.recipe import architectures
from peakid.recipe.recipe import Recipe
from peakid.store import run_predictions, runs

RECIPE = Recipe(
    arch="small_resnet",
    pretrained="none",
    image_size_px=32,
    batch_size=8,
    scratch_epochs=4,
    device="cpu",
)
IN_EXCHANGE = {"is_exchange": True}


@pytest.fixture
def photos(workspace, draw, tmp_path):
    """Forty drawn images of two classes, and a snapshot of them."""
    for seed in range(40):
        place = tmp_path / "photos" / ("dom" if seed % 2 else "eiger")
        place.mkdir(parents=True, exist_ok=True)
        (place / f"{seed}.jpg").write_bytes(draw(seed))
    folder.import_folder(workspace, tmp_path / "photos", actor="import:folder")
    return snapshot.create(workspace, actor="human:anna")


@pytest.fixture
def claimed(workspace, as_worker):
    def claim(job):
        return ledger.claim(workspace, job.job_id, process.own())

    return claim


def results_of(workspace, run_id):
    """Return everything that a run found, without the time that it took."""
    epochs = [
        (each.epoch, each.phase, each.train_loss, each.valid_loss) for each in runs.epochs(workspace, run_id)
    ]
    predictions = {
        split: run_predictions.rows(workspace, run_id, split) for split in ("train", "valid", "test")
    }
    return epochs, {
        split: [(each.digest, each.predicted_label, each.confidence) for each in rows]
        for split, rows in predictions.items()
    }


def rank_process(number):
    """Return the process of a rank, None while there is none."""
    for each in psutil.Process().children(recursive=True):
        try:
            if "peakid.engines.fit_process" in each.cmdline() and each.environ().get("RANK") == str(number):
                return each
        except psutil.Error:
            continue
    return None


def after_epochs(workspace, run_id_of, n, act, until):
    """Call `act` in a thread when a run has `n` epochs."""

    def wait():
        until(lambda: (run := run_id_of()) and len(runs.epochs(workspace, run.run_id)) >= n, within_s=300)
        act()

    thread = threading.Thread(target=wait, daemon=True)
    thread.start()
    return thread


@pytest.mark.slow
@pytest.mark.thorough
def test_a_rank_killed_in_the_middle_is_named_and_the_run_ends_as_if_nothing_had_happened(
    workspace, photos, claimed, until, capfd
):
    work = claimed(submit.train(workspace, RECIPE, n_ranks=2))
    tasks.run(work)
    work.end("done")
    straight = runs.show(workspace, work.result.run_id)
    assert (straight.state, straight.n_ranks, straight.engine) == ("done", 2, "local")
    assert straight.trained_on == "cpu, 2 ranks (local)"
    epochs, predictions = results_of(workspace, straight.run_id)
    assert [each[0] for each in epochs] == [1, 2, 3, 4]
    assert {split: len(rows) for split, rows in predictions.items()} == photos.splits
    valid = run_predictions.rows(workspace, straight.run_id, "valid")
    right = np.mean([one.given_label == one.predicted_label for one in valid])
    assert straight.metrics["accuracy"] == pytest.approx(right)
    names = {each.name for each in runs.folder(workspace, straight.run_id).iterdir()}
    assert {"model.safetensors", "model.json", "samples.json"} < names
    of_ranks = ("checkpoint", "result", fit_local.EXCHANGE)
    assert not [name for name in names if name.startswith(of_ranks)]

    job = submit.train(workspace, RECIPE, n_ranks=2, request_id="killed")
    work = claimed(job)
    killing = after_epochs(
        workspace, lambda: runs.of_job(workspace, job.job_id), 1, lambda: rank_process(1).kill(), until
    )
    tasks.run(work)
    killing.join()
    work.end("done")
    killed = runs.show(workspace, work.result.run_id)
    assert results_of(workspace, killed.run_id) == (epochs, predictions)
    said = next(each.text for each in killed.warnings if each.kind == "restarted")
    assert said.startswith("Rank 1 of 2 (counted from 0) was killed (signal 9)")
    assert said in capfd.readouterr().out  # The log of the job.
    assert rank_process(0) is rank_process(1) is None


@pytest.mark.slow
@pytest.mark.thorough
def test_a_training_cancelled_on_two_ranks_continues_on_one_from_its_checkpoint(
    workspace, photos, claimed, until
):
    job = submit.train(workspace, RECIPE.model_copy(update={"scratch_epochs": 30}), n_ranks=2)
    work = claimed(job)
    cancelling = after_epochs(
        workspace,
        lambda: runs.of_job(workspace, job.job_id),
        1,
        lambda: queue.cancel(workspace, job.job_id),
        until,
    )
    with pytest.raises(Cancelled):
        tasks.run(work)
    cancelling.join()
    work.end("cancelled")
    stopped = runs.of_job(workspace, job.job_id)
    before = results_of(workspace, stopped.run_id)[0]
    assert (stopped.state, stopped.n_ranks) == ("cancelled", 2)
    assert stopped.has_model
    assert 1 <= len(before) < 30

    work = claimed(submit.resume(workspace, job.job_id, n_ranks=1))
    tasks.run(work)
    work.end("done")
    done = runs.show(workspace, stopped.run_id)
    epochs, predictions = results_of(workspace, done.run_id)
    assert (done.state, done.n_ranks, done.trained_on) == ("done", 1, "cpu")
    assert epochs[: len(before)] == before
    assert [each[0] for each in epochs] == list(range(1, 31))
    assert {split: len(rows) for split, rows in predictions.items()} == photos.splits
    assert len(runs.list_runs(workspace)) == 1


@pytest.mark.slow
@pytest.mark.thorough
def test_ray_trains_as_torchrun_does_also_when_a_worker_is_killed(workspace, photos, claimed, until):
    if not opening.is_installed():  # Importing it here would be before its token is set.
        pytest.skip("Ray is not installed.")

    def trained(engine, name, act=None):
        settings = JobSettings(engine=engine)
        job = submit.train(workspace, RECIPE, n_ranks=2, settings=settings, request_id=name)
        work = claimed(job)
        if act is not None:
            after_epochs(workspace, lambda: runs.of_job(workspace, job.job_id), 1, act, until)
        tasks.run(work)
        work.end("done")
        return runs.show(workspace, work.result.run_id)

    def kill_one():
        workers = [
            each for each in psutil.Process().children(recursive=True) if "RayTrainWorker" in each.name()
        ]
        workers[-1].kill()

    local = trained("local", "local")
    on_ray = trained("ray", "ray", kill_one)
    assert results_of(workspace, on_ray.run_id) == results_of(workspace, local.run_id)
    assert on_ray.trained_on == "cpu, 2 ranks (ray)"
    assert [each.kind for each in on_ray.warnings].count("restarted") == 1
    names = {each.name for each in runs.folder(workspace, on_ray.run_id).iterdir()}
    assert names == {each.name for each in runs.folder(workspace, local.run_id).iterdir()}


def test_more_ranks_than_a_batch_or_the_machine_has_place_for_are_refused_before_anything_is_queued(
    workspace, photos, monkeypatch
):
    with pytest.raises(TooManyRanks, match="A batch of 8 images cannot be split over 5 ranks") as refused:
        submit.train(workspace, RECIPE, n_ranks=5)
    assert refused.value.remedy == "Use 4 ranks or fewer, or larger batches."
    large = RECIPE.model_copy(update={"batch_size": 100_000})
    with pytest.raises(TooManyRanks, match=r"4,?000 ranks need 4,?000 cores; this machine has \d+ core"):
        submit.train(workspace, large, n_ranks=4000)
    on_gpus = large.model_copy(update={"device": "cuda"})
    with pytest.raises(TooManyRanks, match="2 ranks need 2 GPUs; this machine has 1 GPU"):
        submit.train(workspace, on_gpus, n_ranks=2, settings=JobSettings(visible_gpus="0"))
    assert queue.list_jobs(workspace) == []


def test_only_a_training_has_ranks(workspace, photos, as_worker):
    job = submit.verify(workspace)
    with pytest.raises(BadInput, match=r"Job \d+ \(verify\) has no ranks"):
        submit.resume(workspace, job.job_id, n_ranks=2)


def test_what_a_rank_reports_as_wrong_is_raised_and_not_tried_again():
    wrong = ClassTooSmall("Class 'dom' has no image in train.", "Label more images of it.")
    told = rank_side.failure_document(wrong)
    attempts = Attempts(2, failures=[IN_EXCHANGE, told])
    with pytest.raises(ClassTooSmall, match="Class 'dom' has no image in train") as raised:
        attempts.next_text([Loss(0, "ended with exit code 1", is_killed=False)], RECIPE)
    assert raised.value.remedy == wrong.remedy
    assert isinstance(_error_of(told | {"error": "NoSuchError"}), JobError)


def test_ranks_that_are_lost_again_and_again_end_the_job_and_the_last_one_is_named():
    attempts = Attempts(2)
    for n in (1, 2, 3):
        attempts.begin()
        text = attempts.next_text([Loss(1, "was killed (signal 9)", is_killed=True)], RECIPE)
        assert f"restart {n} of at most 3" in text
    with pytest.raises(JobError, match=r"Rank 1 of 2 .*\(signal 9\)\. The ranks were started 4 times"):
        attempts.next_text([Loss(1, "was killed (signal 9)", is_killed=True)], RECIPE)


def test_ranks_whose_memory_is_short_start_again_with_smaller_parts_until_two_images_do_not_fit():
    attempts, lost = Attempts(2, is_memory_short=True), [Loss(0, "ended with exit code 1", is_killed=False)]
    attempts.next_text(lost, RECIPE)
    assert (attempts.n_parts, attempts.n_restarts) == (2, 0)
    with pytest.raises(OutOfMemory, match="2 images do not fit into the memory"):
        attempts.next_text(lost, RECIPE)


def test_a_rank_ended_by_a_signal_is_named_before_those_that_missed_it(tmp_path):
    files = [
        {"rank": 0, "exit_code": 1, "at": 10},
        {"rank": 1, "exit_code": -9, "at": 11},
        {"rank": 2, "exit_code": -15, "at": 9},  # The launcher ends those that are left.
    ]
    (tmp_path / fit_local.LOSSES).write_text(json.dumps(files))
    found = fit_local._losses(tmp_path, 1)
    assert [(each.rank, each.is_killed) for each in found] == [(1, True), (0, False), (2, False)]
    first = found[0]
    assert first.why.startswith("was killed (signal 9)")
    with pytest.raises(JobError, match="The launcher of the ranks was ended by signal 15"):
        fit_local._losses(tmp_path / "none", -15)


@pytest.mark.slow
@pytest.mark.thorough
def test_a_linear_head_that_was_cancelled_starts_again_on_more_and_on_fewer_ranks(
    workspace, photos, claimed, tmp_path
):
    import torch

    from peakid.learn.network import model

    weights = tmp_path / "weights.pth"
    torch.save(model.full_model(architectures.find("mobilenet_v3_small")).state_dict(), weights)
    recipe = RECIPE.model_copy(
        update={"method": "linear-head", "arch": "mobilenet_v3_small", "pretrained": str(weights)}
    )
    found = {}
    for before, after in ((1, 2), (2, 1)):
        job = submit.train(workspace, recipe, n_ranks=before, request_id=f"on {before}")
        work = claimed(job)
        queue.cancel(workspace, job.job_id)
        with pytest.raises(Cancelled):
            tasks.run(work)
        work.end("cancelled")
        stopped = runs.of_job(workspace, job.job_id)
        assert (stopped.state, stopped.has_model) == ("cancelled", False)
        work = claimed(submit.resume(workspace, job.job_id, n_ranks=after))
        tasks.run(work)
        work.end("done")
        done = runs.show(workspace, stopped.run_id)
        assert (done.state, done.n_ranks) == ("done", after)
        found[after] = results_of(workspace, done.run_id)
    (one, of_one), (two, of_two) = found[1], found[2]
    assert [each[:2] for each in one] == [each[:2] for each in two] == [(1, "linear head")]
    for split, rows in of_one.items():
        assert [row[:2] for row in of_two[split]] == [row[:2] for row in rows]
        assert [row[2] for row in of_two[split]] == pytest.approx([row[2] for row in rows], abs=1e-4)
