"""A sweep as a job: trials as runs, the budget, cancel and resume, the sentence on luck, and a test split nobody looks at."""

import numpy as np
import pytest

from peakid.dataset import snapshot
from peakid.errors import BadInput, DeviceLost, LeakingSnapshot, TrainingDiverged, TrainingError
from peakid.evaluate.compare import Comparison
from peakid.jobs import ledger, process, queue, submit, sweep
from peakid.jobs.ledger import Cancelled
from peakid.recipe.recipe import Recipe
from peakid.store import runs

TRIED = ["base_lr=1e-3,3e-3", "dropout=0.2,0.5"]
ORDER = [{}, {"base_lr": 0.003}, {"dropout": 0.2}, {"base_lr": 0.003, "dropout": 0.2}]


@pytest.fixture
def frozen(workspace, plant, as_worker):
    plant({f"{name}-{n}": name for name in ("dom", "eiger") for n in range(20)})
    return snapshot.create(workspace, actor="human:anna")


class Trainer:
    """Stands where a training would: notes what it is asked, and ends each run as `ends` says for its settings."""

    def __init__(self, workspace, frozen, work, losses, *, seconds=1.0, ends=None):
        self.workspace, self.frozen, self.work, self.losses = workspace, frozen, work, losses
        self.seconds, self.ends, self.asked = seconds, ends or {}, []

    def __call__(self, recipe, earlier, report):
        report("Training", 1, 2, "epoch 1 of 1")
        settings = {
            key: value for key, value in recipe.model_dump().items() if value != getattr(Recipe(), key)
        }
        self.asked.append((settings, earlier.run_id if earlier else None))
        run_id = earlier.run_id if earlier else self._create(recipe)
        runs.reopen(self.workspace, run_id)
        if error := self.ends.get(str(settings)):
            raise error
        items = [item for item in snapshot.items(self.workspace, self.frozen.digest) if item.split == "valid"]
        right = np.array([[1.0, 0.0] if item.label == "dom" else [0.0, 1.0] for item in items])
        named = [item.digest for item in items], right, [item.label for item in items]
        runs.add_predictions(self.workspace, run_id, "valid", *named, is_out_of_sample=True)
        loss = self.losses[len(self.asked) - 1]
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


def claimed(workspace, **asked):
    job = submit.sweep(workspace, Recipe(), TRIED, actor="human:anna", **asked)
    return ledger.claim(workspace, job.job_id, process.own())


def test_every_trial_is_a_run_of_the_job_and_the_result_names_the_best(workspace, frozen):
    work = claimed(workspace)
    sweep.run(work, Recipe(), Trainer(workspace, frozen, work, [0.5, 0.6, 0.4, 0.7]))
    assert [trial["settings"] for trial in work.result["trials"]] == ORDER
    assert [run.run_id for run in runs.all_of_job(workspace, work.job_id)] == [
        trial["run_id"] for trial in work.result["trials"]
    ]
    assert work.result["best"]["settings"] == {"dropout": 0.2}
    assert work.result["not_tried"] == []
    assert work.result["finding"] == (
        "dropout=0.2 has the lowest loss on valid, 0.400 against 0.500 of the recipe as it is. "
        f"Of {frozen.splits['valid']} images of valid, 0 are right only with it and 0 only without: no difference in accuracy."
    )


def test_no_look_at_test_is_counted_by_a_sweep(workspace, frozen):
    work = claimed(workspace)
    sweep.run(work, Recipe(), Trainer(workspace, frozen, work, [0.5, 0.6, 0.4, 0.7]))
    assert [run.n_test_looks for run in runs.list_runs(workspace)] == [0, 0, 0, 0]
    assert "test" not in str(work.result)


def test_without_time_the_first_trial_is_made_and_the_others_are_named(workspace, frozen):
    work = claimed(workspace, minutes=0.5)
    trainer = Trainer(workspace, frozen, work, [0.5], seconds=40.0)  # A second as slow would end after 30 s.
    sweep.run(work, Recipe(), trainer)
    assert [settings for settings, _ in trainer.asked] == ORDER[:1]
    assert work.result["not_tried"] == ORDER[1:]
    assert "there was no time for another" in work.result["finding"]


def test_a_trial_that_diverges_is_told_and_the_sweep_goes_on(workspace, frozen):
    work = claimed(workspace)
    ends = {"{'base_lr': 0.003}": TrainingDiverged("The loss is no longer a number.")}
    sweep.run(work, Recipe(), Trainer(workspace, frozen, work, [0.5, 9, 0.6, 0.7], ends=ends))
    states = [(trial["state"], trial["valid_loss"], trial["error"]) for trial in work.result["trials"]]
    assert states[1] == ("failed", None, "The loss is no longer a number.")
    assert [state for state, _, _ in states] == ["done", "failed", "done", "done"]
    assert work.result["finding"].startswith(
        "No change gave a lower loss on valid than the recipe as it is (0.500); 2 were tried."
    )


def test_a_gpu_that_is_lost_ends_the_sweep_so_that_it_can_be_resumed_there(workspace, frozen):
    work = claimed(workspace)
    with pytest.raises(DeviceLost):
        sweep.run(
            work,
            Recipe(),
            Trainer(workspace, frozen, work, [0.5], ends={str(ORDER[1]): DeviceLost("The GPU is gone.")}),
        )
    work.end("failed", error="The GPU is gone.")
    queue.resume(workspace, work.job_id)
    again = ledger.claim(workspace, work.job_id, process.own())
    trainer = Trainer(workspace, frozen, again, [0.4, 0.6, 0.7])
    sweep.run(again, Recipe(), trainer)
    assert [settings for settings, _ in trainer.asked] == ORDER[1:]
    assert again.result["best"]["settings"] == ORDER[1]


def test_where_no_trial_can_be_trained_the_job_fails_with_the_reason(workspace, frozen):
    work = claimed(workspace)
    ends = {str(settings): TrainingDiverged("The loss is no longer a number.") for settings in ORDER}
    with pytest.raises(
        TrainingError, match=r"None of 4 combinations could be trained\. The loss is no longer a number"
    ):
        sweep.run(work, Recipe(), Trainer(workspace, frozen, work, [], ends=ends))


def test_a_cancelled_sweep_keeps_its_trials_and_goes_on_with_those_not_done(workspace, frozen):
    work = claimed(workspace)
    with pytest.raises(Cancelled):
        sweep.run(
            work,
            Recipe(),
            Trainer(workspace, frozen, work, [0.5, 0.4], ends={"{'dropout': 0.2}": Cancelled()}),
        )
    assert [trial["settings"] for trial in work.result["trials"]] == ORDER[:2]
    assert work.result["best"]["settings"] == {"base_lr": 0.003}
    cut = runs.all_of_job(workspace, work.job_id)[2].run_id
    work.end("cancelled")
    queue.resume(workspace, work.job_id)

    again = ledger.claim(workspace, work.job_id, process.own())
    trainer = Trainer(workspace, frozen, again, [0.3, 0.6])
    sweep.run(again, Recipe(), trainer)
    assert trainer.asked == [
        (ORDER[2], cut),
        (ORDER[3], None),
    ]  # The one that was cut short goes on in its run.
    assert [trial["settings"] for trial in again.result["trials"]] == ORDER
    assert again.result["best"]["run_id"] == cut
    assert len(runs.all_of_job(workspace, work.job_id)) == 4


def test_time_spent_before_a_sweep_was_resumed_counts(workspace, frozen):
    work = claimed(workspace, minutes=1)
    with pytest.raises(Cancelled):
        sweep.run(
            work,
            Recipe(),
            Trainer(workspace, frozen, work, [0.5], seconds=31, ends={str(ORDER[1]): Cancelled()}),
        )
    assert work.result["not_tried"] == ORDER[1:]
    work.end("cancelled")
    queue.resume(workspace, work.job_id)
    again = ledger.claim(workspace, work.job_id, process.own())
    trainer = Trainer(workspace, frozen, again, [])
    sweep.run(again, Recipe(), trainer)  # 31 s are gone, and one as slow would need 31 more: over 60.
    assert trainer.asked == []
    assert again.result["not_tried"] == ORDER[1:]


def told(*losses):
    settings = [{}, {"dropout": 0.2}, {"dropout": 0.8}]
    return [
        {"settings": each, "valid_loss": loss, "accuracy": 0.9}
        for each, loss in zip(settings, losses, strict=False)
    ]


def compared(n_only_base, n_only_best, p):
    return Comparison(1, 2, "valid", 200, 0.8, 0.9, n_only_base, n_only_best, p, (0.0, 0.2))


def test_the_best_of_many_is_called_better_only_if_that_is_rare_among_as_many():
    assert "better by more than chance (p = 0.02)" in sweep.finding(told(0.5, 0.4), compared(2, 12, 0.02))
    # Of two changes the better one has .03 by luck more often: 2 x .03 = .06.
    assert "this may be luck (p = 0.06, counted for 2 changes tried)" in sweep.finding(
        told(0.5, 0.4, 0.6), compared(2, 12, 0.03)
    )
    assert "worse by more than chance" in sweep.finding(told(0.5, 0.4), compared(12, 1, 0.003))
    assert "3 only without: no difference in accuracy" in sweep.finding(told(0.5, 0.4), compared(3, 3, 1.0))


def test_without_the_recipe_as_it_is_there_is_nothing_to_measure_by():
    assert "nothing to measure the others by" in sweep.finding(told(None, 0.4), None)
    assert (
        sweep.finding(told(0.3, 0.4), None)
        == "No change gave a lower loss on valid than the recipe as it is (0.300); one was tried."
    )


def test_a_sweep_that_cannot_work_is_refused_before_it_is_queued(workspace, frozen):
    for tried, minutes, message in [
        (["colour=1,2"], 20, "no setting 'colour'"),
        (TRIED, 0, "minutes=0"),
        (TRIED, float("nan"), "minutes=nan"),
    ]:
        with pytest.raises(BadInput, match=message):
            submit.sweep(workspace, Recipe(), tried, minutes=minutes)
    with workspace.transaction() as connection:
        connection.execute("UPDATE snapshot SET n_leaks = 1")
    with pytest.raises(LeakingSnapshot):
        submit.sweep(workspace, Recipe(), TRIED)
    assert queue.list_jobs(workspace) == []
