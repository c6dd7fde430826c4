"""Read the bytes of images by their location, which is a path or the URL of an object, several at once."""

import errno
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from peakid import files, store_urls
from peakid.store.objects import opening, waiting
from peakid.store_urls import StoreUrl

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

N_AT_ONCE = 16  # Requests on the way: one takes tens of milliseconds, most of which is waiting.

T = TypeVar("T")
R = TypeVar("R")


def fetch(location: str | Path | StoreUrl, limit: int = files.ANY_SIZE) -> bytes:
    """Return the bytes of a file or an object of at most `limit` bytes.

    Raises:
        OSError: If there is none, it may not be read, or it is larger than the limit (`EFBIG`).
        StoreUnreachable: If its store does not answer for long.
        StoreRefused: If its store does not accept the credentials.
        ExtraMissing: If the package for its store is not installed.
    """
    if isinstance(location, str):
        location = store_urls.place(location)
    if isinstance(location, Path):
        return files.read_regular(location, limit)
    url, system = location, opening.file_system(location)
    # One byte more than the limit, to see that there are more.
    end = {} if limit >= files.ANY_SIZE else {"start": 0, "end": limit + 1}
    data = waiting.call(url, lambda: _contents(system, url, end))
    if len(data) > limit:
        raise OSError(errno.EFBIG, f"over the limit of {limit:,} bytes", str(url))
    return data


def ahead(
    items: Iterable[T],
    read: Callable[[T], R],
    *,
    n_at_once: int = N_AT_ONCE,
    size_of: Callable[[R], int] = lambda read: len(read) if isinstance(read, bytes) else 0,
    most_bytes: int = 256 * 2**20,
) -> Iterator[tuple[T, R]]:
    """Yield each item with what is read for it, in order, while the next ones are being read.

    Args:
        read: Called in several threads. An error that it raises is raised here, when its turn comes.
        most_bytes: Read and not yet taken; then no further one is begun. At least one is always read.
    """
    with ThreadPoolExecutor(n_at_once) as pool:
        running: deque[tuple[T, Future[R]]] = deque()

        def held() -> int:
            done = (each for _, each in running if each.done() and each.exception() is None)
            return sum(size_of(each.result()) for each in done)

        try:
            for item in items:
                while running and (len(running) >= 2 * n_at_once or held() > most_bytes):
                    first, future = running.popleft()
                    yield first, future.result()
                running.append((item, pool.submit(read, item)))
            while running:
                first, future = running.popleft()
                yield first, future.result()
        except BaseException:
            waiting.give_up()  # Else the threads of this pool would wait for their store.
            raise
        finally:
            for _, future in running:
                future.cancel()


def _contents(system: "AbstractFileSystem", url: StoreUrl, end: dict[str, int]) -> bytes:
    try:
        return system.cat_file(str(url), **end)
    except OSError as error:
        if end and error.errno == errno.EINVAL and "ange" in str(error):  # 416: an object of no bytes.
            return system.cat_file(str(url))
        raise
