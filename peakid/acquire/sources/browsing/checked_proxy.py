"""The only way from the browser to the network: a proxy on this machine that connects to checked addresses.

A page can name any address, and a browser follows it: in a redirect, a script, a picture, a WebSocket. The
browser is started so that everything goes through this proxy. It resolves names itself, checks every address,
and connects to the address that was checked, so that no name can change between.
"""

import re
from collections.abc import Callable
from contextlib import aclosing, suppress
from urllib.parse import urlsplit

import anyio
import httpcore2
from anyio.abc import SocketStream, TaskStatus
from anyio.streams.buffered import BufferedByteReceiveStream

from peakid.checked_network import CheckedBackend
from peakid.errors import UrlRefused

MAX_HEAD_BYTES = 64 * 1024
_CHUNK_BYTES = 64 * 1024
_CONNECT_S = 20.0
_HEAD_S = 60.0
_AUTHORITY = re.compile(r"(?:\[(?P<v6>[0-9A-Fa-f:.]+)\]|(?P<name>[^:/@\[\]]+)):(?P<port>\d{1,5})")
_HOP = (b"proxy-connection:", b"connection:", b"keep-alive:", b"proxy-authorization:")


class CheckedProxy:
    """Attributes:
    refused: The hosts that led to addresses that are not allowed, with why, in their order.
    """

    def __init__(self, allows: Callable[[str], bool]) -> None:
        self._backend = CheckedBackend(allows)
        self.refused: list[UrlRefused] = []

    async def serve(self, *, task_status: TaskStatus[int] = anyio.TASK_STATUS_IGNORED) -> None:
        """Serve until it is cancelled; starts with the port, on this machine only."""
        listener = await anyio.create_tcp_listener(local_host="127.0.0.1", local_port=0)
        async with listener:
            task_status.started(listener.extra(anyio.abc.SocketAttribute.local_port))
            await listener.serve(self._answer)

    async def _answer(self, browser: SocketStream) -> None:
        async with browser:
            with suppress(OSError, anyio.BrokenResourceError, anyio.EndOfStream, TimeoutError):
                buffered = BufferedByteReceiveStream(browser)
                with anyio.fail_after(_HEAD_S):
                    try:
                        head = await buffered.receive_until(b"\r\n\r\n", MAX_HEAD_BYTES)
                    except (anyio.DelimiterNotFound, anyio.IncompleteRead):
                        return
                await self._forward(browser, buffered, head)

    async def _forward(self, browser: SocketStream, buffered: BufferedByteReceiveStream, head: bytes) -> None:
        line, _, headers = head.partition(b"\r\n")
        try:
            method, target, _version = line.decode("ascii").split(" ")
            host, port, path = _place(method, target)
        except ValueError:
            await browser.send(_response("400 Bad Request"))
            return
        try:
            server = await self._backend.connect_tcp(host, port, timeout=_CONNECT_S)
        except UrlRefused as error:
            self.refused.append(error)
            await browser.send(_response("403 Forbidden"))
            return
        except (httpcore2.ConnectError, httpcore2.ConnectTimeout):
            await browser.send(_response("502 Bad Gateway"))
            return
        async with aclosing(server):
            if method == "CONNECT":
                await browser.send(b"HTTP/1.1 200 Connection established\r\n\r\n")
            else:
                kept = [each for each in headers.split(b"\r\n") if not each.lower().startswith(_HOP)]
                asked = f"{method} {path} HTTP/1.1".encode()
                await server.write(b"\r\n".join([asked, *kept, b"Connection: close"]) + b"\r\n\r\n")
            if buffered.buffer:
                await server.write(buffered.buffer)
            await _exchange(browser, server)


async def _exchange(browser: SocketStream, server: httpcore2.AsyncNetworkStream) -> None:
    """Pass bytes in both directions until one side ends."""

    async def upwards() -> None:
        with suppress(anyio.EndOfStream, anyio.BrokenResourceError, OSError, httpcore2.NetworkError):
            while True:
                await server.write(await browser.receive(_CHUNK_BYTES))
        tasks.cancel_scope.cancel()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(upwards)
        with suppress(anyio.BrokenResourceError, OSError, httpcore2.NetworkError):
            while data := await server.read(_CHUNK_BYTES):
                await browser.send(data)
        tasks.cancel_scope.cancel()


def _place(method: str, target: str) -> tuple[str, int, str]:
    """Return host, port and path of a request.

    Raises:
        ValueError: If it names none.
    """
    if method == "CONNECT":
        match = _AUTHORITY.fullmatch(target)
        if match is None or not 0 < int(match["port"]) < 65536:
            raise ValueError(target)
        return match["v6"] or match["name"], int(match["port"]), ""
    parts = urlsplit(target)
    if parts.scheme != "http" or not parts.hostname:  # A page over https is a CONNECT.
        raise ValueError(target)
    return parts.hostname, parts.port or 80, parts._replace(scheme="", netloc="", fragment="").geturl() or "/"


def _response(status: str) -> bytes:
    return f"HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode()
