"""Import a place in an image store. The originals stay there: rows, hashes and thumbnails come here.

An object that an import has read before is read again only if its checksum, size or time has changed.
"""

import contextlib
import functools
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from peakid.acquire import import_reading, ingest, layout, metadata
from peakid.acquire.arrival import Arrival, KnownObject
from peakid.acquire.import_batches import RunningImport
from peakid.acquire.objects import listing
from peakid.acquire.objects.listing import Found
from peakid.errors import UnreadableImage
from peakid.imaging import inspection
from peakid.import_records import ImportNote, ImportReading
from peakid.records import ImportReport, RejectionReason, Report, no_report
from peakid.store.objects import cache, reading, waiting
from peakid.store.workspace import Workspace
from peakid.store_urls import StoreUrl

# A rejection for another reason may be due to this machine, to its settings or to a package that it lacks.
_LASTING: tuple[RejectionReason, ...] = ("not_an_image", "empty", "too_many_pixels")
_CHUNK = 1000  # Objects whose rows are looked up at once.


def import_store(
    workspace: Workspace, url: StoreUrl, *, actor: str, report: Report = no_report
) -> ImportReport:
    """Import every image below a place in a store; folders and label files give class and split.

    The rules are those of `folder.import_folder`. Nothing in the store is changed. While its connection is
    lost, the import waits, says so, and goes on.

    Raises:
        NotPhotos: If it holds a workspace, or the originals of one.
        NothingToImport: If there is no object.
        StoreRefused: If there is no such bucket, or the credentials are missing or wrong.
        StoreUnreachable: If the store does not answer for hours.
        ExtraMissing: If the package for such stores is not installed.
    """
    told = _Told(report)
    with contextlib.nullcontext() if waiting.is_told() else waiting.told(told.wait):
        told.report("Listing objects", 0, 0, str(url))
        found, notes = _arrivals(url)
        return ingest.ingest(
            workspace,
            found,
            source="folder",
            root=url,
            is_in_place=True,
            notes=notes,
            held=functools.partial(_held, url),
            actor=actor,
            report=told.report,
        )


def preview(url: StoreUrl, *, known_classes: Sequence[str] = ()) -> ImportReading:
    """Return what `import_store` would read, without reading a photo. It raises the same errors."""
    found, notes = _arrivals(url)
    return import_reading.of(found, notes=notes, known_classes=known_classes)


def fetch(url: StoreUrl, n_bytes: int) -> bytes:
    """Return the bytes of an object of an import; one that has grown since it was listed is refused.

    Raises:
        UnreadableImage: If it is gone, may not be read, or has grown.
    """
    try:
        return reading.fetch(url, n_bytes)
    except FileNotFoundError:
        raise UnreadableImage("missing_file", "the object does not exist any more") from None
    except PermissionError as error:
        raise UnreadableImage("no_permission", "the store does not give it to these credentials") from error
    except OSError as error:
        text = " ".join(str(error).split())[:200]
        raise UnreadableImage("unreadable", f"cannot be read: {text}") from error


class _Told:
    """The progress of an import, in which a wait for the store appears."""

    def __init__(self, report: Report) -> None:
        self._report, self._last = report, ("Importing", 0, 0)

    def report(self, phase: str, step: int, total: int, message: str) -> None:
        self._last = phase, step, total
        self._report(phase, step, total, message)

    def wait(self, message: str) -> None:
        self._report(*self._last, message)


def _arrivals(url: StoreUrl) -> tuple[list[Arrival], Sequence[ImportNote]]:
    offered = [_offered(url, each) for each in listing.read(url)]
    tables, found = metadata.divided(offered)
    visible = [one for one in found if one.rejection is None or one.rejection[0] != "hidden"]
    read = layout.read([one.path for one in visible])
    placed = []
    for one in found:
        place = read.places.get(one.path, layout.OUTSIDE)
        placed.append(replace(one, label=place.label, split=place.split))
    return metadata.applied(placed, tables), read.notes


def _offered(url: StoreUrl, each: Found) -> Arrival:
    if each.rejection is not None:
        return Arrival(each.path, rejection=each.rejection)
    read = functools.partial(fetch, url.inside(each.path), each.n_bytes)
    return Arrival(each.path, read=read, n_bytes=each.n_bytes, version=each.version)


def _held(url: StoreUrl, current: RunningImport, arrivals: Sequence[Arrival]) -> Iterator[Arrival]:
    """Yield the arrivals, in order, with bytes that are in memory, or with what an earlier import found."""
    kept = cache.of(current.workspace.cache_dir)

    def fetched(arrival: Arrival) -> Arrival:
        if arrival.read is None or arrival.known is not None:
            return arrival
        try:
            data = arrival.read()
        except UnreadableImage as error:
            return replace(arrival, read=None, rejection=(error.reason, error.message))
        kept.put(inspection.digest_of(data), data)
        return replace(arrival, read=functools.partial(bytes, data), n_bytes=len(data))

    def size_of(arrival: Arrival) -> int:
        return arrival.n_bytes

    looked_up = _with_known(current, arrivals)
    for _, arrival in reading.ahead(looked_up, fetched, size_of=size_of):
        yield arrival


def _with_known(current: RunningImport, arrivals: Sequence[Arrival]) -> Iterator[Arrival]:
    for begin in range(0, len(arrivals), _CHUNK):
        some = arrivals[begin : begin + _CHUNK]
        known = _known(current, [each.path for each in some if each.version])
        for each in some:
            version, found = known.get(each.path, ("", None))
            yield replace(each, known=found) if found and each.version == version else each


def _known(current: RunningImport, paths: Sequence[str]) -> Mapping[str, tuple[str, KnownObject | None]]:
    """Return what earlier imports found at these paths: the version of the object, and its image."""
    marks = ",".join("?" * len(paths))
    rows = current.workspace.query(
        "SELECT o.path, o.version, i.digest, j.reason, j.detail FROM read_object o"
        " LEFT JOIN image i ON i.id = o.image_id"
        " LEFT JOIN rejection j ON j.root_id = o.root_id AND j.path = o.path AND o.image_id IS NULL"
        f" WHERE o.root_id = ? AND o.path IN ({marks})",
        [current.root_id, *paths],
    )
    damaged = current.damaged
    return {row["path"]: (row["version"], _as_known(row)) for row in rows if row["digest"] not in damaged}


def _as_known(row: sqlite3.Row) -> KnownObject | None:
    if row["digest"] is not None:
        return KnownObject(row["digest"])
    return KnownObject(None, (row["reason"], row["detail"])) if row["reason"] in _LASTING else None
