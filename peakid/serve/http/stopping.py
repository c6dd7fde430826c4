"""How requests end when the server stops: what still arrives is refused, what is predicted may finish."""

import contextlib
from collections.abc import Awaitable, Generator
from typing import TypeVar

import anyio

T = TypeVar("T")


class Stopped(Exception):
    """The server stops before a request could be answered."""


class Stopping:
    """Tells the requests of a server that it stops. All calls come from the thread of the event loop."""

    def __init__(self) -> None:
        self.has_begun = False
        self._arriving: set[anyio.CancelScope] = set()
        self._answering: set[anyio.CancelScope] = set()

    async def arriving(self, work: Awaitable[T], *, limit_s: float) -> T:
        """Wait for a body that arrives, until the server begins to stop.

        Raises:
            TimeoutError: If it takes too long.
            Stopped: If the server stops.
        """
        with self._limited(self._arriving, limit_s):
            return await work
        raise self._ended()

    async def answering(self, work: Awaitable[T], *, limit_s: float) -> T:
        """Wait for an answer, until the server has to end.

        Raises:
            TimeoutError: If it takes too long.
            Stopped: If the server ends.
        """
        with self._limited(self._answering, limit_s):
            return await work
        raise self._ended()

    def begin(self) -> None:
        """Refuse new requests, and those whose body has not arrived."""
        self.has_begun = True
        for scope in list(self._arriving):
            scope.cancel()

    def end(self) -> None:
        """Refuse also the requests that are still being answered."""
        for scope in list(self._answering):
            scope.cancel()

    @contextlib.contextmanager
    def _limited(self, waiting: set[anyio.CancelScope], limit_s: float) -> Generator[None]:
        with anyio.move_on_after(limit_s) as scope:
            waiting.add(scope)
            try:
                yield
            finally:
                waiting.discard(scope)

    def _ended(self) -> Exception:
        return Stopped() if self.has_begun else TimeoutError()
