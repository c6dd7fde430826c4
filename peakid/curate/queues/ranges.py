"""Ranges of measures: "sharpness=..0.3" selects the images whose sharpness is at most 0.3."""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass

from peakid import near_names
from peakid.errors import BadInput
from peakid.store.workspace import Workspace

MOST_LISTED = 5_000  # Images that pass, up to which they are listed by the index of a measure and sorted.

Parameters = dict[str, str | int | float | None]


@dataclass(frozen=True)
class Measure:
    """A number that images have. In SQL, {0} stands for the alias of `table`.

    Attributes:
        table: Has the number of an image once, in the row with `image_id`.
        index: Serves a range of `value`.
        scale: What a person enters, times `scale`, is `value`.
        where: A further condition on the table.
        is_optional: The table exists in some versions only.
    """

    title: str
    table: str
    image_id: str
    value: str
    index: str
    scale: float = 1.0
    where: str = "1"
    is_optional: bool = False


_RUN = (
    "SELECT r.id FROM run r INDEXED BY run_done WHERE r.state = 'done' AND r.made_for = '' AND EXISTS"
    " (SELECT 1 FROM prediction q WHERE q.run_id = r.id AND q.is_out_of_sample = 1)"
    " ORDER BY r.id DESC LIMIT 1"
)
_NEWEST_RUN = f"{{0}}.is_out_of_sample = 1 AND {{0}}.run_id = ({_RUN})"


def _measured(title: str, column: str) -> Measure:
    return Measure(title, "image_measure", "{0}.image_id", f"{{0}}.{column}", f"image_measure_{column}")


MEASURES = {
    "sharpness": _measured("Sharpness", "sharpness"),
    "brightness": _measured("Brightness", "brightness"),
    "contrast": _measured("Contrast", "contrast"),
    "colourfulness": _measured("Colourfulness", "colourfulness"),
    "megapixels": Measure(
        "Megapixels", "image", "{0}.id", "{0}.width_px * {0}.height_px", "image_pixels", scale=1e6
    ),
    "confidence": Measure(
        "Confidence (newest run)",
        "prediction",
        "{0}.image_id",
        "{0}.confidence",
        "prediction_unsure",
        where=_NEWEST_RUN,
    ),
    "label_quality": Measure(
        "Label quality (0 suspect)",
        "suggestion",
        "{0}.image_id",
        "{0}.label_quality",
        "suggestion_quality",
        where="{0}.label_quality IS NOT NULL",
        is_optional=True,
    ),
}


@dataclass(frozen=True)
class Range:
    """From `low` to `high`, both included; None = no limit."""

    measure: str
    low: float | None
    high: float | None

    def __str__(self) -> str:
        return f"{self.measure}={_text(self.low)}..{_text(self.high)}"


def parse(text: str) -> tuple[Range, ...]:
    """Return the ranges of a text such as `sharpness=..0.3,brightness=0.2..0.5`; of a measure, the last.

    Raises:
        BadInput: If a measure is unknown or a range cannot be read.
    """
    found: dict[str, Range] = {}
    for part in text.split(","):
        name, _, limits = part.partition("=")
        name = name.strip()
        if name not in MEASURES:
            remedy = near_names.remedy(name, MEASURES, f"Use one of: {', '.join(MEASURES)}.")
            raise BadInput(f"Unknown measure {name!r}.", remedy)
        found[name] = Range(name, *_limits(part, limits.strip()))
    return tuple(found.values())


def text_of(ranges: Sequence[Range]) -> str:
    """Return ranges as `parse` reads them."""
    return ",".join(map(str, ranges))


def is_known(workspace: Workspace, name: str) -> bool:
    """Return whether the workspace has the table of a measure."""
    measure = MEASURES[name]
    return not measure.is_optional or bool(
        workspace.one("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?", (measure.table,))
    )


def newest_run(workspace: Workspace) -> int | None:
    """Return the run whose predictions the measures are of, None where there is none."""
    row = workspace.one(_RUN)
    return row["id"] if row else None


def check_sql(ranges: Sequence[Range], image_id: str, *, is_of_run: bool = False) -> tuple[str, Parameters]:
    """Return the condition that an image passes all ranges, and its parameters.

    Args:
        is_of_run: The condition is on `prediction p` of the newest run, whose measures need no look-up.
    """
    parts: list[str] = []
    parameters: Parameters = {}
    for each in ranges:
        measure = MEASURES[each.measure]
        is_own = is_of_run and measure.table == "prediction"
        where, values_of_bounds = _bounds(each, "p" if is_own else "r")
        parts.append(
            where
            if is_own
            else f"EXISTS (SELECT 1 FROM {measure.table} r WHERE {measure.image_id.format('r')} = {image_id}"
            f" AND {where})"
        )
        parameters |= values_of_bounds
    return " AND ".join(parts) or "1", parameters


def ids(workspace: Workspace, ranges: Sequence[Range]) -> list[int] | None:
    """Return the images that pass all ranges, ascending, None where more than `MOST_LISTED` do."""
    first, *others = ranges
    measure = MEASURES[first.measure]
    where, parameters = _bounds(first, "f")
    further, more = check_sql(others, measure.image_id.format("f"))
    rows = workspace.query(
        f"SELECT {measure.image_id.format('f')} AS image_id FROM {measure.table} f INDEXED BY {measure.index}"
        f" WHERE {where} AND {further} LIMIT {MOST_LISTED + 1}",
        {**parameters, **more},
    )
    return None if len(rows) > MOST_LISTED else sorted(row["image_id"] for row in rows)


def values(workspace: Workspace, name: str, image_ids: Sequence[int]) -> list[float]:
    """Return a measure of those of these images that have it, in no order."""
    measure = MEASURES[name]
    value, own = (each.format("r") for each in (measure.value, measure.image_id))
    rows = workspace.query(
        f"SELECT {value} AS value FROM json_each(:ids) f CROSS JOIN {measure.table} r ON {own} = f.value"
        f" WHERE {measure.where.format('r')} AND {value} IS NOT NULL",
        {"ids": json.dumps(list(image_ids))},
    )
    return [row["value"] / measure.scale for row in rows]


def with_range(text: str | None, changed: Range) -> str | None:
    """Return ranges as text with one of them changed, or removed where it has no limits."""
    others = [each for each in (parse(text) if text else ()) if each.measure != changed.measure]
    is_limited = changed.low is not None or changed.high is not None
    return text_of([*others, *([changed] if is_limited else [])]) or None


def _bounds(each: Range, alias: str) -> tuple[str, Parameters]:
    measure = MEASURES[each.measure]
    value = measure.value.format(alias)
    low, high = (f"r_{end}_{each.measure}" for end in ("low", "high"))
    least = -math.inf if each.low is None else each.low * measure.scale
    most = math.inf if each.high is None else each.high * measure.scale
    # Both ends always: a condition without one would not use a partial index.
    where = f"{value} >= :{low} AND {value} <= :{high} AND {measure.where.format(alias)}"
    return where, {low: least, high: most}


def _limits(part: str, limits: str) -> tuple[float | None, float | None]:
    low, dots, high = limits.partition("..")
    try:
        found = tuple(float(each) if each.strip() else None for each in (low, high))
    except ValueError:
        found = ()
    if not dots or len(found) != 2 or any(each is not None and not math.isfinite(each) for each in found):
        raise BadInput(
            f"{part.strip()!r} is not a range.",
            "Write sharpness=0.1..0.3 or sharpness=..0.3.",
        )
    return found[0], found[1]


def _text(limit: float | None) -> str:
    return "" if limit is None else f"{limit:.6g}"
