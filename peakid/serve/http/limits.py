"""What the prediction server accepts: sizes, numbers and times, and the reading of a body within them."""

import contextlib
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from dataclasses import dataclass, replace

from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import ClientDisconnect, Request

from peakid.serve.http.batching import TooBusy

MAX_NAME_CHARS = 255


@dataclass(frozen=True)
class Limits:
    """Attributes:
    max_body_bytes: Largest body of a request.
    max_held_bytes: Bodies of all requests together; more are told to come back.
    max_files: Photos in one request.
    max_photos: Photos of all requests that are decoded and predicted or wait for it.
    max_fetches: URLs that are fetched at the same time.
    max_maps: Occlusion maps that are computed or wait for it; they are computed one after the other.
    max_corrections: Photos that one server stores.
    max_open: Requests that are served at the same time; more are told to come back.
    max_connections: Connections; the one that is idle for longest is closed for another one.
    max_header_bytes: Largest header of a request.
    header_s: Time for a header to arrive, and for a new connection to send one.
    body_s: Time for a whole body to arrive.
    drain_s: Time for which the rest of a refused body is read, so that its client reads the refusal.
    url_s: Time to fetch a URL.
    predict_s: Time for a prediction.
    """

    max_body_bytes: int = 64 * 2**20
    max_held_bytes: int = 512 * 2**20
    max_files: int = 64
    max_photos: int = 512
    max_fetches: int = 16
    max_maps: int = 32
    max_corrections: int = 1000
    max_open: int = 1024
    max_connections: int = 2048
    max_header_bytes: int = 64 * 2**10
    header_s: float = 10.0
    body_s: float = 30.0
    drain_s: float = 5.0
    url_s: float = 15.0
    predict_s: float = 60.0

    def within_files(self, n_files: int) -> "Limits":
        """Return the limits for a process that may open so many files for connections."""
        return replace(self, max_connections=max(1, min(self.max_connections, n_files)))


class Room:
    """Counts what is in use, up to a limit. Used from the thread of the event loop only."""

    def __init__(self, limit: int) -> None:
        self._limit, self.n_used = limit, 0

    def take(self, n: int) -> None:
        """Use so much more.

        Raises:
            TooBusy: If it does not fit.
        """
        if self.n_used + n > self._limit:
            raise TooBusy
        self.n_used += n

    @contextlib.contextmanager
    def share(self) -> Generator[Callable[[int], None]]:
        """Yield a `take` whose part is given back at the end of the block."""
        n_taken = 0

        def take(n: int) -> None:
            nonlocal n_taken
            self.take(n)
            n_taken += n

        try:
            yield take
        finally:
            self.n_used -= n_taken

    @contextlib.contextmanager
    def taken(self, n: int = 1) -> Generator[None]:
        """Use so much more within a block.

        Raises:
            TooBusy: If it does not fit.
        """
        with self.share() as take:
            take(n)
            yield


@dataclass(frozen=True)
class Upload:
    """One file of a request. `name` is what the client called it."""

    name: str
    content: bytes


@dataclass(frozen=True)
class Form:
    """What a request sent: its files, and the texts beside them by name."""

    files: list[Upload]
    fields: dict[str, str]


Timed = Callable[[Awaitable[Form]], Awaitable[Form]]
"""Waits for a body, and raises TimeoutError where it takes too long."""


class _InMemory(MultiPartParser):
    """Keeps the files of a form in memory: uploads are never written to a disk."""

    spool_max_size = 2**31


async def read_form(request: Request, limits: Limits, take: Callable[[int], None], timed: Timed) -> Form:
    """Return the files of a form with any field names, or the body itself when it is an image.

    Args:
        take: Called with the bytes of each part of the body.

    Raises:
        HTTPException: 400 for a broken form, 408 for a slow client, 413 for too much, 415 for another type.
        TooBusy: If the bodies of all requests together are too large.
    """
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    try:
        if media_type == "multipart/form-data":
            return await timed(_of_form(request, limits, take))
        if media_type.startswith("image/") or media_type == "application/octet-stream":
            return await timed(_of_body(request, limits, take))
    except TimeoutError:
        raise HTTPException(408, f"The body did not arrive within {limits.body_s:g} s.") from None
    except MultiPartException as error:
        raise HTTPException(400, f"The form cannot be read: {error.message}") from error
    except ClientDisconnect as error:
        raise HTTPException(400, "The upload was cut off.") from error
    raise HTTPException(415, "Send photos as multipart/form-data, or one photo as an image/* body.")


async def _of_body(request: Request, limits: Limits, take: Callable[[int], None]) -> Form:
    content = b"".join([part async for part in _counted(request, limits, take)])
    return Form([Upload("", content)], {})


async def _of_form(request: Request, limits: Limits, take: Callable[[int], None]) -> Form:
    parser = _InMemory(
        request.headers,
        _counted(request, limits, take),
        max_files=limits.max_files,
        max_fields=limits.max_files,
        max_part_size=limits.max_body_bytes,
    )
    form = await parser.parse()
    try:
        files, fields = [], {}
        for name, value in form.multi_items():
            if isinstance(value, UploadFile):
                files.append(Upload(_printable(value.filename or ""), await value.read()))
            else:
                fields[name] = value
        return Form(files, fields)
    finally:
        await form.close()


def _printable(name: str) -> str:
    """Return a file name that JSON can hold: some character sets decode to halves of characters."""
    return name[:MAX_NAME_CHARS].encode("utf-8", "replace").decode("utf-8")


async def _counted(
    request: Request, limits: Limits, take: Callable[[int], None]
) -> AsyncGenerator[bytes, None]:
    """Yield the body while it is within its limit; a chunked body declares no length."""
    limit_mb = limits.max_body_bytes / 2**20
    too_large = HTTPException(413, f"The request exceeds {limit_mb:,.0f} MB. Send fewer or smaller photos.")
    declared = request.headers.get("content-length", "0")
    if declared.isdecimal() and int(declared[:18]) > limits.max_body_bytes:
        raise too_large
    n_bytes = 0
    async for part in request.stream():
        n_bytes += len(part)
        if n_bytes > limits.max_body_bytes:
            raise too_large
        take(len(part))
        yield part
