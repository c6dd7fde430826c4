"""Decide the category of each point of the map: by label, prediction, suggestion, split, issue or source."""

import bisect
import hashlib
import itertools
import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import Literal, get_args

import numpy as np

from peakid.curate import classes, image_issues
from peakid.curate.queues import queue_plans
from peakid.curate.queues.filters import SqlValue
from peakid.records import Split
from peakid.store.workspace import Workspace

ColourBy = Literal[
    "label",       # The class of an image; excluded images are a category of their own.
    "prediction",  # Of the newest run, for images that it was not trained on.
    "suggestion",  # The class that the live head suggests.
    "split",       # In the newest snapshot.
    "issue",       # The worst image issue.
    "source",      # Where an image was found first.
    "suspicion",   # Label quality in bands, the most suspicious first.
]  # fmt: skip
COLOURS_BY: tuple[ColourBy, ...] = get_args(ColourBy)
BY_MODEL: tuple[ColourBy, ...] = ("prediction", "suggestion", "suspicion")
NO_LABEL, EXCLUDED, NONE = "no label", "excluded", "none"
NOT_PREDICTED = "no prediction"
HIDDEN = "test image: hidden"
MOST_SOURCES = 100
_IS_TEST = (
    "(p.image_id IN (SELECT a.image_id FROM split_assignment a WHERE a.split = 'test')"
    " OR p.image_id IN (SELECT o.image_id FROM origin o WHERE o.split = 'test'))"
)
_BANDS = (0.1, 0.3, 0.5, 0.8)  # Upper ends of label quality; the last band ends at 1.

Kind = Literal[
    "class",  # `name` is a class.
    "value",  # `name` is a split, an issue, a source or a band.
    "other",  # What has no value.
]


@dataclass(frozen=True)
class Category:
    """One entry of the legend. `n` counts its points."""

    name: str
    kind: Kind
    n: int


@dataclass(frozen=True)
class Colouring:
    """The category of each point.

    Attributes:
        categories: In the order of the legend; some may have no point.
        codes: uint16 of shape (n,), positions in `categories`, in the order of the points.
        run_id: The run that predicted, where the categories show predictions.
    """

    colour_by: ColourBy
    categories: tuple[Category, ...]
    codes: np.ndarray
    run_id: int | None = None


@dataclass(frozen=True)
class _Shown:
    """The points that are coloured: those of a layout, or images by id."""

    layout_id: int
    image_ids: str | None = None  # A JSON list, ascending.

    @property
    def source(self) -> str:
        """What SQL reads them from, as `p` with `image_id`."""
        if self.image_ids is None:
            return "(SELECT image_id FROM map_point WHERE layout_id = :layout_id) p"
        return "(SELECT value AS image_id FROM json_each(:image_ids)) p"

    @property
    def order(self) -> str:
        """The order of the images: a list is in order, and sorting it again takes a fifth of the time."""
        return "ORDER BY p.image_id" if self.image_ids is None else ""


def colouring(
    workspace: Workspace, layout_id: int, colour_by: ColourBy, *, image_ids: Sequence[int] | None = None
) -> Colouring:
    """Return the category of each point of a layout, in the order of `layouts.points`.

    Args:
        image_ids: Instead of its points these images, ascending.
    """
    chosen = None if image_ids is None else json.dumps([int(each) for each in image_ids])
    return _MAKERS[colour_by](workspace, _Shown(layout_id, chosen))


def available(workspace: Workspace) -> list[ColourBy]:
    """Return what the points can be coloured by now: what no image has yet is left out."""
    has_run = queue_plans.newest_run(workspace) is not None
    has_snapshot = workspace.one("SELECT 1 FROM snapshot LIMIT 1") is not None
    has_suggestion = _has_suggestions(workspace)
    missing = {
        "prediction": not has_run,
        "split": not has_snapshot,
        "suggestion": not has_suggestion,
        "suspicion": not has_suggestion,
    }
    return [each for each in COLOURS_BY if not missing.get(each)]


def run_in_view(workspace: Workspace, colour_by: ColourBy) -> int | None:
    """Return the run that counts as having chosen images of a map coloured this way, None where none did.

    The live head and the newest run saw the same labels: what either points at is no random sample.
    """
    return queue_plans.newest_run(workspace) if colour_by in BY_MODEL else None


def version(workspace: Workspace, colour_by: ColourBy) -> str:
    """Return a text that changes whenever categories of images may have changed."""
    row = workspace.query(
        "SELECT (SELECT MAX(id) FROM decision) AS decision, (SELECT MAX(id) FROM snapshot) AS snapshot,"
        " (SELECT MAX(id) FROM job WHERE state = 'done') AS job,"
        " (SELECT group_concat(name || COALESCE(colour, '')) FROM class) AS class"
    )[0]
    facts = json.dumps([colour_by, queue_plans.newest_run(workspace), *tuple(row), _fitted(workspace)])
    return hashlib.sha256(facts.encode()).hexdigest()[:12]


def _fitted(workspace: Workspace) -> str:
    """Return what identifies the newest suggestions."""
    if not _has_suggestions(workspace):
        return ""
    row = workspace.one("SELECT * FROM head_fit LIMIT 1")
    return str(tuple(row)) if row else ""


def _label(workspace: Workspace, shown: _Shown) -> Colouring:
    values = _values(
        workspace,
        shown,
        f"CASE s.verdict WHEN 'exclude' THEN '{EXCLUDED}' ELSE s.class_id END",
        "LEFT JOIN image_state s ON s.image_id = p.image_id",
    )
    names = _class_names(workspace)
    return _coloured("label", values, names, _kinds(names.values(), "class", NO_LABEL, EXCLUDED))


def _prediction(workspace: Workspace, shown: _Shown) -> Colouring:
    run_id = queue_plans.newest_run(workspace)
    values = _values(
        workspace,
        shown,
        # Test images are judged without the prediction in view, else their labels would agree with the model.
        f"CASE r.split WHEN 'test' THEN '{HIDDEN}' ELSE r.predicted_label END",
        "LEFT JOIN prediction r ON r.run_id = :run_id AND r.image_id = p.image_id AND r.is_out_of_sample = 1",
        {"run_id": run_id if run_id is not None else -1},
    )
    now = classes.current_names(workspace)
    known: dict[SqlValue, str] = {each: now.get(each, each) for each in set(values) if isinstance(each, str)}
    order = dict.fromkeys([*_class_names(workspace).values(), *sorted(set(known.values()) - {HIDDEN})])
    return _coloured(
        "prediction", values, known, _kinds(order, "class", NOT_PREDICTED, HIDDEN), run_id=run_id
    )


def _suggestion(workspace: Workspace, shown: _Shown) -> Colouring:
    names = _class_names(workspace)
    value = f"CASE WHEN g.image_id IS NOT NULL AND {_IS_TEST} THEN '{HIDDEN}' ELSE g.suggested_class_id END"
    values = _suggested(workspace, shown, value)
    return _coloured("suggestion", values, names, _kinds(names.values(), "class", NONE, HIDDEN))


def _split(workspace: Workspace, shown: _Shown) -> Colouring:
    row = workspace.one("SELECT id FROM snapshot ORDER BY frozen_at DESC, id DESC LIMIT 1")
    values = _values(
        workspace,
        shown,
        "t.split",
        "LEFT JOIN snapshot_item t ON t.snapshot_id = :snapshot AND t.image_id = p.image_id",
        {"snapshot": row["id"] if row else -1},
    )
    return _coloured("split", values, {}, _kinds(get_args(Split), "value", NONE))


def _issue(workspace: Workspace, shown: _Shown) -> Colouring:
    thresholds = image_issues.thresholds(workspace)
    # The first kind that an image has, worst first: one look-up in the index that has all kinds of it.
    cases = " ".join(
        f"WHEN g.kind = '{kind}' AND g.score < {thresholds[kind]!r} THEN {n}"
        for n, kind in enumerate(image_issues.WORST_FIRST)
    )
    worst = f"(SELECT MIN(CASE {cases} END) FROM image_issue_score g WHERE g.image_id = p.image_id)"
    values = _values(workspace, shown, worst, "")
    names: dict[SqlValue, str] = {
        n: kind.replace("_", " ") for n, kind in enumerate(image_issues.WORST_FIRST)
    }
    return _coloured("issue", values, names, _kinds(names.values(), "value", NONE))


def _source(workspace: Workspace, shown: _Shown) -> Colouring:
    values = _values(
        workspace,
        shown,
        "(SELECT o.source || '/' || COALESCE(o.root_id, '') FROM origin o WHERE o.image_id = p.image_id"
        " ORDER BY o.id LIMIT 1)",
        "",
    )
    roots = {str(row["id"]): row["path"] for row in workspace.query("SELECT id, path FROM root")}
    names: dict[SqlValue, str] = {}
    for value, _ in Counter(values).most_common(MOST_SOURCES):
        if isinstance(value, str):
            source, _, root = value.partition("/")
            names[value] = f"{source}: {PurePath(roots[root]).name}" if root in roots else source
    return _coloured("source", values, names, _kinds(names.values(), "value", "other"))


def _suspicion(workspace: Workspace, shown: _Shown) -> Colouring:
    ends = [0.0, *_BANDS, 1.0]
    names = [f"quality {low:g} to {high:g}" for low, high in itertools.pairwise(ends)]
    values = _suggested(workspace, shown, "g.label_quality")
    bands: list[SqlValue] = [
        None if value is None else bisect.bisect_right(_BANDS, float(value)) for value in values
    ]
    return _coloured("suspicion", bands, dict(enumerate(names)), _kinds(names, "value", NO_LABEL))


_MAKERS: dict[ColourBy, Callable[[Workspace, _Shown], Colouring]] = {
    "label": _label,
    "prediction": _prediction,
    "suggestion": _suggestion,
    "split": _split,
    "issue": _issue,
    "source": _source,
    "suspicion": _suspicion,
}


def _values(
    workspace: Workspace,
    shown: _Shown,
    value: str,
    join: str,
    parameters: Mapping[str, SqlValue] | None = None,
) -> list[SqlValue]:
    """Return an SQL value of each point, by image id."""
    # As one JSON list: 100,000 rows take longer to hand over than to look up.
    rows = workspace.query(
        "SELECT json_group_array(value) AS found FROM"
        f" (SELECT {value} AS value FROM {shown.source} {join} {shown.order})",
        {**(parameters or {}), "layout_id": shown.layout_id, "image_ids": shown.image_ids},
    )
    found: list[SqlValue] = json.loads(rows[0]["found"])
    return found


def _suggested(workspace: Workspace, shown: _Shown, value: str) -> list[SqlValue]:
    if not _has_suggestions(workspace):
        value, join = "NULL", ""
    else:
        join = "LEFT JOIN suggestion g ON g.image_id = p.image_id"
    return _values(workspace, shown, value, join)


def _has_suggestions(workspace: Workspace) -> bool:
    is_known = workspace.one("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'suggestion'")
    return bool(is_known and workspace.one("SELECT 1 FROM suggestion LIMIT 1"))


def _class_names(workspace: Workspace) -> dict[SqlValue, str]:
    rows = workspace.query("SELECT id, name FROM class ORDER BY is_retired, position, id")
    return {row["id"]: row["name"] for row in rows}


def _kinds(names: Iterable[str], kind: Kind, *others: str) -> dict[tuple[str, Kind], int]:
    """Return the position of each category; a class may have the name of another category."""
    keys: list[tuple[str, Kind]] = [(name, kind) for name in dict.fromkeys(names)]
    keys += [(name, "other") for name in others]
    return {key: n for n, key in enumerate(keys)}


def _coloured(
    colour_by: ColourBy,
    values: Sequence[SqlValue],
    names: Mapping[SqlValue, str],
    positions: Mapping[tuple[str, Kind], int],
    *,
    run_id: int | None = None,
) -> Colouring:
    """Return the codes of values: of their category, else of the first category without a value.

    Args:
        names: The name of each value.
        positions: By name and kind; see `_kinds`.
    """
    others = [name for name, kind in positions if kind == "other"]
    kind = next((kind for _, kind in positions if kind != "other"), "value")
    code_of: dict[SqlValue, int] = {}
    for value in set(values):
        name = names.get(value, value if isinstance(value, str) else None)
        own = positions.get((str(name), "other")) if value in others else positions.get((str(name), kind))
        code_of[value] = positions[others[0], "other"] if own is None else own
    codes = np.fromiter(map(code_of.__getitem__, values), dtype=np.uint16, count=len(values))
    counts = np.bincount(codes, minlength=len(positions))
    categories = tuple(
        Category(name, of_kind, int(n)) for (name, of_kind), n in zip(positions, counts, strict=True)
    )
    return Colouring(colour_by, categories, codes, run_id)
