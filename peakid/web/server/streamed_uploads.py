"""Write the body of an upload to disk as it arrives; Streamlit would hold the whole file in memory.

The middleware passes a short token on to Streamlit in place of the file. `open_upload` opens the file on disk
for the token that the script then finds in the upload field.
"""

import errno
import re
import secrets
import tempfile
import threading
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

import streamlit as st
from python_multipart import MultipartParser
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import parse_options_header
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from streamlit.runtime import Runtime
from streamlit.runtime.uploaded_file_manager import UploadedFile

from peakid.errors import PeakidError

STREAMED_BYTES = 4 * 2**20  # Smaller files stay in memory: photos to try, small archives.
_FRAME_BYTES = 2**20  # Of a request, around the file in it.
_ADDRESS = re.compile(r"/_stcore/upload_file/(?P<session_id>[^/]+)/(?P<file_id>[^/]+)$")
_TOKEN_PREFIX = b"peakid-upload:"
_TOKEN_BYTES = len(_TOKEN_PREFIX) + 32


@dataclass(frozen=True)
class _Received:
    session_id: str
    file_id: str
    file: BinaryIO
    lock: threading.Lock = field(default_factory=threading.Lock)  # Two runs may read the same file.


_received: dict[bytes, _Received] = {}  # By token.


class StreamedUploads:
    """ASGI middleware that writes large uploads to unnamed files, which vanish when they are closed.

    A file is closed when its upload is discarded, and after its session has ended.

    Args:
        folder: Returns the folder whose disk takes the files of a request.
        streamed_bytes: Requests smaller than this are passed on as they are.
    """

    def __init__(
        self, app: ASGIApp, *, folder: Callable[[Request], Path], streamed_bytes: int = STREAMED_BYTES
    ) -> None:
        self.app = app
        self.folder = folder
        self.streamed_bytes = streamed_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        upload = _ADDRESS.search(scope["path"]) if scope["type"] == "http" else None
        if upload is not None and scope["method"] == "DELETE":
            _close(lambda each: each.file_id == upload["file_id"])
        elif upload is not None and scope["method"] == "PUT" and self._is_streamed(upload, Request(scope)):
            await self._stream(upload, scope, receive, send)
            return
        await self.app(scope, receive, send)

    def _is_streamed(self, upload: re.Match[str], request: Request) -> bool:
        """Return whether to stream a request. One without a length may be of any size."""
        length = request.headers.get("content-length", "")
        is_large = not length.encode().isdigit() or int(length[:18]) >= self.streamed_bytes
        return is_large and _is_open(upload["session_id"])

    async def _stream(self, upload: re.Match[str], scope: Scope, receive: Receive, send: Send) -> None:
        _close(lambda each: not _is_open(each.session_id))
        try:
            request = Request(scope, receive)
            form = await _read(request, await run_in_threadpool(self.folder, request))
        except ClientDisconnect:
            return
        except (FormParserError, OSError, PeakidError) as error:
            await _refusal(error)(scope, receive, send)
            return
        token = _TOKEN_PREFIX + secrets.token_hex(16).encode()
        _received[token] = _Received(upload["session_id"], upload["file_id"], form.file)
        await self._pass_on(form, token, scope, send)

    async def _pass_on(self, form: "_Form", token: bytes, scope: Scope, send: Send) -> None:
        """Send the token to Streamlit as the content of the file. Where it is refused, close the file."""
        body = form.with_content(token)
        framing = (b"content-length", b"transfer-encoding")
        headers = [(name, value) for name, value in scope["headers"] if name.lower() not in framing]
        headers.append((b"content-length", str(len(body)).encode()))
        messages: Iterator[Message] = iter([{"type": "http.request", "body": body, "more_body": False}])

        async def receiving() -> Message:
            return next(messages, {"type": "http.disconnect"})

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start" and message["status"] >= 300:
                _close(lambda each: each.file is form.file)
            await send(message)

        await self.app({**scope, "headers": headers}, receiving, sending)


class _Form:
    """A form with one file, which is written to an unnamed file while the body arrives.

    Args:
        content_type: The header of the request.
        folder: Takes the file.

    Raises:
        FormParserError: If the header is not that of a form.
        OSError: If no file can be created.
    """

    def __init__(self, content_type: str, folder: Path) -> None:
        kind, options = parse_options_header(content_type)
        boundary = options.get(b"boundary")
        if kind != b"multipart/form-data" or not boundary:
            raise FormParserError(f"{content_type[:100]!r} is no form.")
        self.boundary = boundary
        self.headers: list[tuple[bytearray, bytearray]] = []  # Of the part with the file, as they were sent.
        self.n_parts = 0
        self.is_complete = False
        self._parser = MultipartParser(
            boundary,
            {
                "on_part_begin": self._begin_part,
                "on_header_begin": self._begin_header,
                "on_header_field": self._add_to_name,
                "on_header_value": self._add_to_value,
                "on_part_data": self._add_data,
                "on_end": self._end,
            },
        )
        folder.mkdir(parents=True, exist_ok=True)
        self.file: BinaryIO = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115 - It is read later.

    def write(self, chunk: bytes) -> None:
        self._parser.write(chunk)

    def finish(self) -> None:
        """Check that the form is complete.

        Raises:
            FormParserError: If it is cut, or has not one part.
        """
        self._parser.finalize()
        if not self.is_complete or self.n_parts != 1:
            raise FormParserError(f"A form with one file was expected, with {self.n_parts} parts received.")
        self.file.flush()

    def with_content(self, content: bytes) -> bytes:
        """Return the body of the same form with other content of the file."""
        headers = b"".join(b"%b: %b\r\n" % header for header in self.headers)
        return b"--%b\r\n%b\r\n%b\r\n--%b--\r\n" % (self.boundary, headers, content, self.boundary)

    def _begin_part(self) -> None:
        self.n_parts += 1

    def _begin_header(self) -> None:
        self.headers.append((bytearray(), bytearray()))

    def _add_to_name(self, data: bytes, start: int, end: int) -> None:
        self.headers[-1][0].extend(data[start:end])

    def _add_to_value(self, data: bytes, start: int, end: int) -> None:
        self.headers[-1][1].extend(data[start:end])

    def _add_data(self, data: bytes, start: int, end: int) -> None:
        self.file.write(data[start:end])

    def _end(self) -> None:
        self.is_complete = True


@contextmanager
def open_upload(upload: UploadedFile) -> Generator[BinaryIO]:
    """Open an uploaded file for reading from its start, on disk or in memory.

    Raises:
        FileNotFoundError: If it is on disk, and was closed because its session has ended.
    """
    upload.seek(0)
    token = upload.read(_TOKEN_BYTES + 1)
    if len(token) != _TOKEN_BYTES or not token.startswith(_TOKEN_PREFIX):
        upload.seek(0)
        yield upload
        return
    received = _received.get(token)
    if received is None:
        raise FileNotFoundError(f"The upload {upload.name!r} is no longer there.")
    with received.lock:
        received.file.seek(0)
        yield received.file


async def _read(request: Request, folder: Path) -> _Form:
    """Return the form in the body of a request.

    Raises:
        ClientDisconnect: If the browser gave up.
        FormParserError: If the body is not a form with one file.
        OSError: If it cannot be written, or is too large.
    """
    most_bytes = st.get_option("server.maxUploadSize") * 2**20 + _FRAME_BYTES
    n_bytes = 0
    form = await run_in_threadpool(_Form, request.headers.get("content-type", ""), folder)
    try:
        async for chunk in request.stream():
            n_bytes += len(chunk)
            if n_bytes > most_bytes:
                raise OSError(errno.EFBIG, f"it is larger than {most_bytes // 2**20 - 1:,} MB")
            await run_in_threadpool(form.write, chunk)
        form.finish()
    except BaseException:
        form.file.close()
        raise
    return form


def _refusal(error: FormParserError | OSError | PeakidError) -> PlainTextResponse:
    remedy = "Enter the path of the file on the machine that runs Peakid instead."
    if isinstance(error, OSError):
        status = 413 if error.errno == errno.EFBIG else 507
        return PlainTextResponse(f"The upload cannot be stored: {error.strerror or error}. {remedy}", status)
    return PlainTextResponse(str(error), 400 if isinstance(error, FormParserError) else 503)


def _is_open(session_id: str) -> bool:
    return Runtime.exists() and Runtime.instance().is_active_session(session_id)


def _close(is_closed: Callable[[_Received], bool]) -> None:
    for token, each in list(_received.items()):
        if is_closed(each) and _received.pop(token, None):
            each.file.close()
