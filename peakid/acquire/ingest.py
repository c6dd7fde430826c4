"""Import files: store images, origins, labels and rejections, in batches that survive a crash."""

import functools
import sqlite3
import time
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import astuple, dataclass, field, replace
from pathlib import Path

from peakid import clean_text, files, progress_text
from peakid.acquire import decode_task, demo_apart, import_reading
from peakid.acquire.arrival import Arrival
from peakid.acquire.decode_task import Found
from peakid.errors import BadInput, UnreadableImage
from peakid.imaging import decoder
from peakid.import_records import ImportNote
from peakid.records import Credit, ImportReport, RejectionRow, Report, Source
from peakid.store import damaged_images, decision_log, images, tombstones
from peakid.store.workspace import Workspace, now

BATCH_SIZE = 200  # Images per transaction; a killed import repeats at most this many.
N_AHEAD = 64  # Files decoded ahead of time, which keeps many cores busy while a batch is written.


@dataclass(frozen=True)
class _Opened:
    """The result of opening an arrival: either `found` or `rejection` is set."""

    arrival: Arrival
    found: Found | None = None
    rejection: RejectionRow | None = None


@dataclass
class _Import:
    """One running import."""

    workspace: Workspace
    source: Source
    root_id: int
    is_in_place: bool
    acquisition_id: int
    step_id: int | None = None
    n_added: int = 0
    n_known: int = 0
    mended: set[str] = field(default_factory=set)
    damaged: frozenset[str] = frozenset()


def ingest(
    workspace: Workspace,
    arrivals: Iterable[Arrival],
    *,
    source: Source,
    root: Path,
    is_in_place: bool = False,
    notes: Sequence[ImportNote] = (),
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
        notes: What the source noticed; they become part of the report.

    Raises:
        BadInput: If photos would be mixed with the demo.
        WorkspaceNotWritable: If the workspace cannot be written.
    """
    started = time.monotonic()
    demo_apart.refuse_mixture(workspace, source)
    cleaned = map(_cleaned, arrivals)
    ordered = sorted(cleaned, key=lambda arrival: arrival.path)  # Origin ids follow the order of paths.
    current = _start(workspace, source, root, is_in_place=is_in_place, actor=actor)
    known_classes = _class_names(workspace)
    rejections: list[RejectionRow] = []
    read: list[Arrival] = []
    for n_done, batch in _batches(current, ordered, report):
        if not is_in_place and any(opened.found and opened.found.inspected for opened in batch):
            files.sync_disk(workspace.images_dir)  # A power failure leaves no row without its bytes.
        with workspace.transaction() as connection:
            written = [(opened.arrival, _write(connection, current, opened)) for opened in batch]
            rejections += [row for _, row in written if row is not None]
            _update_counts(connection, current, len(rejections), is_finished=n_done == len(ordered))
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


def _cleaned(arrival: Arrival) -> Arrival:
    """Return an arrival whose strings can be stored. All sources come through here."""
    page_url, licence, author = (
        text if text is None else clean_text.clean_text(text) for text in astuple(arrival.credit)
    )
    return replace(
        arrival,
        path=clean_text.clean_path(arrival.path),
        label=None if arrival.label is None else clean_text.clean_class_name(arrival.label),
        credit=Credit(page_url, licence, author),
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


def _start(workspace: Workspace, source: Source, root: Path, *, is_in_place: bool, actor: str) -> _Import:
    images.sweep(workspace)
    with workspace.transaction() as connection:
        connection.execute(
            "INSERT INTO root (path, is_in_place, created_at) VALUES (?, ?, ?)"
            " ON CONFLICT (path) DO UPDATE SET is_in_place = MAX(is_in_place, excluded.is_in_place),"
            " is_foreign = is_foreign AND NOT excluded.is_in_place",
            (clean_text.clean_path(str(root)), int(is_in_place), now()),
        )
        sql = "SELECT id FROM root WHERE path = ?"
        root_id = connection.execute(sql, (clean_text.clean_path(str(root)),)).fetchone()["id"]
        cursor = connection.execute(
            "INSERT INTO acquisition (source, root_id, actor, started_at) VALUES (?, ?, ?, ?)",
            (source, root_id, actor, now()),
        )
    acquisition_id, damaged = int(cursor.lastrowid or 0), damaged_images.digests(workspace)
    return _Import(workspace, source, root_id, is_in_place, acquisition_id, damaged=damaged)


def _batches(
    current: _Import, ordered: Sequence[Arrival], report: Report
) -> Iterator[tuple[int, list[_Opened]]]:
    """Open the arrivals and yield them in batches, with the number of arrivals done."""
    n_done, batch = 0, []
    with decoder.borrowed(decode_task.INSPECT_AND_STORE) as guarded:
        for opened in _open(current, ordered, guarded):
            batch.append(opened)
            n_done += 1
            counted = progress_text.counted(n_done, len(ordered), "files")
            report("Importing", n_done, len(ordered), counted)
            if n_done % BATCH_SIZE == 0 or n_done == len(ordered):
                yield n_done, batch
                batch = []


def _open(current: _Import, ordered: Sequence[Arrival], guarded: decoder.Decoder) -> Iterator[_Opened]:
    """Decode the arrivals, some of them ahead of time, and yield the results in order."""
    ahead: deque[tuple[Arrival, Future[Found]]] = deque()
    for start in range(0, len(ordered), BATCH_SIZE):
        batch = ordered[start : start + BATCH_SIZE]
        known = _digests_at(current, batch)
        for arrival in batch:
            ahead.append(_submit(current, guarded, arrival, known.get(arrival.path, set())))
            if len(ahead) > N_AHEAD:
                yield _result(*ahead.popleft())
    yield from (_result(*each) for each in ahead)


def _digests_at(current: _Import, batch: Sequence[Arrival]) -> dict[str, set[str]]:
    """Return the digests found at these paths before. The same bytes are not decoded again."""
    found: dict[str, set[str]] = {}
    marks = ",".join("?" * len(batch))
    for row in current.workspace.query(
        "SELECT origin.path, image.digest FROM origin JOIN image ON image.id = origin.image_id"
        f" WHERE origin.root_id = ? AND origin.path IN ({marks})",
        [current.root_id, *(arrival.path for arrival in batch)],
    ):
        found.setdefault(row["path"], set()).add(row["digest"])
    return found


def _submit(
    current: _Import, guarded: decoder.Decoder, arrival: Arrival, known_digests: set[str]
) -> "tuple[Arrival, Future[Found]]":
    try:
        arrival = _with_clean_label(arrival)
        if arrival.rejection is not None or arrival.read is None:
            raise UnreadableImage(*(arrival.rejection or ("missing_file", "nothing to read")))
    except UnreadableImage as error:
        failed: Future[Found] = Future()
        failed.set_exception(error)
        return arrival, failed
    read = functools.partial(decode_task.read, arrival.read)
    is_copied = not current.is_in_place
    return arrival, guarded.submit(
        read, known_digests, current.workspace.path, is_copied, current.damaged if is_copied else frozenset()
    )


def _result(arrival: Arrival, pending: "Future[Found]") -> _Opened:
    try:
        return _Opened(arrival, found=pending.result())
    except UnreadableImage as error:
        detail = clean_text.clean_path(error.message)
        return _Opened(arrival, rejection=RejectionRow(arrival.path, error.reason, detail, arrival.label))


def _with_clean_label(arrival: Arrival) -> Arrival:
    if arrival.label is None:
        return arrival
    try:
        label = decision_log.checked_class_name(arrival.label)
    except BadInput as error:
        raise UnreadableImage("unsafe_path", error.message) from error
    return replace(arrival, label=label)


def _if_forgotten(current: _Import, opened: _Opened) -> _Opened:
    """Reject an image that was removed for good.

    The decoding process has checked a list in a file, which may be missing or outdated. The database decides.
    """
    if opened.found is None or not tombstones.is_forgotten(current.workspace, opened.found.digest):
        return opened
    images.discard(current.workspace, opened.found.digest)
    return _Opened(
        opened.arrival,
        rejection=RejectionRow(opened.arrival.path, "forgotten", tombstones.DETAIL, opened.arrival.label),
    )


def _write(connection: sqlite3.Connection, current: _Import, opened: _Opened) -> RejectionRow | None:
    """Write one opened arrival to the database; return its rejection if it has one."""
    opened = _if_forgotten(current, opened)
    found = opened.found
    if opened.rejection is not None or found is None:
        if opened.rejection is not None:
            _reject(connection, current, opened.rejection)
        return opened.rejection
    if found.inspected is not None:
        image_id, is_new = images.add(connection, found.inspected)
    else:
        sql = "SELECT id FROM image WHERE digest = ?"
        image_id, is_new = connection.execute(sql, (found.digest,)).fetchone()["id"], False
    current.n_added += is_new
    current.n_known += not is_new
    if found.is_mended:
        current.mended.add(found.digest)
        damaged_images.clear(connection, [found.digest])
    if _add_origin(connection, current, image_id, opened.arrival) and opened.arrival.label is not None:
        _append_label(connection, current, image_id, opened.arrival.label)
    return None


def _reject(connection: sqlite3.Connection, current: _Import, row: RejectionRow) -> None:
    connection.execute(
        "INSERT INTO rejection (acquisition_id, root_id, path, label, reason, detail, rejected_at)"
        " VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (root_id, path) DO UPDATE SET label = excluded.label,"
        " reason = excluded.reason, detail = excluded.detail",
        (current.acquisition_id, current.root_id, row.path, row.label, row.reason, row.detail, now()),
    )


def _add_origin(connection: sqlite3.Connection, current: _Import, image_id: int, arrival: Arrival) -> bool:
    place = (arrival.path, arrival.label, arrival.split)
    cursor = connection.execute(
        "INSERT INTO origin (image_id, acquisition_id, source, root_id, path, label, split, created_at,"
        " page_url, licence, author) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
        (
            image_id,
            current.acquisition_id,
            current.source,
            current.root_id,
            *place,
            now(),
            *astuple(arrival.credit),
        ),
    )
    return cursor.rowcount == 1


def _append_label(connection: sqlite3.Connection, current: _Import, image_id: int, label: str) -> None:
    """Append a decision for the label of a new origin, unless the image has been judged."""
    state = connection.execute(
        "SELECT decision_id, verdict, class_id, is_reviewed, reason, actor FROM image_state"
        " WHERE image_id = ?",
        (image_id,),
    ).fetchone()
    is_settled = state["verdict"] in ("exclude", "flag") and not (state["actor"] or "").startswith("import:")
    if state["is_reviewed"] or is_settled:
        return
    class_id = decision_log.class_id(connection, label)
    if state["class_id"] is None:
        _append(connection, current, image_id, "label", class_id, "", state["decision_id"])
    elif state["class_id"] != class_id:
        reason = f"origins disagree: {', '.join(_labels(connection, image_id))}"
        if (state["verdict"], state["reason"]) != ("flag", reason):
            _append(connection, current, image_id, "flag", state["class_id"], reason, state["decision_id"])


def _labels(connection: sqlite3.Connection, image_id: int) -> list[str]:
    rows = connection.execute(
        "SELECT DISTINCT label FROM origin WHERE image_id = ? AND label IS NOT NULL ORDER BY label",
        (image_id,),
    )
    return [row["label"] for row in rows]


def _append(
    connection: sqlite3.Connection,
    current: _Import,
    image_id: int,
    verdict: str,
    class_id: int,
    reason: str,
    base: int | None,
) -> None:
    actor = f"import:{current.source}"
    if current.step_id is None:
        current.step_id = decision_log.new_step(connection, actor=actor, kind="import")
    decision_log.append(
        connection,
        step_id=current.step_id,
        image_id=image_id,
        verdict="flag" if verdict == "flag" else "label",
        class_id=class_id,
        reason=reason,
        is_reviewed=False,
        actor=actor,
        base_decision_id=base,
    )


def _update_counts(
    connection: sqlite3.Connection, current: _Import, n_rejected: int, *, is_finished: bool
) -> None:
    connection.execute(
        "UPDATE acquisition SET n_added = ?, n_known = ?, n_rejected = ?, finished_at = ? WHERE id = ?",
        (
            current.n_added,
            current.n_known,
            n_rejected,
            now() if is_finished else None,
            current.acquisition_id,
        ),
    )
