"""Collect the photos of a collection: every candidate becomes one image or one rejection.

The candidates are fetched in a thread, into files; this thread imports them in batches. What became of a
candidate is written in the transaction that writes its image, so a process that is killed loses no candidate
and writes none twice: the next one continues.
"""

import functools
import queue
import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from anyio.from_thread import start_blocking_portal

from peakid import files, progress_text, settings
from peakid.acquire import decode_task, demo_apart, import_batches
from peakid.acquire.arrival import Arrival
from peakid.acquire.collecting import fetching
from peakid.acquire.collecting.fetching import Fetched
from peakid.acquire.fetching.client import ClientOptions
from peakid.acquire.import_batches import Opened, RunningImport
from peakid.acquire.sources import url_list
from peakid.acquire.sources.photo_source import PhotoSource
from peakid.errors import NotFound, PeakidError
from peakid.imaging import decoder
from peakid.records import Report, Source
from peakid.store import images
from peakid.store.collecting import class_progress, collections, schedules
from peakid.store.collecting.collections import Candidate, Ended
from peakid.store.objects import originals
from peakid.store.workspace import Workspace

BATCH_SIZE = 50  # URLs a transaction.
_BATCH_S = 1.0  # A smaller batch is written after this time, so that pictures appear as they come.
_WAIT_S = 0.1
# A picture at more addresses of one server stands for photos that are gone, such as "no longer available".
MAX_SAME_BYTES = 2


@dataclass(frozen=True)
class CollectReport:
    """What became of the candidates that waited.

    Attributes:
        n_images: Candidates that are images now; `n_new` of them were not in the workspace.
        n_waiting: Those that still wait, where the collection was stopped.
    """

    n_images: int
    n_new: int
    n_rejected: int
    n_waiting: int
    seconds: float


def collect(
    workspace: Workspace,
    name: str,
    *,
    options: ClientOptions | None = None,
    sources: Mapping[str, PhotoSource] | None = None,
    actor: str,
    report: Report,
    should_stop: Callable[[], bool] = lambda: False,
    after_batch: Callable[[int], None] = lambda _n_new: None,
) -> CollectReport:
    """Search for a collection, and fetch and import its candidates until none waits or it is stopped.

    Args:
        sources: The services that can be searched, by name.
        after_batch: Called while more are being fetched, with the number of new images so far.

    Raises:
        NotFound: If there is no such collection.
        BadInput: If photos would be mixed with the demo.
        DiskError: If the disk is full or cannot be written; what was imported stays.
    """
    started = time.monotonic()
    collection = collections.show(workspace, name)
    source: Source = "web"
    demo_apart.refuse_mixture(workspace, source)
    schedules.note_run(workspace, collection.collection_id)
    current = import_batches.start(workspace, source, None, actor=actor)
    results: fetching.Results = queue.SimpleQueue()
    try:
        with start_blocking_portal() as portal:
            fetch = functools.partial(
                fetching.fetch_all,
                options=options or ClientOptions(),
                sources=sources or {},
                max_bytes=settings.current().max_image_bytes,
            )
            running = portal.start_task_soon(fetch, workspace, collection.collection_id, results)
            batches = _batches(current, results, running.done, should_stop, after_batch)
            n_images, n_rejected = _count(workspace, collection.collection_id, batches, report)
            running.cancel()
            if running.done() and not running.cancelled():
                running.result()
    except (OSError, ExceptionGroup) as error:  # The tasks that fetch fail as a group.
        raise _explained(_first(error), workspace) from error
    left = collections.show(workspace, name).n_waiting
    with workspace.transaction() as connection:
        import_batches.update_counts(connection, current, current.n_rejected, is_finished=not left)
    seconds = time.monotonic() - started
    return CollectReport(n_images, current.n_added, n_rejected, left, seconds)


def _batches(
    current: RunningImport,
    results: fetching.Results,
    is_fetched: Callable[[], bool],
    should_stop: Callable[[], bool],
    after_batch: Callable[[int], None],
) -> Iterator[tuple[int, int]]:
    """Import results until no more come; yield the number of images and of rejections of each batch.

    Files that are fetched when it is stopped are used by the next run.
    """
    with decoder.borrowed(decode_task.INSPECT_AND_STORE) as guarded:
        while not should_stop():
            is_last = is_fetched()  # Asked before the queue is emptied: nothing comes after it.
            batch = _batch(results)
            if batch:
                yield _write(current, batch, guarded)
                after_batch(current.n_added)
            elif is_last:
                break


def _count(
    workspace: Workspace, collection_id: int, batches: Iterator[tuple[int, int]], report: Report
) -> tuple[int, int]:
    """Add up the batches, and report each."""
    n_images = n_rejected = 0
    for found, rejected in batches:
        n_images, n_rejected = n_images + found, n_rejected + rejected
        n_done = n_images + n_rejected
        n_total = n_done + collections.n_waiting(workspace, collection_id)
        n_total += class_progress.n_to_find(workspace, collection_id)
        report("Collecting", n_done, n_total, progress_text.counted(n_done, n_total, "photos"))
    return n_images, n_rejected


def _batch(results: fetching.Results) -> list[Fetched]:
    found: list[Fetched] = []
    until = time.monotonic() + _BATCH_S
    while len(found) < BATCH_SIZE and time.monotonic() < until:
        try:
            found.append(results.get(timeout=_WAIT_S))
        except queue.Empty:
            if found:
                break
            return found
    return found


def _write(current: RunningImport, batch: Sequence[Fetched], guarded: decoder.Decoder) -> tuple[int, int]:
    workspace = current.workspace
    arrivals, candidates = list[Arrival](), list[Candidate]()
    ended: list[Ended] = []
    for fetched in batch:
        for each in fetched.candidates:
            if fetched.reason is not None:
                ended.append(Ended(each.candidate_id, None, fetched.reason, fetched.detail))
            else:
                arrivals.append(_arrival(workspace, fetched, each))
                candidates.append(each)
    opened = list(import_batches.opened(current, arrivals, guarded))
    ids = [each.candidate_id for each in candidates]
    settled = import_batches.settle(current, opened)
    n_images, n_rejected = 0, len(ended)
    with workspace.transaction() as connection:
        waiting = collections.still_waiting(connection, ids)
        for candidate, each in zip(candidates, opened, strict=True):
            if candidate.candidate_id not in waiting:
                continue  # Another process has collected it meanwhile.
            one = _ended(connection, current, candidate, each)
            collections.end(connection, one)
            n_images += one.image_id is not None
            n_rejected += one.image_id is None
        for one in ended:
            collections.end(connection, one)
        originals.note(connection, settled)
        current.n_rejected += n_rejected
        import_batches.update_counts(connection, current, current.n_rejected, is_finished=False)
    originals.release(workspace, settled)
    for fetched in batch:
        if fetched.file is not None:
            fetched.file.unlink(missing_ok=True)
    return n_images, n_rejected


def _ended(
    connection: sqlite3.Connection, current: RunningImport, candidate: Candidate, opened: Opened
) -> Ended:
    """Write the image of a candidate, unless its bytes have too many addresses at its server."""
    if opened.found and not url_list.is_inline(candidate.url):
        n_same = collections.n_same_bytes(connection, candidate.url, opened.found.digest)
        if n_same >= MAX_SAME_BYTES:
            detail = f"{n_same:,} other addresses of this server have the same picture."
            return Ended(candidate.candidate_id, None, "placeholder", detail)
    written = import_batches.write(connection, current, opened)
    if written.rejection is None:
        return Ended(candidate.candidate_id, written.image_id)
    return Ended(candidate.candidate_id, None, written.rejection.reason, written.rejection.detail)


def _arrival(workspace: Workspace, fetched: Fetched, candidate: Candidate) -> Arrival:
    if fetched.file is not None:
        read = functools.partial(Path.read_bytes, fetched.file)
    elif images.image_path(workspace, fetched.digest).is_file():
        read = functools.partial(_stored_bytes, workspace.path, fetched.digest)
    else:
        read = _held(workspace, fetched.digest)
    return import_batches.cleaned(
        Arrival(candidate.url, candidate.label, read=read, credit=candidate.credit, is_from_table=True)
    )


def _held(workspace: Workspace, digest: str) -> Callable[[], bytes]:
    """Read an image from its store now: the process that decodes has no credentials for it."""
    try:
        return functools.partial(bytes, images.read_bytes(workspace, digest))
    except NotFound:
        return functools.partial(_stored_bytes, workspace.path, digest)  # It raises the error, in its turn.


def _stored_bytes(folder: Path, digest: str) -> bytes:
    """Read an image of the workspace in a folder, in another process: a workspace cannot be sent to one."""
    try:
        return images.read_bytes(Workspace(folder), digest)
    except NotFound as error:
        raise FileNotFoundError(str(error)) from error


def _first(error: Exception) -> Exception:
    """Return the first error of a group, in which groups may be."""
    return _first(error.exceptions[0]) if isinstance(error, ExceptionGroup) else error


def _explained(error: Exception, workspace: Workspace) -> Exception:
    if isinstance(error, PeakidError) or not isinstance(error, OSError):
        return error
    return files.explained(error, fetching.folder_of(workspace)) or error
