"""The queues of what a run predicts wrongly: one cell of its confusion matrix, or all errors of a split."""

from dataclasses import replace

from peakid import printable
from peakid.clean_text import whole_number
from peakid.curate.queues import suggested
from peakid.curate.queues.filters import SqlValue
from peakid.curate.queues.segments import NOT_SETTLED, Segment
from peakid.errors import NotFound
from peakid.store.workspace import Workspace

ERRORS = "errors"
CONFUSION = "confusion"
JUDGED_TOO = "all"  # At the end of a queue of errors: also those that were judged since.
IN_TRAIN = "a near duplicate is in train"

_PREDICTED = (
    f"printf('run %d predicts %s (%s)', p.run_id, p.predicted_label, {printable.percent_sql('p.confidence')})"
)
_HIDDEN = "p.split = 'test' AND s.judged_in IS NOT :queue"
_HIDDEN_REASON = "printf('test image: the prediction of run %d is hidden until you judge it', p.run_id)"
# Test labels judged with the prediction in view would agree with the model and inflate its test score.
REASON = f"CASE WHEN {_HIDDEN} THEN {_HIDDEN_REASON} ELSE {_PREDICTED} END"
SHOWN_SCORE = f"CASE WHEN {_HIDDEN} THEN NULL ELSE {{}} END"
SHOWN_LABEL = SHOWN_SCORE.format("p.predicted_label")
# The class that a predicted label is now: it may have been renamed since, or merged, up to four times.
# A recursive query has no such limit, but is slower and makes a table for each prediction.
PREDICTED_ID = (
    "(SELECT COALESCE(d.merged_into_id, d.id, c.id, b.id, k.id) FROM class k"
    " LEFT JOIN class b ON b.id = k.merged_into_id LEFT JOIN class c ON c.id = b.merged_into_id"
    " LEFT JOIN class d ON d.id = c.merged_into_id WHERE k.id = COALESCE("
    "(SELECT id FROM class WHERE name = p.predicted_label),"
    " (SELECT class_id FROM class_alias WHERE name = p.predicted_label)))"
)
_ALSO_SHOWS = (
    f"EXISTS (SELECT 1 FROM also_shows a WHERE a.image_id = p.image_id AND a.class_id = {PREDICTED_ID})"
)
_OPEN = (
    f"s.class_id IS NOT {PREDICTED_ID} AND {NOT_SETTLED}"
    " AND (s.judged_in IS NULL OR s.judged_in NOT GLOB :cells)"
)
# A pair that a person called different is not a near duplicate.
_TRAIN_TWIN = (
    "EXISTS (SELECT 1 FROM (SELECT image_b_id AS other FROM duplicate_pair WHERE image_a_id = p.image_id"
    " UNION ALL SELECT image_a_id FROM duplicate_pair WHERE image_b_id = p.image_id) d"
    " CROSS JOIN snapshot_item t ON t.snapshot_id = :snapshot_id AND t.image_id = d.other"
    " WHERE t.split = 'train' AND COALESCE((SELECT j.verdict FROM pair_judgement j"
    " WHERE j.image_a_id = MIN(p.image_id, d.other) AND j.image_b_id = MAX(p.image_id, d.other)"
    " ORDER BY j.id DESC LIMIT 1), 'open') <> 'different')"
)
_LEAK = f"CASE WHEN p.split <> 'cv' AND {_TRAIN_TWIN} THEN '; {IN_TRAIN}' ELSE '' END"


def errors_queue(run_id: int, split: str, *, is_judged_too: bool = False) -> str:
    """Return the name of the queue of all errors of a run on one split.

    First come those whose label the live head doubts, the most doubtful first, then the most confident ones.
    Of test, and with those that are judged, all are in the order of the confidence.

    Args:
        is_judged_too: Also the errors that a person has judged since, or whose label was corrected.
    """
    return f"{ERRORS}:{run_id}:{split}" + (f":{JUDGED_TOO}" if is_judged_too else "")


def confusion_queue(run_id: int, split: str, given_label: str, predicted_label: str) -> str:
    """Return the name of the queue of one cell of a confusion matrix."""
    return ":".join([CONFUSION, str(run_id), split, _quoted(given_label), _quoted(predicted_label)])


def unquoted(class_name: str) -> str:
    """Return a class name as it was before `confusion_queue` quoted it."""
    return class_name.replace("%3A", ":").replace("%25", "%")


def run_of(queue: str) -> tuple[int, str] | None:
    """Return the run and the split of a queue of errors; None for another queue."""
    kind, _, rest = queue.partition(":")
    number, _, split = rest.partition(":")
    run_id = whole_number(number)
    if kind != ERRORS or run_id is None or not split:
        return None
    return run_id, split.removesuffix(f":{JUDGED_TOO}")


def plan_errors(workspace: Workspace, queue: str, rest: str) -> list[Segment]:
    """Return the segments of the queue `errors:RUN:SPLIT`.

    Labels that were planted wrong lead it with the live head, which sees what the neighbours of an image are
    called (bench/planted_errors.py): without it, the surest errors of a model are often its own.

    What a run predicts wrongly for the images that it was trained on says little: such queues are empty.

    Raises:
        NotFound: If this is not the name of such a queue.
    """
    named = run_of(queue)
    if named is None:
        raise NotFound(
            f"{queue!r} is not the queue of the errors of a run.",
            f"Write {ERRORS}:RUN:SPLIT, for instance {ERRORS}:3:valid, or {ERRORS}:3:valid:{JUDGED_TOO}.",
        )
    run_id, split = named
    is_judged_too = queue.endswith(f":{JUDGED_TOO}")
    row = workspace.one("SELECT snapshot_id FROM run WHERE id = ?", (run_id,))
    where = (
        "p.run_id = :run_id AND p.is_out_of_sample = 1 AND p.predicted_label <> p.given_label"
        f" AND p.split = :split AND NOT {_ALSO_SHOWS}"
    )
    most_confident = Segment(
        "prediction p",
        "p.image_id",
        where if is_judged_too else f"{where} AND {_OPEN}",
        f"{REASON} || {_LEAK}",
        score=SHOWN_SCORE.format("1 - p.confidence"),
        predicted=SHOWN_LABEL,
        key=("p.confidence", "p.image_id"),
        is_descending=True,
        index="prediction_disagrees",
        hint="EXISTS (SELECT 1 FROM prediction h WHERE h.run_id = :run_id AND h.image_id = {0}"
        " AND h.predicted_label <> h.given_label)",
        parameters={
            "queue": queue,
            "run_id": run_id,
            "split": split,
            "snapshot_id": row["snapshot_id"] if row else -1,
            "cells": f"{CONFUSION}:{run_id}:{split}:*",
        },
    )
    if is_judged_too or not suggested.is_error_order(workspace, queue):
        return [most_confident]
    return [_doubted(most_confident), _not_doubted(most_confident)]


def doubted(workspace: Workspace, split: str) -> dict[int, float]:
    """Return the label quality by image of the labels that lead the errors of a split; empty for test."""
    if split == "test":
        return {}
    rows = workspace.query(
        "SELECT g.image_id, g.label_quality FROM suggestion g JOIN image_state s ON s.image_id = g.image_id"
        f" WHERE {suggested.UNCONFIRMED_ISSUE}"
    )
    return {row["image_id"]: row["label_quality"] for row in rows}


def _doubted(errors: Segment) -> Segment:
    """Return the errors whose label the live head doubts, the most doubtful first."""

    def of_run(what: str) -> str:
        return f"(SELECT {what} FROM prediction p WHERE p.run_id = :run_id AND p.image_id = g.image_id)"

    return replace(
        errors,
        table="suggestion g",
        image_id="g.image_id",
        where=f"{suggested.UNCONFIRMED_ISSUE} AND EXISTS (SELECT 1 FROM prediction p WHERE {errors.where}"
        " AND p.image_id = g.image_id)",
        reason=of_run(errors.reason),
        score=of_run(errors.score),
        predicted=of_run(errors.predicted),
        key=("g.label_quality", "g.image_id"),
        is_descending=False,
        index="suggestion_issue",
    )


def _not_doubted(errors: Segment) -> Segment:
    is_doubted = (
        f"EXISTS (SELECT 1 FROM suggestion g WHERE g.image_id = p.image_id AND {suggested.UNCONFIRMED_ISSUE})"
    )
    return replace(errors, where=f"{errors.where} AND NOT {is_doubted}")


def plan_confusion(workspace: Workspace, queue: str, rest: str) -> list[Segment]:
    """Return the segment of the queue `confusion:RUN:SPLIT:GIVEN:PREDICTED`.

    Raises:
        NotFound: If this is not the name of such a queue.
    """
    parts = rest.split(":")
    run_id = whole_number(parts[0])
    if len(parts) != 4 or run_id is None:
        raise NotFound(
            f"{queue!r} is not the queue of a confusion cell.",
            f"Write {CONFUSION}:RUN:SPLIT:GIVEN:PREDICTED, for instance {CONFUSION}:3:valid:dom:eiger.",
        )
    parameters: dict[str, SqlValue] = {
        "run_id": run_id,
        "split": parts[1],
        "given": unquoted(parts[2]),
        "predicted": unquoted(parts[3]),
        "queue": queue,
    }
    where = (
        "p.run_id = :run_id AND p.split = :split AND p.given_label = :given"
        " AND p.predicted_label = :predicted"
    )
    return [
        Segment(
            "prediction p",
            "p.image_id",
            where,
            REASON,
            score=SHOWN_SCORE.format("p.confidence"),
            predicted=SHOWN_LABEL,
            index="prediction_cell",
            parameters=parameters,
        )
    ]


def _quoted(name: str) -> str:
    return name.replace("%", "%25").replace(":", "%3A")
