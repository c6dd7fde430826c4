"""The process that listens: how long a connection may take, how many there are, and how the server stops.

uvicorn has no time limit for the first request of a connection, nor for the rest of a header. So a program
that opens connections and sends nothing, or a byte at a time, would take them all.
"""

import asyncio
import contextlib
import functools
import logging
import resource
from typing import Any

import uvicorn
from uvicorn.protocols.http import auto

from peakid.serve.http.limits import Limits
from peakid.serve.http.stopping import Stopping

STOP_S = 10.0  # For what is being predicted when the server is told to stop.
LAST_S = 2.0  # Of them, to tell the requests that are left.
KEEP_ALIVE_S = 5
FILES_PER_CONNECTION, OTHER_FILES = 1, 128
_TOO_LATE = b"HTTP/1.1 408 Request Timeout\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
_TOO_LARGE = b"HTTP/1.1 431 Request Header Fields Too Large\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"


_Protocol: Any = auto.AutoHTTPProtocol  # Of httptools where it is installed, else of h11.


class Connection(_Protocol):
    """One connection. It is closed when a header, or the rest of a refused body, takes too long."""

    def __init__(self, *arguments: Any, limits: Limits, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._limits = limits
        self._deadline: asyncio.TimerHandle | None = None
        self._n_header_bytes = self._n_left_over_bytes = 0
        self.since_s = 0.0

    @property
    def is_busy(self) -> bool:
        """Whether a request is being answered."""
        return self.cycle is not None and not self.cycle.response_complete

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self.since_s = self.loop.time()
        self._close_after(self._limits.header_s)
        if len(self.connections) > self._limits.max_connections:
            idle = [each for each in self.connections if isinstance(each, Connection) and not each.is_busy]
            min(idle, key=lambda each: each.since_s).abort()  # This one is idle, so there is one.

    def data_received(self, data: bytes) -> None:
        was_busy = self.is_busy
        is_left_over = self.cycle is not None and not was_busy and self.cycle.more_body
        super().data_received(data)
        if is_left_over:
            self._n_left_over_bytes += len(data)
            if self._n_left_over_bytes > self._limits.max_body_bytes:
                self._end(b"")
            return
        if was_busy:
            return
        if self.is_busy:
            self._n_header_bytes = self._n_left_over_bytes = 0
            self._close_after(None)
            return
        self._n_header_bytes += len(data)
        if self._n_header_bytes > self._limits.max_header_bytes:
            self._end(_TOO_LARGE)
        elif self._deadline is None:
            self._close_after(self._limits.header_s)

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self.since_s = self.loop.time()
        if self.cycle is not None and self.cycle.response_complete and self.cycle.more_body:
            # Closing at once would reset the connection, and the client might not read why.
            self._close_after(self._limits.drain_s)

    def connection_lost(self, exc: Exception | None) -> None:
        self._close_after(None)
        super().connection_lost(exc)

    def abort(self) -> None:
        """Close the connection now."""
        self._close_after(None)
        self.transport.abort()

    def _close_after(self, seconds: float | None) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
        self._deadline = None if seconds is None else self.loop.call_later(seconds, self._late)

    def _late(self) -> None:
        self._deadline = None
        if not self.is_busy:
            self._end(_TOO_LATE if self._n_header_bytes else b"")

    def _end(self, answer: bytes) -> None:
        self._close_after(None)
        if answer and not self.transport.is_closing():
            self.transport.write(answer)
        self.transport.close()


class Server(uvicorn.Server):
    """Stops in two steps: bodies that still arrive are refused, then answers that take too long."""

    def __init__(self, config: uvicorn.Config, stopping: Stopping) -> None:
        super().__init__(config)
        self._stopping = stopping

    async def shutdown(self, sockets: Any = None) -> None:
        self._stopping.begin()
        last = asyncio.get_running_loop().call_later(STOP_S - LAST_S, self._stopping.end)
        await super().shutdown(sockets)
        last.cancel()


def run(application: Any, stopping: Stopping, *, address: str, port: int, limits: Limits) -> None:
    """Serve an application until the process is told to stop."""
    n_files = _allow_files(limits.max_connections * FILES_PER_CONNECTION + OTHER_FILES)
    logging.getLogger("uvicorn.error").setLevel(logging.WARNING)
    config = uvicorn.Config(
        application,
        host=address,
        port=port,
        http=functools.partial(Connection, limits=limits.within_files(n_files - OTHER_FILES)),  # ty: ignore[invalid-argument-type]
        ws="none",
        access_log=False,  # A URL in it may name a person.
        log_level="warning",
        server_header=False,
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=int(STOP_S),
    )
    Server(config, stopping).run()


def _allow_files(n_files: int) -> int:
    """Return how many files this process may open, after asking for so many."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = n_files if hard == resource.RLIM_INFINITY else min(n_files, hard)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return n_files
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]
