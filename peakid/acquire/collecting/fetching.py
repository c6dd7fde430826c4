"""Fetch the candidates of a collection into files, many at once, each ready to be imported."""

import contextlib
import hashlib
import queue
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import chain, zip_longest
from pathlib import Path
from urllib.parse import urlsplit

import anyio
from anyio.streams.memory import MemoryObjectSendStream

from peakid import files
from peakid.acquire.collecting import searching
from peakid.acquire.collecting.thumbnails import ThumbnailCheck
from peakid.acquire.fetching import placeholders
from peakid.acquire.fetching.client import Client, ClientOptions, NotFetched
from peakid.acquire.fetching.pace import QuotaUsedUp
from peakid.acquire.sources import url_list
from peakid.acquire.sources.photo_source import PhotoSource
from peakid.errors import UnreadableImage, UrlRefused
from peakid.records import RejectionReason
from peakid.store.collecting import collections, waiting
from peakid.store.collecting.collections import Candidate
from peakid.store.workspace import Workspace

N_WORKERS = 32
MAX_WAITING_FILES = 512  # Fetched and not imported yet.
_PAGE = 500
_SUFFIX = ".image"
_PAUSE_S = 0.05
_SEARCH_PAUSE_S = 0.3


@dataclass(frozen=True)
class Fetched:
    """A URL with the file that holds its bytes, or with what else became of it.

    Attributes:
        candidates: All that have this URL, one for each of its classes.
        file: In the folder of fetched files; None where `digest` or `reason` is set.
        digest: The image that the URL became before, which is not fetched again.
    """

    candidates: tuple[Candidate, ...]
    file: Path | None = None
    digest: str = ""
    reason: RejectionReason | None = None
    detail: str = ""


Results = queue.SimpleQueue[Fetched]


async def fetch_all(
    workspace: Workspace,
    collection_id: int,
    results: Results,
    *,
    options: ClientOptions,
    sources: Mapping[str, PhotoSource],
    max_bytes: int,
) -> None:
    """Carry on the searches of a collection, and put a result for every candidate that waits.

    A file that an earlier process fetched and did not import is used again. Candidates of a host whose quota
    is used up for long get no result: they wait for the next run.

    Args:
        sources: The services that can be searched, by name.
        max_bytes: Of one image.

    Raises:
        OSError: If the files cannot be written, such as on a full disk.
    """
    folder = folder_of(workspace)
    folder.mkdir(parents=True, exist_ok=True)
    _remove_left(workspace, folder)
    send, receive = anyio.create_memory_object_stream[Fetched](0)

    async def work(client: Client, check: ThumbnailCheck) -> None:
        async for each in receive:
            with contextlib.suppress(QuotaUsedUp):  # The candidate waits for the next run.
                if not each.digest:
                    each = await _fetched(client, check, folder, each, max_bytes=max_bytes)
                results.put(each)

    is_searched = anyio.Event()

    async def search(client: Client) -> None:
        await searching.search_all(workspace, collection_id, client, sources)
        is_searched.set()

    paces = {host: pace for each in sources.values() for host, pace in each.paces.items()}
    options = replace(options, paces={**paces, **options.paces})
    async with Client(options) as client:
        with contextlib.closing(ThumbnailCheck(workspace, client)) as check:
            async with anyio.create_task_group() as group:
                group.start_soon(search, client)
                for _ in range(N_WORKERS):
                    group.start_soon(work, client, check)
                async with send:
                    await _send_all(send, _Waiting(workspace, collection_id), results, is_searched)


def _remove_left(workspace: Workspace, folder: Path) -> None:
    """Remove what killed processes left: half-written files, and those of candidates that wait no longer."""
    files.sweep([folder])
    if left := {file.name: file for file in folder.glob(f"*{_SUFFIX}")}:
        for url in waiting.urls(workspace):
            left.pop(_file_name(url), None)
    for file in left.values():
        file.unlink(missing_ok=True)


def _file_name(url: str) -> str:
    return f"{hashlib.sha256(url.encode()).hexdigest()}{_SUFFIX}"


def folder_of(workspace: Workspace) -> Path:
    """Return the folder of fetched files that are not imported yet."""
    return workspace.cache_dir / "collected"


async def _fetched(
    client: Client, check: ThumbnailCheck, folder: Path, wanted: Fetched, *, max_bytes: int
) -> Fetched:
    url = wanted.candidates[0].url
    file = folder / _file_name(url)
    if file.is_file():
        return replace(wanted, file=file)
    try:
        if url_list.is_inline(url):
            body = url_list.inline_bytes(url)
        else:
            if len(wanted.candidates) == 1 and (known := await check.rejection(wanted.candidates[0])):
                return replace(wanted, reason=known[0], detail=known[1])
            response = await client.get(url, max_bytes=max_bytes)
            if placeholders.is_known(response.url):
                return replace(wanted, reason="placeholder", detail=f"It leads to {response.url}.")
            body = response.body
    except UrlRefused as error:
        return replace(wanted, reason="unsafe_url", detail=error.message)
    except (NotFetched, UnreadableImage) as error:
        return replace(wanted, reason=error.reason, detail=error.message)
    await anyio.to_thread.run_sync(files.write_bytes, file, body)
    return replace(wanted, file=file)


async def _send_all(
    send: MemoryObjectSendStream[Fetched], waiting: "_Waiting", results: Results, is_searched: anyio.Event
) -> None:
    """Send what waits, until the searches have ended and everything they found is sent."""
    while True:
        was_searched = is_searched.is_set()  # Asked before the look: nothing is added after it.
        for each in waiting.further():
            while results.qsize() > MAX_WAITING_FILES:
                await anyio.sleep(_PAUSE_S)
            await send.send(each)
        if was_searched:
            return
        with anyio.move_on_after(_SEARCH_PAUSE_S):
            await is_searched.wait()


class _Waiting:
    """The URLs of the candidates that wait, each given once."""

    def __init__(self, workspace: Workspace, collection_id: int) -> None:
        self._workspace, self._collection_id = workspace, collection_id
        self._after, self._given = 0, set[str]()

    def further(self) -> Iterator[Fetched]:
        """Yield those that were not given yet, those of different hosts by turns."""
        while page := collections.waiting(
            self._workspace, self._collection_id, after=self._after, limit=_PAGE
        ):
            self._after = after = page[-1].candidate_id
            urls = [each.url for each in page if each.url not in self._given]
            known = collections.known_images(self._workspace, urls)
            grouped = collections.waiting_by_url(self._workspace, self._collection_id, urls)
            self._given |= {url for url, found in grouped.items() if found[-1].candidate_id > after}
            yield from (Fetched(found, digest=known.get(url, "")) for url, found in _by_turns(grouped))


def _by_turns(grouped: Mapping[str, tuple[Candidate, ...]]) -> Iterable[tuple[str, tuple[Candidate, ...]]]:
    hosts: dict[str, list[str]] = {}
    for url in grouped:
        hosts.setdefault(urlsplit(url).netloc, []).append(url)
    rounds = zip_longest(*hosts.values())
    return ((url, grouped[url]) for url in chain.from_iterable(rounds) if url is not None)
