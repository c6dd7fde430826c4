"""Whether a run reaches the goal that a person set, as far as its interval tells."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

from peakid.evaluate import run_scores, score_text
from peakid.evaluate.intervals import combined_difference, wilson
from peakid.evaluate.run_scores import RunScore
from peakid.records import Run, Snapshot
from peakid.store import run_predictions
from peakid.store.evaluation.goals import Goal
from peakid.store.workspace import Workspace

Verdict = Literal[
    "met",             # All of the interval reaches the goal.
    "not met",         # None of it does.
    "cannot be told",  # The goal is inside the interval: more images would tell.
    "not measured",    # There is no such score.
]  # fmt: skip


@dataclass(frozen=True)
class Part:
    """One part of a goal for one run.

    Attributes:
        wanted: The goal, 0..1: at least for an accuracy, at most for a gap.
        value: What the run has; None where it is not measured, as `interval`.
    """

    wanted: float
    value: float | None
    interval: tuple[float, float] | None
    verdict: Verdict


@dataclass(frozen=True)
class GoalCheck:
    """The parts of a goal for one run; None for a part that the goal does not have."""

    run_id: int
    accuracy: Part | None
    gap: Part | None

    def to_json(self) -> dict[str, Any]:
        """Return the check as `--json` prints it."""
        return asdict(self)


def of_run(workspace: Workspace, goal: Goal, run: Run, snapshots: Mapping[str, Snapshot]) -> GoalCheck:
    """Check a run against a goal.

    Args:
        snapshots: By digest.
    """
    frozen = snapshots.get(run.snapshot_digest)
    score = run_scores.of(run, frozen) if frozen else None
    gap = _gap(workspace, run, score) if goal.max_gap is not None else None
    return GoalCheck(
        run.run_id,
        None if goal.accuracy is None else accuracy(goal.accuracy, score),
        None if goal.max_gap is None else largest_gap(goal.max_gap, *(gap or (None, None))),
    )


def accuracy(wanted: float, score: RunScore | None) -> Part:
    """Check an accuracy that is to be at least `wanted`."""
    if score is None:
        return Part(wanted, None, None, "not measured")
    low, high = score.interval
    verdict: Verdict = "met" if low >= wanted else "not met" if high < wanted else "cannot be told"
    return Part(wanted, score.share, score.interval, verdict)


def largest_gap(wanted: float, gap: float | None, interval: tuple[float, float] | None) -> Part:
    """Check a gap that is to be at most `wanted`."""
    if gap is None or interval is None:
        return Part(wanted, None, None, "not measured")
    low, high = interval
    verdict: Verdict = "met" if high <= wanted else "not met" if low > wanted else "cannot be told"
    return Part(wanted, gap, interval, verdict)


def texts(check: GoalCheck) -> list[str]:
    """Return a sentence for each part of the goal."""
    found = []
    if part := check.accuracy:
        measured = score_text.score(part.value, part.interval)
        found.append(f"At least {score_text.percent(part.wanted)} on validation: {_said(part, measured)}.")
    if part := check.gap:
        measured = "-"
        if part.value is not None and part.interval is not None:
            low, high = (100 * bound for bound in part.interval)
            measured = f"{score_text.difference(part.value)} ({low:+.1f} to {high:+.1f})"
        wanted = f"{100 * part.wanted:.0f} points"
        found.append(f"Train at most {wanted} above validation: {_said(part, measured)}.")
    return found


def _said(part: Part, measured: str) -> str:
    if part.verdict == "not measured":
        return "not measured for this run"
    if part.verdict == "cannot be told":
        return f"{measured}, cannot be told yet: the interval contains the goal"
    return f"{measured}, {part.verdict}"


def _gap(workspace: Workspace, run: Run, score: RunScore | None) -> tuple[float, tuple[float, float]] | None:
    """Return accuracy on train minus the score with its 95 % interval; None where one is missing."""
    n_right, n_images = run_predictions.n_right(workspace, run.run_id, "train")
    if not n_images or score is None:
        return None
    share = n_right / n_images
    return share - score.share, combined_difference(
        share, wilson(n_right, n_images), score.share, score.interval
    )
