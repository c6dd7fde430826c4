"""The queue `won:A:B:SPLIT`: images that run B predicts correctly and run A does not, by newest labels."""

import json
from collections.abc import Mapping

from peakid import printable
from peakid.clean_text import whole_number
from peakid.curate import classes
from peakid.curate.queues.filters import SqlValue
from peakid.curate.queues.segments import Segment
from peakid.errors import NotFound
from peakid.store.workspace import Workspace

WON = "won"
_ALSO_SHOWN = (
    "EXISTS (SELECT 1 FROM also_shows a JOIN class n ON n.id = a.class_id"
    " WHERE a.image_id = s.image_id AND n.name = {now})"
)
# What a predicted label is called now; few names have changed.
_NOW = (
    "COALESCE((SELECT r.value ->> 1 FROM json_each(:{names}) r"
    " WHERE r.value ->> 0 = {row}.predicted_label), {row}.predicted_label)"
)
_LABEL = "(SELECT k.name FROM class k WHERE k.id = s.class_id)"
_OF_B = (
    "SELECT {what} FROM prediction p WHERE p.run_id = :b AND p.image_id = q.image_id AND p.split = q.split"
)
_SURE = printable.percent_sql("p.confidence")
_BY_B = _OF_B.format(what=f"printf('run %d: %s %s', :b, p.predicted_label, {_SURE})")
_SURE_A = printable.percent_sql("q.confidence")
_PREDICTED = f"printf('run %d: %s %s, %s', :a, q.predicted_label, {_SURE_A}, ({_BY_B}))"
_HIDDEN = "q.split = 'test' AND s.judged_in IS NOT :queue"
_HIDDEN_REASON = "'test image: the predictions are hidden until you judge it'"


def won_queue(a: int, b: int, split: str) -> str:
    """Return the name of the queue of the images that only run `b` predicts correctly."""
    return f"{WON}:{a}:{b}:{split}"


def run_that_is_wrong(rest: str) -> int | None:
    """Return run A of a queue `won:A:B:SPLIT`, from the part after the first colon."""
    return whole_number(rest.partition(":")[0])


def plan(workspace: Workspace, queue: str, rest: str) -> list[Segment]:
    """Return the segment of a queue: the images where run A is surest of another class first.

    Only images in the split of both runs are in it, with a class that both know: those that comparing the
    runs counts.

    Raises:
        NotFound: If the name of the queue is incomplete.
    """
    parts = rest.split(":")
    a, b = (whole_number(part) for part in parts[:2]) if len(parts) == 3 else (None, None)
    if a is None or b is None:
        raise NotFound(
            f"{queue!r} is not the queue of two runs.",
            "Write won:RUN:RUN:SPLIT, for instance won:3:4:valid.",
        )
    names_a, names_b = (_names_now(workspace, run_id) for run_id in (a, b))
    common = set(names_a.values()) & set(names_b.values())
    parameters: dict[str, SqlValue] = {
        "a": a,
        "b": b,
        "split": parts[2],
        "queue": queue,
        "names_a": _changed(names_a),
        "names_b": _changed(names_b),
        "common": json.dumps(sorted(common)),
    }
    where = (
        "q.run_id = :a AND q.split = :split AND s.verdict = 'label'"
        f" AND {_LABEL} IN (SELECT value FROM json_each(:common)) AND NOT {_is_right('q', 'names_a')}"
        f" AND EXISTS ({_OF_B.format(what=1)} AND {_is_right('p', 'names_b')})"
    )
    # In the order of its index, the first page is found without sorting a million rows.
    is_out_of_sample = parts[2] != "train"
    return [
        Segment(
            "prediction q",
            "q.image_id",
            f"q.is_out_of_sample = 1 AND {where}" if is_out_of_sample else where,
            f"CASE WHEN {_HIDDEN} THEN {_HIDDEN_REASON} ELSE {_PREDICTED} END",
            score=f"CASE WHEN {_HIDDEN} THEN NULL ELSE q.confidence END",
            predicted=f"CASE WHEN {_HIDDEN} THEN NULL ELSE q.predicted_label END",
            key=("q.confidence", "q.image_id"),
            is_descending=True,
            index="prediction_unsure" if is_out_of_sample else "",
            parameters=parameters,
        )
    ]


def _is_right(row: str, names: str) -> str:
    now = _NOW.format(row=row, names=names)
    return f"({now} = {_LABEL} OR {_ALSO_SHOWN.format(now=now)})"


def _names_now(workspace: Workspace, run_id: int) -> Mapping[str, str]:
    """Return what each class of a run is called now; empty for an unknown run, whose queue is empty."""
    row = workspace.one("SELECT class_names FROM run WHERE id = ?", (run_id,))
    current = classes.current_names(workspace)
    known = json.loads(row["class_names"]) if row else []
    return {name: current[name] for name in known if name in current}


def _changed(names: Mapping[str, str]) -> str:
    return json.dumps([[before, now] for before, now in names.items() if before != now])
