"""What the prediction server accepts: sizes, numbers and times, and the reading of a body within them."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass

import anyio
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import ClientDisconnect, Request


@dataclass(frozen=True)
class Limits:
    """Attributes:
    max_body_bytes: Largest body of a request.
    max_files: Photos in one request.
    body_s: Time for a whole body to arrive.
    url_s: Time to fetch a URL.
    predict_s: Time for a prediction.
    max_open: Requests that are served at the same time; more are told to come back.
    """

    max_body_bytes: int = 64 * 2**20
    max_files: int = 64
    body_s: float = 30.0
    url_s: float = 15.0
    predict_s: float = 60.0
    max_open: int = 256


@dataclass(frozen=True)
class Upload:
    """One file of a request. `name` is what the client called it."""

    name: str
    content: bytes


class _InMemory(MultiPartParser):
    """Keeps the files of a form in memory: uploads are never written to a disk."""

    spool_max_size = 2**31


async def read_uploads(request: Request, limits: Limits) -> list[Upload]:
    """Return the files of a form with any field names, or the body itself when it is an image.

    Raises:
        HTTPException: 400 for a broken form, 408 for a slow client, 413 for too much, 415 for another type.
    """
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    try:
        with anyio.fail_after(limits.body_s):
            if media_type == "multipart/form-data":
                return await _of_form(request, limits)
            if media_type.startswith("image/") or media_type == "application/octet-stream":
                content = b"".join([part async for part in _counted(request, limits)])
                return [Upload("", content)]
    except TimeoutError:
        raise HTTPException(408, f"The body did not arrive within {limits.body_s:g} s.") from None
    except MultiPartException as error:
        raise HTTPException(400, f"The form cannot be read: {error.message}") from error
    except ClientDisconnect as error:
        raise HTTPException(400, "The upload was cut off.") from error
    raise HTTPException(415, "Send photos as multipart/form-data, or one photo as an image/* body.")


async def _of_form(request: Request, limits: Limits) -> list[Upload]:
    parser = _InMemory(
        request.headers,
        _counted(request, limits),
        max_files=limits.max_files,
        max_fields=limits.max_files,
        max_part_size=limits.max_body_bytes,
    )
    form = await parser.parse()
    try:
        return [
            Upload(value.filename or "", await value.read())
            for _, value in form.multi_items()
            if isinstance(value, UploadFile)
        ]
    finally:
        await form.close()


async def _counted(request: Request, limits: Limits) -> AsyncGenerator[bytes, None]:
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
        yield part
