"""Import files: store images, origins, labels and rejections, in batches that survive a crash."""

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from peakid import progress_text
from peakid.acquire import decode_task, demo_apart, import_batches, import_reading
from peakid.acquire.arrival import Arrival
from peakid.acquire.import_batches import BATCH_SIZE, Held, Opened, RunningImport
from peakid.imaging import decoder
from peakid.import_records import ImportNote
from peakid.records import ImportReport, RejectionRow, Report, Source
from peakid.store import decision_log
from peakid.store.objects import originals
from peakid.store.workspace import Workspace
from peakid.store_urls import StoreUrl


def ingest(
    workspace: Workspace,
    arrivals: Iterable[Arrival],
    *,
    source: Source,
    root: Path | StoreUrl,
    is_in_place: bool = False,
    notes: Sequence[ImportNote] = (),
    held: Held | None = None,
    actor: str,
    report: Report,
) -> ImportReport:
    """Import every file that can be decoded, with its label, and reject the others with a reason.

    Each batch is one transaction, so the next import continues after one that was killed, and a second import
    of the same files adds nothing. A label from a folder or table is an unreviewed decision of the actor
    `import:<source>`. If the origins of an image have different labels, the image is flagged with its first
    label. An image that a person has judged keeps that judgement. The files of a batch are on the disk before
    its rows are written. A stored copy that is missing, cut or reported as damaged is written again.

    Args:
        root: The folder or the place in a store that the paths are relative to.
        notes: What the source noticed; they become part of the report.
        held: Yields the arrivals with bytes that another process can read; None where they are files.

    Raises:
        BadInput: If photos would be mixed with the demo.
        WorkspaceNotWritable: If the workspace cannot be written.
    """
    started = time.monotonic()
    demo_apart.refuse_mixture(workspace, source)
    cleaned = map(import_batches.cleaned, arrivals)
    ordered = sorted(cleaned, key=lambda arrival: arrival.path)  # Origin ids follow the order of paths.
    current = import_batches.start(workspace, source, root, is_in_place=is_in_place, held=held, actor=actor)
    known_classes = _class_names(workspace)
    rejections: list[RejectionRow] = []
    read: list[Arrival] = []
    for n_done, batch in _batches(current, ordered, report):
        settled = import_batches.settle(current, batch)
        with workspace.transaction() as connection:
            written = [
                (opened.arrival, import_batches.write(connection, current, opened).rejection)
                for opened in batch
            ]
            originals.note(connection, settled)
            rejections += [row for _, row in written if row is not None]
            import_batches.update_counts(
                connection, current, len(rejections), is_finished=n_done == len(ordered)
            )
        originals.release(workspace, settled)
        read += [_as_written(arrival, row) for arrival, row in written]
    read = _with_current_classes(workspace, read)
    reading = import_reading.of(read, notes=notes, known_classes=known_classes, is_imported=True)
    seconds = time.monotonic() - started
    return ImportReport(
        current.n_added,
        current.n_known,
        len(rejections),
        rejections,
        seconds,
        reading,
        n_mended=len(current.mended),
    )


def _as_written(arrival: Arrival, row: RejectionRow | None) -> Arrival:
    return replace(arrival, rejection=None if row is None else (row.reason, row.detail))


def _class_names(workspace: Workspace) -> list[str]:
    return [row["name"] for row in workspace.query("SELECT name FROM class WHERE is_retired = 0")]


def _with_current_classes(workspace: Workspace, arrivals: Iterable[Arrival]) -> list[Arrival]:
    """Return arrivals with the classes that got their images: a class may have been renamed or merged."""
    name_of = {row["id"]: row["name"] for row in workspace.query("SELECT id, name FROM class")}
    connection, names = workspace.connection(), dict[str, str]()
    found = []
    for arrival in arrivals:
        if arrival.label is not None and arrival.label not in names:
            class_id = decision_log.known_class_id(connection, arrival.label)
            names[arrival.label] = arrival.label if class_id is None else name_of[class_id]
        found.append(arrival if arrival.label is None else replace(arrival, label=names[arrival.label]))
    return found


def _batches(
    current: RunningImport, ordered: Sequence[Arrival], report: Report
) -> Iterator[tuple[int, list[Opened]]]:
    """Open the arrivals and yield them in batches, with the number of arrivals done."""
    n_done, batch = 0, []
    with decoder.borrowed(decode_task.INSPECT_AND_STORE) as guarded:
        for opened in import_batches.opened(current, ordered, guarded):
            batch.append(opened)
            n_done += 1
            counted = progress_text.counted(n_done, len(ordered), "files")
            report("Importing", n_done, len(ordered), counted)
            if n_done % BATCH_SIZE == 0 or n_done == len(ordered):
                yield n_done, batch
                batch = []
