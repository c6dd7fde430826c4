"""How often a host is asked: requests a second, at once, and the quotas that a provider documents."""

from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

import anyio


@dataclass(frozen=True)
class Quota:
    """At most `n_requests` in any `seconds`."""

    n_requests: int
    seconds: float


@dataclass(frozen=True)
class Pace:
    """Attributes:
    per_s: Requests a second, above 0.
    n_at_once: Requests that are open at the same time, at least 1.
    quotas: What the provider documents besides.
    """

    per_s: float = 8.0
    n_at_once: int = 4
    quotas: tuple[Quota, ...] = ()


class HostPace:
    """The turns of one host. Requests wait for theirs in the order in which they asked."""

    def __init__(
        self,
        pace: Pace,
        *,
        clock: Callable[[], float] = anyio.current_time,
        sleep: Callable[[float], Awaitable[None]] = anyio.sleep,
    ) -> None:
        self._pace = pace
        self._clock, self._sleep = clock, sleep
        self._slots = anyio.Semaphore(pace.n_at_once)
        self._free_at = self._paused_until = 0.0
        self._sent: tuple[deque[float], ...] = tuple(deque(maxlen=each.n_requests) for each in pace.quotas)

    @asynccontextmanager
    async def turn(self) -> AsyncGenerator[None]:
        """Wait for a turn, and hold one of the places at the host until the block ends."""
        async with self._slots:
            at = self._reserve()
            while (wait := max(at, self._paused_until) - self._clock()) > 0:
                await self._sleep(wait)
            yield

    def pause(self, seconds: float) -> None:
        """Let no request begin for some seconds, as the host has asked."""
        self._paused_until = max(self._paused_until, self._clock() + seconds)

    def slow_down(self, seconds: float) -> None:
        """Let so many seconds at least pass between two requests from now on."""
        if seconds > 0:
            self._pace = replace(self._pace, per_s=min(self._pace.per_s, 1 / seconds))

    def _reserve(self) -> float:
        """Return when the next request may begin, and count it."""
        at = max(self._clock(), self._free_at, self._paused_until)
        for quota, sent in zip(self._pace.quotas, self._sent, strict=True):
            if len(sent) == quota.n_requests:
                at = max(at, sent[0] + quota.seconds)
        for sent in self._sent:
            sent.append(at)
        self._free_at = at + 1 / self._pace.per_s
        return at
