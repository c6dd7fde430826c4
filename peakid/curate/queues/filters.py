"""Filters of a queue: class, split, source, dates, issue, tag, text and ranges, as SQL with an index."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import get_args

from peakid import near_names
from peakid.curate import image_issues
from peakid.curate.queues import ranges
from peakid.errors import BadInput
from peakid.records import Split
from peakid.store import decision_log
from peakid.store.workspace import Workspace

SHORTEST_TEXT = 3  # Characters: the index is one of trigrams.
_MANY = 10**9  # So many that the index of another filter, or the order of the queue, is read.
_DATES = {4: "year", 7: "month", 10: "day"}  # Length of 2026, 2026-11, 2026-11-21.


@dataclass(frozen=True)
class Filters:
    """The filters of a queue; None does not filter.

    Attributes:
        split: In the newest snapshot.
        added: When the image was imported, as the beginning of a date: `2026`, `2026-11` or `2026-11-21`.
        taken: When the photo was taken, likewise.
        text: Part of a path or a note.
        ranges: Of measures, as `ranges.parse` reads them.
    """

    class_name: str | None = None
    split: str | None = None
    source: str | None = None
    added: str | None = None
    taken: str | None = None
    issue: str | None = None
    tag: str | None = None
    text: str | None = None
    ranges: str | None = None

    def __bool__(self) -> bool:
        return any(vars(self).values())

    def given(self) -> dict[str, str]:
        """Return the values of the filters that are set, by name."""
        return {name: value for name, value in vars(self).items() if value}


NO_FILTERS = Filters()

SqlValue = str | int | float | None
"""What a parameter of an SQL statement can be."""


@dataclass(frozen=True)
class Condition:
    """One filter as SQL, in two equivalent forms.

    Attributes:
        check: Condition on one image, given as image_state s and image i.
        table: With `where`, finds all images that pass, in the order of `image_id`, each once.
        counted: A faster way to find them as "table WHERE condition", which may find a few too many.
        n_images: Their number where it is known.
        own_check: The same as `check` by columns of the predictions of a run, for a queue that reads these.
    """

    check: str
    table: str
    image_id: str
    where: str
    counted: str = ""
    n_images: int | None = None
    parameters: Mapping[str, SqlValue] = field(default_factory=dict)
    own_check: Mapping[int, str] = field(default_factory=dict)

    def check_in(self, table: str, parameters: Mapping[str, SqlValue]) -> str:
        """Return the check for a part of a queue: by its own columns, so that its index serves it."""
        run_id = parameters.get("run_id")
        is_of_run = table == "prediction p" and isinstance(run_id, int)
        return self.own_check.get(run_id, self.check) if is_of_run else self.check


def conditions(workspace: Workspace, filters: Filters) -> list[Condition]:
    """Return a condition for each filter that is set.

    Raises:
        NotFound: If a class or a kind of issue is unknown.
        BadInput: If a split or a date is invalid, or a text is too short.
    """
    return [_MAKERS[name](workspace, value) for name, value in filters.given().items()]


def _class(workspace: Workspace, name: str) -> Condition:
    row = workspace.one(
        "SELECT id, COALESCE((SELECT SUM(n) FROM state_count k WHERE k.class_id = class.id), 0) AS n"
        " FROM class WHERE name = ?",
        (name,),
    )
    if row is None:
        raise decision_log.unknown_class(workspace.connection(), name)
    table, where = "image_state f INDEXED BY image_state_in_class", "f.class_id = :f_class"
    return Condition(
        "s.class_id = :f_class",
        table,
        "f.image_id",
        where,
        n_images=row["n"],
        parameters={"f_class": row["id"]},
    )


def _split(workspace: Workspace, name: str) -> Condition:
    if name not in get_args(Split):
        remedy = near_names.remedy(name, get_args(Split), f"Use one of: {', '.join(get_args(Split))}.")
        raise BadInput(f"Unknown split {name!r}.", remedy)
    row = workspace.one("SELECT id FROM snapshot ORDER BY frozen_at DESC, id DESC LIMIT 1")
    return Condition(
        "EXISTS (SELECT 1 FROM snapshot_item t WHERE t.snapshot_id = :f_snapshot"
        " AND t.image_id = s.image_id AND t.split = :f_split)",
        "snapshot_item f INDEXED BY snapshot_item_split",
        "f.image_id",
        "f.snapshot_id = :f_snapshot AND f.split = :f_split",
        parameters={"f_snapshot": row["id"] if row else -1, "f_split": name},
    )


def _source(workspace: Workspace, name: str) -> Condition:
    is_first = (
        "NOT EXISTS (SELECT 1 FROM origin e WHERE e.source = f.source AND e.image_id = f.image_id"
        " AND e.id < f.id)"
    )
    return Condition(
        "EXISTS (SELECT 1 FROM origin o WHERE o.source = :f_source AND o.image_id = s.image_id)",
        "origin f INDEXED BY origin_source",
        "f.image_id",
        f"f.source = :f_source AND {is_first}",
        counted="origin f INDEXED BY origin_source WHERE f.source = :f_source",
        parameters={"f_source": name},
    )


def _added(workspace: Workspace, date: str) -> Condition:
    unit, length = _date(date)
    where = f"substr({{}}.added_at, 1, {length}) = :f_added"
    table = f"image f INDEXED BY image_added_{unit}"
    return Condition(where.format("i"), table, "f.id", where.format("f"), parameters={"f_added": date})


def _taken(workspace: Workspace, date: str) -> Condition:
    unit, length = _date(date)
    where = f"{{0}}.taken_at IS NOT NULL AND substr({{0}}.taken_at, 1, {length}) = :f_taken"
    return Condition(
        f"EXISTS (SELECT 1 FROM image_measure m WHERE m.image_id = s.image_id AND {where.format('m')})",
        f"image_measure f INDEXED BY image_measure_taken_{unit}",
        "f.image_id",
        where.format("f"),
        parameters={"f_taken": date},
    )


def _issue(workspace: Workspace, name: str) -> Condition:
    kind = image_issues.known(name)
    where = "{0}.kind = :f_kind AND {0}.score < :f_threshold"
    return Condition(
        f"EXISTS (SELECT 1 FROM image_issue_score g WHERE g.image_id = s.image_id AND {where.format('g')})",
        "image_issue_score f INDEXED BY image_issue_score_in_order",
        "f.image_id",
        where.format("f"),
        counted=f"image_issue_score f WHERE {where.format('f')}",
        parameters={"f_kind": kind, "f_threshold": image_issues.thresholds(workspace)[kind]},
    )


def _tag(workspace: Workspace, name: str) -> Condition:
    check = "EXISTS (SELECT 1 FROM image_tag g WHERE g.tag = :f_tag AND g.image_id = s.image_id)"
    return Condition(check, "image_tag f", "f.image_id", "f.tag = :f_tag", parameters={"f_tag": name})


def _text(workspace: Workspace, text: str) -> Condition:
    wanted = text.strip()
    if len(wanted) < SHORTEST_TEXT:
        raise BadInput(
            f"The text {text!r} is too short to search for.",
            f"Enter at least {SHORTEST_TEXT} characters of a path or a note.",
        )
    trigrams = dict.fromkeys(
        wanted[n : n + SHORTEST_TEXT].replace('"', '""') for n in range(len(wanted) - SHORTEST_TEXT + 1)
    )
    escaped = "".join(f"\\{char}" if char in "\\%_" else char for char in wanted)
    # The index finds texts with all trigrams; LIKE then checks that they are in one piece.
    check = "EXISTS (SELECT 1 FROM image_text w WHERE w.image_id = {} AND w.words LIKE :f_like ESCAPE '\\')"
    return Condition(
        check.format("s.image_id"),
        "text_index f",
        "f.rowid",
        f"f.text_index MATCH :f_match AND {check.format('f.rowid')}",
        counted="text_index f WHERE f.text_index MATCH :f_match",
        parameters={"f_match": " AND ".join(f'"{each}"' for each in trigrams), "f_like": f"%{escaped}%"},
    )


def _ranges(workspace: Workspace, text: str) -> Condition:
    """Return the condition of ranges. Up to `ranges.MOST_LISTED` images are looked up here, by an index.

    Where more images pass, the order of the queue is read: it soon has a page of them.
    """
    wanted = ranges.parse(text)
    unknown = [each.measure for each in wanted if not ranges.is_known(workspace, each.measure)]
    found = [] if unknown else ranges.ids(workspace, wanted)
    if found is None:
        check, parameters = ranges.check_sql(wanted, "s.image_id")
        newest = ranges.newest_run(workspace)
        own = {} if newest is None else {newest: ranges.check_sql(wanted, "s.image_id", is_of_run=True)[0]}
        return Condition(check, "image f", "f.id", "1", n_images=_MANY, parameters=parameters, own_check=own)
    return Condition(
        "s.image_id IN (SELECT value FROM json_each(:f_passing))",
        "json_each(:f_passing) f",
        "f.value",
        "1",
        n_images=len(found),
        parameters={"f_passing": json.dumps(found)},
    )


def _date(date: str) -> tuple[str, int]:
    unit = _DATES.get(len(date))
    if unit is None or not all(
        char.isdigit() or (char == "-" and n in (4, 7)) for n, char in enumerate(date)
    ):
        raise BadInput(
            f"{date!r} is not a date.", "Write a year, a month or a day: 2026, 2026-11 or 2026-11-21."
        )
    return unit, len(date)


_MAKERS = {
    "class_name": _class,
    "split": _split,
    "source": _source,
    "added": _added,
    "taken": _taken,
    "issue": _issue,
    "tag": _tag,
    "text": _text,
    "ranges": _ranges,
}


def sources(workspace: Workspace) -> list[str]:
    """Return the sources that images were imported from, sorted."""
    return [
        row["source"] for row in workspace.query("SELECT DISTINCT source FROM acquisition ORDER BY source")
    ]
