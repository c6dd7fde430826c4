"""A sweep as a job: trials as runs, time budget, cancel and resume, significance, unused test split."""

import numpy as np
import pytest

from peakid.dataset import snapshot
from peakid.errors import BadInput, DeviceLost, LeakingSnapshot, TrainingDiverged, TrainingError
from peakid.evaluate.comparing.compare import Comparison
from peakid.jobs import ledger, process, queue, results, submit, sweep
from peakid.jobs.ledger import Cancelled
from peakid.jobs.results import TrialResult
from peakid.recipe.recipe import Recipe
from peakid.store import run_predictions, runs

TRIED = ["base_lr=1e-3,3e-3", "dropout=0.2,0.5"]
ORDER = [{}, {"base_lr": 0.003}, {"dropout": 0.2}, {"base_lr": 0.003, "dropout": 0.2}]


@pytest.fixture
def frozen(workspace, plant, as_worker):
    plant({f"{name}-{n}": name for name in ("dom", "eiger") for n in range(20)})
    return snapshot.create(workspace, actor="human:anna")


class Trainer:
    """Replaces a training: records its calls, and ends each run as `ends` says for its settings."""

    def __init__(self, workspace, frozen, work, losses, *, seconds=1.0, ends=None):
        self.workspace, self.frozen, self.work, self.losses = workspace, frozen, work, losses
        self.seconds, self.ends, self.calls = seconds, ends or {}, []

    def __call__(self, recipe, earlier, report):
        report("Training, epoch 1 of 2", 1, 2, "8 of 16 images, 90 images/s, about 1 s left")
        settings = {
            key: value for key, value in recipe.model_dump().items() if value != getattr(Recipe(), key)
        }
        self.calls.append((settings, earlier.run_id if earlier else None))
        run_id = earlier.run_id if earlier else self._create(recipe)
        runs.reopen(self.workspace, run_id)
        if error := self.ends.get(str(settings)):
            raise error
        items = [item for item in snapshot.items(self.workspace, self.frozen.digest) if item.split == "valid"]
        right = np.array([[1.0, 0.0] if item.label == "dom" else [0.0, 1.0] for item in items])
        named = [item.digest for item in items], right, [item.label for item in items]
        run_predictions.add(self.workspace, run_id, "valid", *named, is_out_of_sample=True)
        loss = self.losses[len(self.calls) - 1]
        runs.finish(
            self.workspace,
            run_id,
            "done",
            best_epoch=1,
            metrics={"accuracy": 1.0, "valid_loss": loss},
            seconds=self.seconds,
        )
        return run_id

    def _create(self, recipe):
        named = {"class_names": self.frozen.class_names, "seed": 0, "code_version": "test", "libraries": {}}
        return runs.create(
            self.workspace,
            job_id=self.work.job_id,
            snapshot_id=self.frozen.snapshot_id,
            recipe=recipe.model_dump(),
            **named,
        )


def claimed(workspace, **options):
    job = submit.sweep(workspace, Recipe(), TRIED, allows_random=True, actor="human:anna", **options)
    return ledger.claim(workspace, job.job_id, process.own())


def test_every_trial_is_a_run_of_the_job_and_the_result_names_the_best(workspace, frozen):
    work = claimed(workspace)
    sweep.run(work, Recipe(), Trainer(workspace, frozen, work, [0.5, 0.6, 0.4, 0.7]))
    assert [trial.settings for trial in work.result.trials] == ORDER
    assert [run.run_id for run in runs.all_of_job(workspace, work.job_id)] == [
        trial.run_id for trial in work.result.trials
    ]
    assert work.result.best.settings == {"dropout": 0.2}
    assert work.result.not_tried == ()
    assert work.result.finding == (
        "dropout=0.2 has the lowest validation loss: 0.400, against 0.500 of the unchanged recipe. "
        f"Of {frozen.splits['valid']} validation images, 0 are correct only with it and 0 only without: "
        "no difference in accuracy."
    )


def test_no_look_at_test_is_counted_by_a_sweep(workspace, frozen):
    work = claimed(workspace)
    sweep.run(work, Recipe(), Trainer(workspace, frozen, work, [0.5, 0.6, 0.4, 0.7]))
    assert [run.n_test_looks for run in runs.list_runs(workspace)] == [0, 0, 0, 0]
    assert "test" not in str(work.result)


def test_progress_of_a_sweep_is_that_of_all_trials(workspace, frozen):
    work, reports = claimed(workspace), []
    work.report = lambda *line: reports.append(line)
    sweep.run(work, Recipe(), Trainer(workspace, frozen, work, [0.5, 0.6, 0.4, 0.7], seconds=30.0))
    assert [line[:3] for line in reports] == [
        (f"Trial {number} of 4", step, 400) for number, step in enumerate((50, 150, 250, 350), start=1)
    ]
    doing = "Training, epoch 1 of 2: 8 of 16 images, 90 images/s"
    assert reports[0][3].endswith(doing)  # How long a trial takes is not known, and one second is not left.
    # The other trials took 30 s each; this one has just begun, and one follows.
    assert reports[2][3].endswith(f"{doing}, about 60 s left")


def test_without_time_only_the_first_trial_runs_and_the_others_are_listed(workspace, frozen):
    work = claimed(workspace, minutes=0.5)
    trainer = Trainer(workspace, frozen, work, [0.5], seconds=40.0)  # A second as slow would end after 30 s.
    sweep.run(work, Recipe(), trainer)
    assert [settings for settings, _ in trainer.calls] == ORDER[:1]
    assert list(work.result.not_tried) == ORDER[1:]
    assert "there was no time for others" in work.result.finding


def test_a_sweep_continues_after_a_trial_that_diverges(workspace, frozen):
    work = claimed(workspace)
    ends = {"{'base_lr': 0.003}": TrainingDiverged("The loss is no longer a number.")}
    sweep.run(work, Recipe(), Trainer(workspace, frozen, work, [0.5, 9, 0.6, 0.7], ends=ends))
    states = [(trial.state, trial.valid_loss, trial.error) for trial in work.result.trials]
    assert states[1] == ("failed", None, "The loss is no longer a number.")
    assert [state for state, _, _ in states] == ["done", "failed", "done", "done"]
    assert work.result.finding == (
        "No combination has a lower validation loss than the unchanged recipe (0.500); 2 others tried."
    )


def test_a_lost_gpu_ends_the_sweep_which_can_be_resumed_at_that_trial(workspace, frozen):
    work = claimed(workspace)
    with pytest.raises(DeviceLost):
        sweep.run(
            work,
            Recipe(),
            Trainer(workspace, frozen, work, [0.5], ends={str(ORDER[1]): DeviceLost("The GPU is gone.")}),
        )
    work.end("failed", error=DeviceLost("The GPU is gone."))
    submit.resume(workspace, work.job_id)
    again = ledger.claim(workspace, work.job_id, process.own())
    trainer = Trainer(workspace, frozen, again, [0.4, 0.6, 0.7])
    sweep.run(again, Recipe(), trainer)
    assert [settings for settings, _ in trainer.calls] == ORDER[1:]
    assert again.result.best.settings == ORDER[1]


def test_a_sweep_without_any_trained_trial_fails_with_the_reason(workspace, frozen):
    work = claimed(workspace)
    ends = {str(settings): TrainingDiverged("The loss is no longer a number.") for settings in ORDER}
    with pytest.raises(
        TrainingError, match=r"None of 4 combinations could be trained\. The loss is no longer a number"
    ):
        sweep.run(work, Recipe(), Trainer(workspace, frozen, work, [], ends=ends))


def test_a_cancelled_sweep_keeps_its_trials_and_continues_with_the_others(workspace, frozen):
    work = claimed(workspace)
    with pytest.raises(Cancelled):
        sweep.run(
            work,
            Recipe(),
            Trainer(workspace, frozen, work, [0.5, 0.4], ends={"{'dropout': 0.2}": Cancelled()}),
        )
    assert [trial.settings for trial in work.result.trials] == ORDER[:2]
    assert work.result.best.settings == {"base_lr": 0.003}
    cut = runs.all_of_job(workspace, work.job_id)[2].run_id
    work.end("cancelled")
    submit.resume(workspace, work.job_id)

    again = ledger.claim(workspace, work.job_id, process.own())
    trainer = Trainer(workspace, frozen, again, [0.3, 0.6])
    sweep.run(again, Recipe(), trainer)
    # The interrupted trial continues in its run.
    assert trainer.calls == [(ORDER[2], cut), (ORDER[3], None)]
    assert [trial.settings for trial in again.result.trials] == ORDER
    assert again.result.best.run_id == cut
    assert len(runs.all_of_job(workspace, work.job_id)) == 4


def test_time_spent_before_a_sweep_was_resumed_counts_against_its_budget(workspace, frozen):
    work = claimed(workspace, minutes=1)
    with pytest.raises(Cancelled):
        sweep.run(
            work,
            Recipe(),
            Trainer(workspace, frozen, work, [0.5], seconds=31, ends={str(ORDER[1]): Cancelled()}),
        )
    assert list(work.result.not_tried) == ORDER[1:]
    work.end("cancelled")
    submit.resume(workspace, work.job_id)
    again = ledger.claim(workspace, work.job_id, process.own())
    trainer = Trainer(workspace, frozen, again, [])
    sweep.run(again, Recipe(), trainer)  # 31 s are gone, and one as slow would need 31 more: over 60.
    assert trainer.calls == []
    assert list(again.result.not_tried) == ORDER[1:]


def trials(*losses):
    settings = [{}, {"dropout": 0.2}, {"dropout": 0.8}]
    return [
        TrialResult(run_id=n, settings=each, valid_loss=loss, accuracy=0.9)
        for n, (each, loss) in enumerate(zip(settings, losses, strict=False), start=1)
    ]


def finding(losses, comparison):
    return sweep.finding_text(sweep.compared(trials(*losses), comparison))


def compared(n_only_base, n_only_best, p):
    return Comparison(1, 2, "valid", 200, 0.8, 0.9, n_only_base, n_only_best, p, (0.0, 0.2))


def test_the_best_of_several_is_significant_only_after_the_bonferroni_correction():
    assert "significantly better (p = 0.02)" in finding((0.5, 0.4), compared(2, 12, 0.02))
    # Of two changes, the better one reaches .03 by chance more often: 2 x .03 = .06.
    assert "this may be chance (p = 0.06, corrected for 2 combinations)" in finding(
        (0.5, 0.4, 0.6), compared(2, 12, 0.03)
    )
    assert "significantly worse" in finding((0.5, 0.4), compared(12, 1, 0.003))
    assert "3 only without: no difference in accuracy" in finding((0.5, 0.4), compared(3, 3, 1.0))


def test_without_a_score_of_the_unchanged_recipe_there_is_no_comparison():
    assert "nothing to compare the others with" in finding((None, 0.4), None)
    assert finding((0.3, 0.4), None) == (
        "No combination has a lower validation loss than the unchanged recipe (0.300); 1 other tried."
    )


def test_trials_are_ranked_by_loss_then_accuracy_and_failed_ones_come_last():
    a, b, c, d = (
        TrialResult(run_id=n, valid_loss=loss, accuracy=accuracy)
        for n, (loss, accuracy) in enumerate([(None, None), (0.4, 0.8), (0.4, 0.9), (0.3, 0.1)])
    )
    assert results.ranked([a, b, c, d]) == [d, c, b, a]
    assert results.best([a, b, c, d]) == d
    assert results.best([a]) is None


def test_a_sweep_that_cannot_work_is_refused_before_it_is_queued(workspace, frozen):
    for tried, minutes, message in [
        (["colour=1,2"], 20, "no setting 'colour'"),
        (TRIED, 0, "over 0 and up to 10,080 minutes, not 0"),
        (TRIED, float("nan"), "not nan"),
    ]:
        with pytest.raises(BadInput, match=message):
            submit.sweep(workspace, Recipe(), tried, minutes=minutes)
    with workspace.transaction() as connection:
        connection.execute("UPDATE snapshot SET n_leaks = 1")
    with pytest.raises(LeakingSnapshot):
        submit.sweep(workspace, Recipe(), TRIED)
    assert queue.list_jobs(workspace) == []
