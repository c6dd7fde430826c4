"""Accept all suggested labels above a threshold as one step, and measure how many of those are wrong.

An accepted label is the model's, not a person's: its decision has the actor `model:head` and does not count
as reviewed. The step belongs to the person who pressed the button, so that the same person can undo it. Test
images are left out: a model's label on them would make every score of models like it better than it is.
"""

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass

from peakid import printable
from peakid.curate import decisions, step_events
from peakid.curate.queues import audits, suggested
from peakid.errors import BadInput
from peakid.evaluate.intervals import wilson
from peakid.records import StepResult
from peakid.remedies import action
from peakid.store import decision_log
from peakid.store.workspace import Workspace

ACTOR = "model:head"
THRESHOLD = 0.95
MOST_AT_ONCE = 20_000  # A step is one transaction of some seconds, in which no one else can judge.

# The smallest of several imported splits is "test": an image that is in a test folder too is a test image.
_IS_TEST = (
    "(COALESCE((SELECT a.split FROM split_assignment a WHERE a.seed = :seed AND a.image_id = s.image_id),"
    " (SELECT MIN(o.split) FROM origin o WHERE o.image_id = s.image_id), '') = 'test')"
)
_ABOVE = (
    "suggestion g INDEXED BY suggestion_unlabelled CROSS JOIN image_state s ON s.image_id = g.image_id"
    " CROSS JOIN class c ON c.id = g.suggested_class_id"
    " WHERE g.label_quality IS NULL AND g.confidence >= :threshold AND s.verdict = 'clear'"
    " AND c.is_retired = 0"
)


@dataclass(frozen=True)
class Offer:
    """What `accept` would do.

    Attributes:
        n_images: Images that would get their suggested label.
        n_test: Test images above the threshold, which a person has to label.
        expected_error: Share of wrong labels among the `n_images` by the model's own confidence, 0..1.
    """

    threshold: float
    n_images: int
    n_test: int
    expected_error: float


@dataclass(frozen=True)
class Accepted:
    """A step that accepted suggestions, and the random audit of it.

    Attributes:
        n_images: Images that got a label.
        n_sample: Images of the audit; `n_judged` of them are judged by a person.
        n_wrong: How many of the judged ones have another label now, or none.
        error_rate: `n_wrong` of `n_judged`, 0..1; None as long as none is judged.
        interval: Of 95 %, by Wilson; without width where every accepted image is judged.
        expected_error: As in `Offer`, when it was accepted.
        queue: The queue of the audit.
    """

    step_id: int
    threshold: float
    accepted_by: str
    accepted_at: str
    n_images: int
    n_sample: int
    n_judged: int
    n_wrong: int
    error_rate: float | None
    interval: tuple[float, float] | None
    expected_error: float
    is_undone: bool
    queue: str


def offer(workspace: Workspace, threshold: float = THRESHOLD) -> Offer:
    """Return what accepting all suggestions above a threshold would do.

    Args:
        threshold: Least confidence, 0..1.

    Raises:
        BadInput: If the threshold is not within 0..1.
    """
    row = workspace.query(
        f"SELECT COUNT(*) AS n, COALESCE(SUM(is_test), 0) AS n_test, COALESCE(SUM(doubt), 0) AS doubt FROM"
        f" (SELECT {_IS_TEST} AS is_test, (1 - {_IS_TEST}) * (1 - g.confidence) AS doubt"
        f" FROM {_ABOVE})",
        _parameters(workspace, threshold),
    )[0]
    n_images = row["n"] - row["n_test"]
    return Offer(threshold, n_images, row["n_test"], row["doubt"] / n_images if n_images else 0.0)


def accept(
    workspace: Workspace,
    threshold: float = THRESHOLD,
    *,
    at_most: int | None = None,
    actor: str,
    event_id: str = "",
) -> StepResult:
    """Give every image its suggested label where the confidence is high enough, as one step.

    Args:
        threshold: Least confidence, 0..1.
        at_most: The number of images that the actor confirmed; if there are more now, none is labelled.
        actor: Who accepts them: the step is theirs. The labels are by `model:head`.
        event_id: Identifies the action; delivered twice, it is written once.

    Raises:
        BadInput: If the threshold is not within 0..1, no suggestion is above it, or more than `at_most` are.
    """
    with workspace.transaction() as connection:
        if step_events.is_known(connection, event_id):
            return StepResult(None, [])
        rows = connection.execute(
            "SELECT g.image_id, g.suggested_class_id AS class_id, g.confidence, s.decision_id"
            f" FROM {_ABOVE} AND NOT {_IS_TEST} ORDER BY g.confidence DESC, g.image_id",
            _parameters(workspace, threshold),
        ).fetchall()
        _refuse(rows, threshold, at_most)
        step_id = decision_log.new_step(connection, actor=actor, kind="decide", event_id=event_id)
        for row in rows:
            decision_log.append(
                connection,
                step_id=step_id,
                image_id=row["image_id"],
                verdict="label",
                class_id=row["class_id"],
                is_reviewed=False,
                actor=ACTOR,
                base_decision_id=row["decision_id"],
                basis={
                    "queue": suggested.SUGGESTIONS,
                    "view": "accepted above a threshold",
                    "threshold": threshold,
                    "confidence": round(row["confidence"], 4),
                    "accepted_by": actor,
                },
            )
        expected = sum(1 - row["confidence"] for row in rows) / len(rows)
        connection.execute(
            "INSERT INTO accepted_step (step_id, threshold, n_images, expected_error) VALUES (?, ?, ?, ?)",
            (step_id, threshold, len(rows), expected),
        )
        return StepResult(step_id, decisions.of_step(connection, step_id))


def list_accepted(workspace: Workspace, *, limit: int = 50) -> list[Accepted]:
    """Return the steps that accepted suggestions with their audits, newest first."""
    rows = workspace.query(
        "SELECT a.step_id, a.threshold, a.n_images, a.expected_error, s.actor, s.made_at,"
        f" {step_events.IS_UNDONE} AS is_undone FROM accepted_step a JOIN step s ON s.id = a.step_id"
        " ORDER BY a.step_id DESC LIMIT ?",
        (limit,),
    )
    return [_accepted(workspace, row) for row in rows]


def newest(workspace: Workspace) -> Accepted | None:
    """Return the newest step that accepted suggestions and was not undone, None if there is none."""
    return next((each for each in list_accepted(workspace, limit=10) if not each.is_undone), None)


def of_queue(workspace: Workspace, queue: str) -> Accepted | None:
    """Return the accepted step that a queue audits; None for another queue."""
    step_id = audits.audited_step(queue)
    return next((each for each in list_accepted(workspace) if each.step_id == step_id), None)


def audit_text(audit: Accepted) -> str:
    """Return the result of an audit: `Audit: 2 of 50 wrong (4 %, 1-13 %)`."""
    if audit.error_rate is None or audit.interval is None:
        return f"Audit: none of {audit.n_sample} judged yet"
    low, high = (printable.percent_number(edge) for edge in audit.interval)
    shares = f"{printable.percent(audit.error_rate)}, {low}-{high} %"
    return f"Audit: {audit.n_wrong} of {audit.n_judged} wrong ({shares})"


def _refuse(rows: Sequence[sqlite3.Row], threshold: float, at_most: int | None) -> None:
    if not rows:
        raise BadInput(
            f"No suggestion for an image without a label has a confidence of {threshold:g} or more.",
            "Choose a lower threshold, or label more images first.",
            action("open_queue", queue=suggested.SUGGESTIONS),
        )
    if at_most is not None and len(rows) > at_most:
        raise BadInput(
            f"{len(rows):,} suggestions have a confidence of {threshold:g} or more now; you confirmed"
            f" {at_most:,}.",
            "Check the suggestions and confirm the new number.",
        )
    if len(rows) > MOST_AT_ONCE:
        raise BadInput(
            f"{len(rows):,} suggestions have a confidence of {threshold:g} or more, and one step accepts"
            f" {MOST_AT_ONCE:,} at most.",
            "Choose a higher threshold first.",
        )


def _parameters(workspace: Workspace, threshold: float) -> dict[str, float | int]:
    if not 0 <= threshold <= 1:
        raise BadInput(f"{threshold:g} cannot be a threshold.", "Give a confidence in 0..1, such as 0.95.")
    return {"threshold": threshold, "seed": suggested.seed_of_splits(workspace)}


def _accepted(workspace: Workspace, row: sqlite3.Row) -> Accepted:
    sample = [] if row["is_undone"] else audits.sample_of_step(workspace, row["step_id"])
    n_judged, n_wrong = _judged(workspace, row["step_id"], sample)
    rate = n_wrong / n_judged if n_judged else None
    is_whole = n_judged == row["n_images"]
    interval = (rate, rate) if is_whole and rate is not None else wilson(n_wrong, n_judged)
    return Accepted(
        step_id=row["step_id"],
        threshold=row["threshold"],
        accepted_by=row["actor"],
        accepted_at=row["made_at"],
        n_images=row["n_images"],
        n_sample=len(sample),
        n_judged=n_judged,
        n_wrong=n_wrong,
        error_rate=rate,
        interval=interval if n_judged else None,
        expected_error=row["expected_error"],
        is_undone=bool(row["is_undone"]),
        queue=audits.step_queue(row["step_id"]),
    )


def _judged(workspace: Workspace, step_id: int, sample: Sequence[int]) -> tuple[int, int]:
    """Return how many images of a sample a person has judged, and how many of them were wrong.

    An excluded image was wrong too: it shows none of the classes. A flagged one is not judged yet.
    """
    marks = ", ".join("?" * len(sample))
    row = workspace.query(
        "SELECT COUNT(*) AS n, COALESCE(SUM(s.verdict <> 'label' OR s.class_id <>"
        " COALESCE(c.merged_into_id, c.id)), 0) AS n_wrong"
        " FROM decision d JOIN image_state s ON s.image_id = d.image_id JOIN class c ON c.id = d.class_id"
        f" WHERE d.step_id = ? AND d.image_id IN ({marks}) AND s.is_reviewed = 1",
        (step_id, *sample),
    )[0]
    return row["n"], row["n_wrong"]
