"""What a sweep does: one training after the other while there is time, each an ordinary run, and a sentence on whether the best is luck."""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from peakid.errors import OutOfMemory, TrainingDiverged, TrainingError, WeightsMissing, WeightsUnfit
from peakid.evaluate import compare as comparing
from peakid.evaluate.compare import Comparison
from peakid.jobs.ledger import Work
from peakid.recipe import grid as sweeps
from peakid.recipe.grid import Trial
from peakid.recipe.recipe import Recipe
from peakid.records import Report, Run
from peakid.run_records import RunWarning
from peakid.store import runs

LUCK = 0.05  # As in evaluate/compare.py: rarer than this between equal runs is called real.

# A rate that is too high ends one trial; a GPU that is lost ends the sweep, to be resumed.
OF_ONE_TRIAL = (TrainingDiverged, OutOfMemory, WeightsMissing, WeightsUnfit)

Told = dict[str, Any]
"""One trial in the job's result: run_id, settings, state, accuracy and valid_loss on valid (or None), seconds, error."""

TrainOne = Callable[[Recipe, Run | None, Report], int]
"""Trains a recipe, or goes on with its earlier run, and answers the run; raises Cancelled and TrainingError."""


def run(work: Work, recipe: Recipe, train_one: TrainOne) -> None:
    """Try the combinations of the job's arguments `tried` within its `minutes`; the result holds the trials and what follows from them.

    A trial is known by its recipe, so a sweep that is resumed finds what it has done, and goes on with what was cut short.
    Test is not looked at: nothing here reads a prediction but those of valid.

    Raises:
        Cancelled: If someone asked for that; the trials done stay.
        TrainingError: If no trial at all could be trained.
    """
    plan, began = sweeps.plan(recipe, work.arguments["tried"]), time.monotonic()
    earlier = {
        _key(Recipe.model_validate(each.recipe)): each
        for each in runs.all_of_job(work.workspace, work.job_id)
    }
    spent_s = sum(each.seconds or 0.0 for each in earlier.values())
    done: list[Told] = []
    work.note(
        n_trials=len(plan.trials),
        skipped=[{"settings": texts, "reason": reason} for texts, reason in plan.skipped],
    )
    try:
        for number, trial in enumerate(plan.trials):
            before = earlier.get(_key(trial.recipe))
            if not _is_settled(before):
                elapsed_s, slowest_s = (
                    spent_s + time.monotonic() - began,
                    max((each["seconds"] for each in done), default=0.0),
                )
                if done and not sweeps.fits(elapsed_s, slowest_s, 60 * work.arguments["minutes"]):
                    break
                before = _tried(
                    work, trial, before, train_one, _told_as(work, number + 1, len(plan.trials), trial)
                )
            done.append(_told(trial, before))
            work.note(trials=done)
    finally:
        _conclude(work, done, plan.trials[len(done) :])
    if not any(each["valid_loss"] is not None for each in done):
        raise TrainingError(
            f"None of {len(done)} combinations could be trained. {done[0]['error']}", "Change the recipe."
        )


def finding(trials: Sequence[Mapping[str, Any]], compared: Comparison | None) -> str:
    """Say whether the best trial is better than the recipe as it is, by more than chance.

    The best of many is often the luckiest, so its p is multiplied by the number of others that it was chosen from (Bonferroni).

    Args:
        trials: As told, the recipe as it is first.
        compared: The recipe's run (a) against the best one (b); None where they are the same, or the recipe's failed.
    """
    base, best = trials[0], sweeps.best(trials)
    n_others = len([each for each in trials[1:] if each["valid_loss"] is not None])
    if best is None or base["valid_loss"] is None:
        return "The recipe as it is could not be trained, so there is nothing to measure the others by."
    if not n_others:
        return "Only the recipe as it is was tried: there was no time for another, or none could be trained."
    if best is base or compared is None:
        counted = "one was" if n_others == 1 else f"{n_others} were"
        return f"No change gave a lower loss on valid than the recipe as it is ({base['valid_loss']:.3f}); {counted} tried."
    losses = f"{sweeps.settings_text(best['settings'])} has the lowest loss on valid, {best['valid_loss']:.3f} against {base['valid_loss']:.3f}"
    return f"{losses} of the recipe as it is. {_in_doubt(compared, n_others)}"


def _in_doubt(compared: Comparison, n_others: int) -> str:
    only_best = f"Of {compared.n_common} images of valid, {compared.n_only_b} are right only with it and {compared.n_only_a} only without"
    if compared.n_only_a == compared.n_only_b:
        return f"{only_best}: no difference in accuracy."
    p = min(1.0, compared.mcnemar_p * n_others)
    counted = f"p = {p:.2g}" + (f", counted for {n_others} changes tried" if n_others > 1 else "")
    if p >= LUCK:
        return f"{only_best}: this may be luck ({counted}); more images would tell."
    return f"{only_best}: {'better' if compared.n_only_b > compared.n_only_a else 'worse'} by more than chance ({counted})."


def _key(recipe: Recipe) -> str:
    return recipe.model_dump_json()


def _is_settled(before: Run | None) -> bool:
    """Tell whether a trial needs no more: it is done, or it failed of itself. One that its job's end cut short has no reason written."""
    return before is not None and (
        before.state == "done" or (before.state == "failed" and bool(before.warnings))
    )


def _tried(work: Work, trial: Trial, before: Run | None, train_one: TrainOne, report: Report) -> Run:
    began = time.monotonic()
    try:
        run_id = train_one(trial.recipe, before, report)
    except OF_ONE_TRIAL as error:
        failed = next(
            each for each in runs.all_of_job(work.workspace, work.job_id) if each.state == "running"
        )
        runs.finish(
            work.workspace,
            failed.run_id,
            "failed",
            warnings=[RunWarning("failed", error.message)],
            seconds=time.monotonic() - began,
        )
        return runs.show(work.workspace, failed.run_id)
    return runs.show(work.workspace, run_id)


def _told(trial: Trial, run: Run | None) -> Told:
    assert run is not None  # Every settled trial has one.
    return {
        "run_id": run.run_id,
        "settings": trial.settings,
        "state": run.state,
        "accuracy": run.metrics.get("accuracy"),
        "valid_loss": run.metrics.get("valid_loss"),
        "seconds": run.seconds or 0.0,
        "error": run.warnings[0].text if run.state == "failed" and run.warnings else "",
    }


def _told_as(work: Work, number: int, n_trials: int, trial: Trial) -> Report:
    def report(phase: str, step: int, total: int, message: str) -> None:
        doing = " · ".join(
            part for part in (sweeps.settings_text(trial.settings), phase.lower(), message) if part
        )
        work.report(f"Trial {number} of {n_trials}", step, total, doing)

    return report


def _conclude(work: Work, done: Sequence[Told], left: Sequence[Trial]) -> None:
    best = sweeps.best(done)
    not_tried = [each.settings for each in left]
    if not done or best is None:
        work.note(best=None, not_tried=not_tried, finding="")
        return
    compared = None
    if best is not done[0] and done[0]["valid_loss"] is not None:
        compared = comparing.compare(
            work.workspace, done[0]["run_id"], best["run_id"], split="valid", actor=work.actor
        )
    work.note(best=best, not_tried=not_tried, finding=finding(done, compared))
