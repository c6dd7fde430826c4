"""The cursor of an image in a queue as text: after which image the next page starts."""

import json
import sqlite3
from collections.abc import Sequence

from peakid.clean_text import LARGEST_INTEGER
from peakid.curate.queues.filters import SqlValue
from peakid.curate.queues.segments import Segment


def position(segments: Sequence[Segment], after: str | int | None) -> tuple[int, tuple[SqlValue, ...]]:
    """Return the number of the segment and the key that a cursor stands for; (0, ()) for an invalid one."""
    try:
        first, *key = [json.loads(part) for part in str(after or "").split("~")]
    except (ValueError, RecursionError):
        return 0, ()
    if not key:
        first, key = 0, [first]
    is_known = (
        isinstance(first, int) and 0 <= first < len(segments) and len(key) == len(segments[first].key or "1")
    )
    return (first, tuple(key)) if is_known and all(map(_is_storable, key)) else (0, ())


def text(number: int, segment: Segment, row: sqlite3.Row) -> str:
    """Return the cursor of a row of segment `number`."""
    keys = [row[f"key_{n}"] for n in range(len(segment.key) or 1)]
    return "~".join(json.dumps(part) for part in ([number, *keys] if segment.key or number else keys))


def _is_storable(part: object) -> bool:
    """Return whether SQLite can take a part of a cursor: no integer above 64 bits, no half of a character."""
    if isinstance(part, str):
        return not any("\ud800" <= char <= "\udfff" for char in part)
    return isinstance(part, float) or (isinstance(part, int) and abs(part) <= LARGEST_INTEGER)
