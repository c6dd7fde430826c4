"""Read what img2dataset wrote: numbered shards of photos, each with a table of its URLs, labels and failures.

A shard is `00000.parquet` with its photos in the folder `00000`, in `00000.tar`, or in the table itself.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from peakid import clean_text
from peakid.acquire.arrival import Arrival
from peakid.acquire.shards import packed
from peakid.acquire.tables import columns as names
from peakid.acquire.tables import reader, rows
from peakid.acquire.tables.columns import ColumnChoice
from peakid.acquire.tables.rows import Row
from peakid.acquire.tables.sheet import Sheet
from peakid.errors import BadInput
from peakid.files import open_regular
from peakid.records import RejectionReason

MAX_TABLE_BYTES = 50 * 2**30  # It may hold the photos; only columns are read from it.
PICTURES = ("jpg", "png", "webp", "jpeg")
_TABLE = re.compile(r"(?P<shard>(.*/)?\d{5,})\.parquet\Z")
_NEEDED = frozenset(("url", "key", "status", "error_message"))


@dataclass(frozen=True)
class Shards:
    """Attributes:
    arrivals: The photos of shards, and a rejection for each that img2dataset did not get; each with the path
        that says its class where the table has none.
    others: The files that belong to no shard.
    """

    arrivals: list[tuple[Arrival, str]] = field(default_factory=list)
    others: list[Arrival] = field(default_factory=list)


def read(root: Path, found: Sequence[Arrival], *, in_place: bool = False) -> Shards:
    """Return the photos of shards among the files of a folder, and the other files.

    The label, licence and author come from the table where it has such columns; the URL becomes the page of
    the photo where the table names none.

    Raises:
        BadInput: If a table is damaged, or photos inside an archive or table are to stay in place.
        ExtraMissing: If pyarrow is not installed.
    """
    tables = [one.path for one in found if one.read is not None and _TABLE.match(one.path)]
    shards: dict[str, list[tuple[Row, _Fetched]]] = {}
    for table in tables:
        if (listed := _listed(root / table)) is not None:
            shards[table.removesuffix(".parquet")] = listed
    if not shards:
        return Shards(others=list(found))
    result, by_path = Shards(), {one.path: one for one in found}
    for shard, listed in shards.items():
        for arrival, place in _arrivals(root, shard, listed, by_path):
            if in_place and isinstance(arrival.read, packed.Reader):
                raise BadInput(
                    f"The photos in {clean_text.clean_path(arrival.path.rpartition('/')[0])} cannot stay in"
                    " place.",
                    "Copy them, or let img2dataset write files.",
                )
            result.arrivals.append((arrival, place))
    taken = {one.path for one, _ in result.arrivals}
    result.others.extend(one for one in found if one.path not in taken and not _belongs(one.path, shards))
    return result


@dataclass(frozen=True)
class _Fetched:
    """What img2dataset says of a URL."""

    url: str
    status: str
    error: str
    at: int  # The number of its row, from 0.


def _listed(table: Path) -> list[tuple[Row, _Fetched]] | None:
    """Return the rows of the table of a shard; None if it is another table."""
    with open_regular(table, MAX_TABLE_BYTES) as data:
        sheet = reader.read(str(table), data)
        if not set(sheet.columns) >= _NEEDED:
            return None
        return [*zip(_rows(sheet), _fetched(sheet), strict=True)]


def _rows(sheet: Sheet) -> Iterator[Row]:
    suggested = rows.suggestion(sheet, ColumnChoice(path="key"))
    # Without a column for labels the key stands in for it, and is not used.
    chosen = names.resolve("", sheet.columns, replace(suggested, label=suggested.label or "key"))
    for row in rows.read(sheet, chosen):
        yield row if suggested.label else replace(row, label=None)


def _fetched(sheet: Sheet) -> Iterator[_Fetched]:
    at = {name: sheet.columns.index(name) for name in _NEEDED}
    for number, cells in enumerate(sheet.rows(_NEEDED)):
        url, status, error = (
            rows.text_of(cells.values[at[name]]) for name in ("url", "status", "error_message")
        )
        yield _Fetched(clean_text.clean_path(url), status, clean_text.clean_path(error), number)


def _arrivals(
    root: Path, shard: str, listed: Sequence[tuple[Row, _Fetched]], by_path: Mapping[str, Arrival]
) -> Iterator[tuple[Arrival, str]]:
    """Yield an arrival for each row, with the path that says its class where the table has none."""
    folder = shard.rpartition("/")[0]
    inside = _packed(root, shard, by_path)
    for row, fetched in listed:
        place = f"{folder}/{row.path}.jpg" if folder else f"{row.path}.jpg"
        credit = row.credit if row.credit.page_url else replace(row.credit, page_url=fetched.url or None)
        path = f"{shard}/{row.path}" if row.path else f"{shard}.parquet, {row.place}"
        given = Arrival(path, row.label, row.split, credit=credit)
        given = replace(given, is_from_table=row.label is not None)
        if row.problem:
            yield replace(given, rejection=("bad_row", row.problem)), place
        elif fetched.status != "success":
            yield replace(given, rejection=_rejection(fetched)), place
        elif file := next((p for s in PICTURES if (p := f"{shard}/{row.path}.{s}") in by_path), None):
            one = by_path[file]
            yield replace(given, path=file, read=one.read, rejection=one.rejection), place
        elif packed_reader := inside.get(row.path) or inside.get(fetched.at):
            yield replace(given, path=packed_reader.path, read=packed_reader), place
        else:
            why = f"the shard does not have the photo of {fetched.url[:200]}"
            yield replace(given, rejection=("missing_file", why)), place


def _packed(root: Path, shard: str, by_path: Mapping[str, Arrival]) -> Mapping[str | int, packed.Reader]:
    """Return the photos inside the archive of a shard by key, or inside its table by row."""
    tar = by_path.get(f"{shard}.tar")
    if tar is not None and tar.read is not None:
        return packed.of_tar(root, tar.path, PICTURES)
    return packed.of_table(root, f"{shard}.parquet", PICTURES)


def _rejection(fetched: _Fetched) -> tuple[RejectionReason, str]:
    error = fetched.error[:200] or fetched.status
    detail = f"img2dataset did not get {fetched.url[:200]}: {error}"
    if fetched.status == "failed_to_resize":
        return "unreadable", f"img2dataset could not read {fetched.url[:200]}: {error}"
    reason: RejectionReason = "unreachable"
    if re.search(r"\b(404|410)\b", error):
        reason = "gone"
    elif re.search(r"\b(401|403|451)\b", error):
        reason = "refused_by_server"
    elif "X-Robots-Tag" in error:
        reason = "opted_out"
    return reason, detail


def _belongs(path: str, shards: Mapping[str, object]) -> bool:
    """Return whether a file is one that img2dataset writes beside the photos of a shard."""
    folder, _, name = path.rpartition("/")
    is_beside = folder in shards and name.endswith((".json", ".txt"))
    stem = re.sub(r"(_stats\.json|\.parquet|\.tar)\Z", "", path)
    return is_beside or (stem != path and stem in shards)
