"""What every import does with its arrivals: open them ahead of time, and write what became of them."""

import functools
import itertools
import sqlite3
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import astuple, dataclass, field, replace
from pathlib import Path

from peakid import clean_text
from peakid.acquire import decode_task
from peakid.acquire.arrival import Arrival
from peakid.acquire.decode_task import Found
from peakid.errors import BadInput, UnreadableImage
from peakid.imaging import decoder
from peakid.records import Credit, RejectionRow, Source
from peakid.store import damaged_images, decision_log, images, tombstones
from peakid.store.objects import image_stores, originals
from peakid.store.objects.originals import Settled
from peakid.store.workspace import Workspace, now
from peakid.store_urls import StoreUrl

BATCH_SIZE = 200  # Images per transaction; a killed import repeats at most this many.
MAX_BYTES_AHEAD = 256 * 2**20  # In memory: bytes that came from a store.
N_AHEAD = 64  # Files decoded ahead of time, which keeps many cores busy while a batch is written.


@dataclass(frozen=True)
class Opened:
    """The result of opening an arrival: either `found` or `rejection` is set."""

    arrival: Arrival
    found: Found | None = None
    rejection: RejectionRow | None = None


@dataclass(frozen=True)
class Written:
    """What became of an arrival: either `image_id` or `rejection` is set."""

    image_id: int | None = None
    rejection: RejectionRow | None = None


@dataclass
class RunningImport:
    """One running import.

    Attributes:
        held: Yields the arrivals with bytes that another process can read; None where they are files.
    """

    workspace: Workspace
    source: Source
    root_id: int | None
    is_in_place: bool
    acquisition_id: int
    step_id: int | None = None
    n_added: int = 0
    n_known: int = 0
    n_rejected: int = 0
    held: "Held | None" = None
    mended: set[str] = field(default_factory=set)
    damaged: frozenset[str] = frozenset()


Held = Callable[[RunningImport, Sequence[Arrival]], Iterator[Arrival]]


def cleaned(arrival: Arrival) -> Arrival:
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


def start(
    workspace: Workspace,
    source: Source,
    root: Path | StoreUrl | None,
    *,
    is_in_place: bool = False,
    held: Held | None = None,
    actor: str,
) -> RunningImport:
    """Begin an import.

    Args:
        root: The folder, or the place in a store, that paths are relative to; None where they are URLs.
        held: As in `RunningImport`.
    """
    images.sweep(workspace)
    with workspace.transaction() as connection:
        root_id = None if root is None else _root_id(connection, root, is_in_place=is_in_place)
        cursor = connection.execute(
            "INSERT INTO acquisition (source, root_id, actor, started_at) VALUES (?, ?, ?, ?)",
            (source, root_id, actor, now()),
        )
    acquisition_id, damaged = int(cursor.lastrowid or 0), damaged_images.digests(workspace)
    return RunningImport(workspace, source, root_id, is_in_place, acquisition_id, held=held, damaged=damaged)


def _root_id(connection: sqlite3.Connection, root: Path | StoreUrl, *, is_in_place: bool) -> int:
    path = clean_text.clean_path(str(root))
    connection.execute(
        "INSERT INTO root (path, is_in_place, created_at) VALUES (?, ?, ?)"
        " ON CONFLICT (path) DO UPDATE SET is_in_place = MAX(is_in_place, excluded.is_in_place),"
        " is_foreign = is_foreign AND NOT excluded.is_in_place",
        (path, int(is_in_place), now()),
    )
    return int(connection.execute("SELECT id FROM root WHERE path = ?", (path,)).fetchone()["id"])


def opened(current: RunningImport, ordered: Sequence[Arrival], guarded: decoder.Decoder) -> Iterator[Opened]:
    """Decode the arrivals, some of them ahead of time, and yield the results in order."""
    ahead: deque[tuple[Arrival, Future[Found]]] = deque()
    n_bytes, arriving = 0, iter(ordered) if current.held is None else current.held(current, ordered)
    for start in range(0, len(ordered), BATCH_SIZE):
        batch = ordered[start : start + BATCH_SIZE]
        known = _digests_at(current, batch)
        stored = _in_stores(current, known)
        for arrival in itertools.islice(arriving, len(batch)):
            digests = known.get(arrival.path, set())
            ahead.append(_submit(current, guarded, arrival, digests, digests & stored))
            n_bytes += arrival.n_bytes
            while len(ahead) > N_AHEAD or (n_bytes > MAX_BYTES_AHEAD and len(ahead) > 1):
                first = ahead.popleft()
                n_bytes -= first[0].n_bytes
                yield _result(*first)
    yield from (_result(*each) for each in ahead)


def _digests_at(current: RunningImport, batch: Sequence[Arrival]) -> dict[str, set[str]]:
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


def _in_stores(current: RunningImport, known: Mapping[str, set[str]]) -> set[str]:
    """Return the images among those known whose originals are in a store: they need no copy here."""
    if current.is_in_place:
        return set()
    digests = sorted(set[str]().union(*known.values()) - current.damaged)
    return set(image_stores.stores_of(current.workspace, digests))


def _submit(
    current: RunningImport,
    guarded: decoder.Decoder,
    arrival: Arrival,
    known_digests: set[str],
    in_stores: set[str],
) -> "tuple[Arrival, Future[Found]]":
    try:
        arrival = _with_clean_label(arrival)
        if arrival.known is not None and arrival.known.rejection is not None:
            raise UnreadableImage(*arrival.known.rejection)
        if arrival.known is not None and arrival.known.digest is not None:
            done: Future[Found] = Future()
            done.set_result(Found(arrival.known.digest))
            return arrival, done
        if arrival.rejection is not None or arrival.read is None:
            raise UnreadableImage(*(arrival.rejection or ("missing_file", "nothing to read")))
    except UnreadableImage as error:
        failed: Future[Found] = Future()
        failed.set_exception(error)
        return arrival, failed
    read = functools.partial(decode_task.read, arrival.read)
    is_copied = not current.is_in_place
    damaged = current.damaged if is_copied else frozenset()
    where = current.workspace.path
    return arrival, guarded.submit(read, known_digests, where, is_copied, damaged, in_stores)


def _result(arrival: Arrival, pending: "Future[Found]") -> Opened:
    try:
        return Opened(arrival, found=pending.result())
    except UnreadableImage as error:
        detail = clean_text.clean_path(error.message)
        return Opened(arrival, rejection=RejectionRow(arrival.path, error.reason, detail, arrival.label))


def _with_clean_label(arrival: Arrival) -> Arrival:
    if arrival.label is None:
        return arrival
    try:
        label = decision_log.checked_class_name(arrival.label)
    except BadInput as error:
        raise UnreadableImage("unsafe_path", error.message) from error
    return replace(arrival, label=label)


def _if_forgotten(current: RunningImport, opened: Opened) -> Opened:
    """Reject an image that was removed for good.

    The decoding process has checked a list in a file, which may be missing or outdated. The database decides.
    """
    if opened.found is None or not tombstones.is_forgotten(current.workspace, opened.found.digest):
        return opened
    images.discard(current.workspace, opened.found.digest)
    return Opened(
        opened.arrival,
        rejection=RejectionRow(opened.arrival.path, "forgotten", tombstones.DETAIL, opened.arrival.label),
    )


def write(connection: sqlite3.Connection, current: RunningImport, opened: Opened) -> Written:
    """Write one opened arrival to the database."""
    opened = _if_forgotten(current, opened)
    found = opened.found
    if opened.rejection is not None or found is None:
        if opened.rejection is not None and current.root_id is not None:
            _reject(connection, current, opened.rejection)
            _note_object(connection, current, opened.arrival, None)
        return Written(rejection=opened.rejection)
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
    _note_object(connection, current, opened.arrival, image_id)
    return Written(image_id)


def settle(current: RunningImport, batch: Sequence[Opened]) -> Settled:
    """Make the files of a batch last, here or in the store of the workspace, before its rows are written."""
    if current.is_in_place:
        return Settled()
    written = [each.found.digest for each in batch if each.found and each.found.inspected]
    return originals.settle(current.workspace, written, current.damaged)


def _note_object(
    connection: sqlite3.Connection, current: RunningImport, arrival: Arrival, image_id: int | None
) -> None:
    """Note which version of an object was read, so that the next import reads only what has changed."""
    if arrival.version and arrival.known is None:
        connection.execute(
            "INSERT INTO read_object (root_id, path, version, image_id) VALUES (?, ?, ?, ?)"
            " ON CONFLICT (root_id, path) DO UPDATE SET version = excluded.version,"
            " image_id = excluded.image_id",
            (current.root_id, arrival.path, arrival.version, image_id),
        )


def _reject(connection: sqlite3.Connection, current: RunningImport, row: RejectionRow) -> None:
    connection.execute(
        "INSERT INTO rejection (acquisition_id, root_id, path, label, reason, detail, rejected_at)"
        " VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (root_id, path) DO UPDATE SET label = excluded.label,"
        " reason = excluded.reason, detail = excluded.detail",
        (current.acquisition_id, current.root_id, row.path, row.label, row.reason, row.detail, now()),
    )


def _add_origin(
    connection: sqlite3.Connection, current: RunningImport, image_id: int, arrival: Arrival
) -> bool:
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


def _append_label(connection: sqlite3.Connection, current: RunningImport, image_id: int, label: str) -> None:
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
    current: RunningImport,
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


def update_counts(
    connection: sqlite3.Connection, current: RunningImport, n_rejected: int, *, is_finished: bool
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
