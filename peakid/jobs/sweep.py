"""A sweep: trains combinations of settings while there is time, and compares the best with the recipe."""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from peakid import progress_text
from peakid.errors import OutOfMemory, TrainingDiverged, TrainingError, WeightsMissing, WeightsUnfit
from peakid.evaluate.comparing import compare as comparing
from peakid.evaluate.comparing.compare import Comparison
from peakid.jobs import results
from peakid.jobs.arguments import SweepArguments
from peakid.jobs.ledger import Work
from peakid.jobs.results import SkippedTrial, SweepFinding, SweepResult, TrialResult, Verdict
from peakid.recipe import grid
from peakid.recipe.grid import Trial
from peakid.recipe.recipe import Recipe
from peakid.records import Report, Run
from peakid.run_records import RunWarning
from peakid.store import runs

SIGNIFICANCE = 0.05  # As in evaluate.comparing.compare.

# A learning rate that is too high ends one trial; a lost GPU ends the sweep, which can be resumed.
OF_ONE_TRIAL = (TrainingDiverged, OutOfMemory, WeightsMissing, WeightsUnfit)

TrainOne = Callable[[Recipe, Run | None, Report], int]
"""Trains a recipe, or continues its earlier run, and returns its id; raises Cancelled and TrainingError."""


class Sweep:
    """One sweep while it runs: its plan, its finished trials, and the result so far.

    A trial is identified by its recipe, so a resumed sweep recognises the runs it has already trained and
    continues the one that was interrupted. Only validation predictions are read, never those of test.
    """

    def __init__(self, work: Work, recipe: Recipe, train_one: TrainOne) -> None:
        arguments = work.arguments_as(SweepArguments)
        plan = grid.plan(recipe, arguments.tried)
        self.work, self.trials, self.train_one = work, plan.trials, train_one
        self.budget_s: float = 60 * arguments.minutes
        earlier = runs.all_of_job(work.workspace, work.job_id)
        self.earlier = {_key(Recipe.model_validate(each.recipe)): each for each in earlier}
        self.spent_s = sum(each.seconds or 0.0 for each in earlier)
        self.began = time.monotonic()
        self.done: list[TrialResult] = []
        self.skipped = tuple(SkippedTrial(settings, reason) for settings, reason in plan.skipped)

    def train_all(self) -> None:
        """Train the trials in their order until the next one would exceed the time budget."""
        self._note()
        for number, trial in enumerate(self.trials, start=1):
            run = self.earlier.get(_key(trial.recipe))
            if not _is_settled(run):
                if self.done and not self._has_time():
                    return
                run = self._train(number, trial, run)
            assert run is not None  # Settled or just trained.
            self.done.append(_result_of(trial, run))
            self._note()

    def conclude(self) -> None:
        """Store which trial is best, whether that is significant, and what was not tried."""
        best = results.best(self.done)
        finding = self._finding(best) if best else None
        self._note(
            best=best,
            not_tried=tuple(each.settings for each in self.trials[len(self.done) :]),
            finding=finding_text(finding) if finding else "",
            comparison=finding,
        )

    def _finding(self, best: TrialResult) -> SweepFinding:
        base, comparison = self.done[0], None
        if best is not base and base.valid_loss is not None:
            comparison = comparing.compare(
                self.work.workspace, base.run_id, best.run_id, split="valid", actor=self.work.actor
            )
        return compared(self.done, comparison)

    def _time_left(self, number: int, elapsed_s: float) -> str:
        """Return about how long this trial and the later ones take, if they take as long as the earlier ones.

        It is empty for the first.

        Args:
            elapsed_s: Of this trial.
        """
        if not self.done:
            return ""
        trial_s = sum(each.seconds for each in self.done) / len(self.done)
        left_s = max(0.0, trial_s - elapsed_s) + (len(self.trials) - number) * trial_s
        budget_left_s = self.budget_s - self.spent_s - (time.monotonic() - self.began)
        return progress_text.time_left(min(left_s, max(trial_s - elapsed_s, budget_left_s)))

    def _has_time(self) -> bool:
        elapsed_s = self.spent_s + time.monotonic() - self.began
        return grid.fits(elapsed_s, max(each.seconds for each in self.done), self.budget_s)

    def _train(self, number: int, trial: Trial, run: Run | None) -> Run:
        began, workspace, trained = time.monotonic(), self.work.workspace, 0.0

        def report(phase: str, step: int, total: int, message: str) -> None:
            nonlocal trained
            if phase.startswith(("Training", "Evaluating")):
                trained = progress_text.share(step, total) if phase.startswith("Training") else 1.0
            # Not the time that is left of this trial: others follow.
            doing = progress_text.line(phase, progress_text.without_time_left(message))
            left = self._time_left(number, time.monotonic() - began)
            parts = (grid.settings_text(trial.settings), doing, left)
            text = ", ".join(part for part in parts if part)
            n, done = len(self.trials), number - 1 + trained
            self.work.report(f"Trial {number} of {n}", round(100 * done), 100 * n, text)

        try:
            return runs.show(workspace, self.train_one(trial.recipe, run, report))
        except OF_ONE_TRIAL as error:
            every = runs.all_of_job(workspace, self.work.job_id)
            failed = next(each for each in every if each.state == "running")
            seconds = time.monotonic() - began
            runs.finish(
                workspace,
                failed.run_id,
                "failed",
                warnings=[RunWarning("failed", error.message)],
                seconds=seconds,
            )
            return runs.show(workspace, failed.run_id)

    def _note(
        self,
        *,
        best: TrialResult | None = None,
        not_tried: tuple[results.Settings, ...] = (),
        finding: str = "",
        comparison: SweepFinding | None = None,
    ) -> None:
        self.work.note(
            SweepResult(
                n_trials=len(self.trials),
                trials=tuple(self.done),
                best=best,
                not_tried=not_tried,
                skipped=self.skipped,
                finding=finding,
                comparison=comparison,
            )
        )


def run(work: Work, recipe: Recipe, train_one: TrainOne) -> None:
    """Run the sweep of a job; its result holds the trials and the finding, also when it is cancelled.

    Raises:
        Cancelled: If the job was cancelled; finished trials stay.
        TrainingError: If no trial could be trained.
    """
    sweep = Sweep(work, recipe, train_one)
    try:
        sweep.train_all()
    finally:
        sweep.conclude()
    if results.best(sweep.done) is None:
        raise TrainingError(
            f"None of {len(sweep.done)} combinations could be trained. {sweep.done[0].error}",
            "Change the recipe.",
        )


def compared(trials: Sequence[TrialResult], comparison: Comparison | None) -> SweepFinding:
    """Return whether the best trial is significantly better than the unchanged recipe.

    Args:
        trials: The unchanged recipe first.
        comparison: The recipe's run (a) with the best run (b); None where they are the same or (a) failed.
    """
    base, best = trials[0], results.best(trials)
    if best is None or base.valid_loss is None:
        return SweepFinding("base_failed")
    n_others = sum(each.valid_loss is not None for each in trials[1:])
    if not n_others:
        return SweepFinding("only_base", base_loss=base.valid_loss)
    if best is base or comparison is None:
        return SweepFinding("no_change", base_loss=base.valid_loss, n_others=n_others)
    p = min(1.0, comparison.mcnemar_p * n_others)
    return SweepFinding(
        _verdict(comparison, p),
        best=best.settings,
        base_loss=base.valid_loss,
        best_loss=best.valid_loss or 0.0,
        n_others=n_others,
        n_common=comparison.n_common,
        n_only_best=comparison.n_only_b,
        n_only_base=comparison.n_only_a,
        p=p,
    )


def _verdict(comparison: Comparison, p: float) -> Verdict:
    if comparison.n_only_a == comparison.n_only_b:
        return "equal"
    if p >= SIGNIFICANCE:
        return "luck"
    return "better" if comparison.n_only_b > comparison.n_only_a else "worse"


def finding_text(finding: SweepFinding, name: Callable[[Mapping[str, Any]], str] = grid.settings_text) -> str:
    """Return a finding as sentences.

    Args:
        name: Names a combination of settings.
    """
    match finding.verdict:
        case "base_failed":
            return (
                "The unchanged recipe could not be trained, so there is nothing to compare the others with."
            )
        case "only_base":
            return "Only the unchanged recipe was trained: there was no time for others, or they failed."
        case "no_change":
            n_tried = "1 other" if finding.n_others == 1 else f"{finding.n_others} others"
            return (
                "No combination has a lower validation loss than the unchanged recipe "
                f"({finding.base_loss:.3f}); {n_tried} tried."
            )
    return (
        f"{name(finding.best)} has the lowest validation loss: {finding.best_loss:.3f}, against "
        f"{finding.base_loss:.3f} of the unchanged recipe. Of {finding.n_common} validation images, "
        f"{finding.n_only_best} are correct only with it and {finding.n_only_base} only without: "
        f"{_significance(finding)}."
    )


def _significance(finding: SweepFinding) -> str:
    if finding.verdict == "equal":
        return "no difference in accuracy"
    corrected = f", corrected for {finding.n_others} combinations" if finding.n_others > 1 else ""
    p = f"(p = {finding.p:.2g}{corrected})"
    if finding.verdict == "luck":
        return f"this may be chance {p}; more images would tell"
    return f"significantly {finding.verdict} {p}"


def _key(recipe: Recipe) -> str:
    return recipe.model_dump_json()


def _is_settled(run: Run | None) -> bool:
    """Return whether a trial needs no more training: it is done, or it failed with a reason of its own.

    A run that was interrupted because its job ended has no reason.
    """
    return run is not None and (run.state == "done" or (run.state == "failed" and bool(run.warnings)))


def _result_of(trial: Trial, run: Run) -> TrialResult:
    return TrialResult(
        run_id=run.run_id,
        settings=trial.settings,
        state=run.state,
        accuracy=run.metrics.get("accuracy"),
        valid_loss=run.metrics.get("valid_loss"),
        seconds=run.seconds or 0.0,
        error=run.warnings[0].text if run.state == "failed" and run.warnings else "",
    )
