"""Models that are loaded on their first request, and released when they are idle or too many.

Used from the thread of the event loop; loading and releasing happen in other threads.
"""

import asyncio
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field

from starlette.types import Receive, Scope, Send

from peakid.serve.http import responses
from peakid.serve.http.app import Opened
from peakid.serve.http.batching import TooBusy

MOST = 2  # Loaded at the same time.
MOST_BYTES = (
    2**30
)  # Of their files together; one alone may be larger. In memory a model takes about twice that.
IDLE_S = 600.0


@dataclass
class _Entry:
    """A model that is loaded or being loaded. `n_open` counts its requests."""

    n_bytes: int
    opening: "asyncio.Task[Opened]"
    n_open: int = 0
    used_s: float = field(default=0.0)


class LoadedModels:
    """Serves the models of several exports.

    Args:
        most: Models that are loaded at the same time.
        most_bytes: Of their files together.
        idle_s: After which a model without a request is released.
    """

    def __init__(self, *, most: int = MOST, most_bytes: int = MOST_BYTES, idle_s: float = IDLE_S) -> None:
        self._most, self._most_bytes, self._idle_s = most, most_bytes, idle_s
        self._entries: dict[Hashable, _Entry] = {}
        self._releasing: set[asyncio.Task[None]] = set()
        self._timer: asyncio.TimerHandle | None = None

    @property
    def keys(self) -> list[Hashable]:
        """The models that are loaded."""
        return list(self._entries)

    async def serve(
        self,
        key: Hashable,
        load: Callable[[], Opened],
        n_bytes: int,
        *,
        scope: Scope,
        receive: Receive,
        send: Send,
    ) -> None:
        """Pass a request on to a model.

        Args:
            load: Called in a thread if the model is not loaded.
            n_bytes: Of its file.

        Raises:
            PeakidError: What `load` raises.
        """
        loop = asyncio.get_running_loop()
        entry = self._entries.get(key)
        try:
            entry = entry or self._add(key, load, n_bytes)
        except TooBusy:
            await responses.busy()(scope, receive, send)
            return
        entry.n_open += 1
        try:
            # Shielded: others wait for it too, also when this client goes away.
            opened = await asyncio.shield(entry.opening)
            await opened.application(scope, receive, send)
        finally:
            entry.n_open -= 1
            entry.used_s = loop.time()
            if entry.opening.done() and (entry.opening.cancelled() or entry.opening.exception()):
                self._entries.pop(key, None)
            if self._timer is None:
                self._timer = loop.call_later(self._idle_s, self._sweep)

    def _add(self, key: Hashable, load: Callable[[], Opened], n_bytes: int) -> _Entry:
        while self._entries and not self._fits(n_bytes):
            idle = [each for each in self._entries if not self._entries[each].n_open]
            if not idle:
                raise TooBusy
            self._release(min(idle, key=lambda each: self._entries[each].used_s))
        entry = _Entry(n_bytes, asyncio.create_task(asyncio.to_thread(load)))
        self._entries[key] = entry
        return entry

    def _fits(self, n_bytes: int) -> bool:
        total = sum(each.n_bytes for each in self._entries.values()) + n_bytes
        return len(self._entries) < self._most and total <= self._most_bytes

    def _sweep(self) -> None:
        """Release what is idle, and come again when the next one may be."""
        loop = asyncio.get_running_loop()
        for key, entry in list(self._entries.items()):
            if not entry.n_open and loop.time() - entry.used_s >= self._idle_s:
                self._release(key)
        waits = bool(self._entries)
        self._timer = loop.call_later(self._idle_s / 4, self._sweep) if waits else None

    def _release(self, key: Hashable) -> None:
        task = asyncio.create_task(_close(self._entries.pop(key).opening))
        self._releasing.add(task)
        task.add_done_callback(self._releasing.discard)


async def _close(opening: "asyncio.Task[Opened]") -> None:
    await asyncio.wait([opening])
    if not opening.cancelled() and opening.exception() is None:
        await asyncio.to_thread(opening.result().close)
