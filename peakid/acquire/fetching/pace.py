"""How often a host is asked: requests a second, at once, and the quotas that a provider documents."""

import datetime
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

import anyio

from peakid.acquire.fetching.usage import ByteQuota, Quota, Usage
from peakid.errors import FetchFailed

__all__ = ["ByteQuota", "HostPace", "Pace", "Quota", "QuotaUsedUp", "Usage"]

MAX_QUOTA_WAIT_S = 900.0  # A quota that is used up for longer ends the search; the next run continues it.
PART_BYTES = 2**16  # What one read of a connection gives at most.
BODY_BYTES = 2**21  # What most photos have; so much must fit before one is asked for.
_WRITTEN_EVERY_S = 1.0


class QuotaUsedUp(FetchFailed):
    """A quota of a provider that is used up for longer than a request waits."""


@dataclass(frozen=True)
class Pace:
    """Attributes:
    per_s: Requests a second, above 0.
    n_at_once: Requests that are open at the same time, at least 1.
    quotas: What the provider documents besides.
    byte_quotas: What it documents of the bytes that it sends.
    shared_as: Hosts with the same name share their turns and quotas; '' = the host has its own.
    """

    per_s: float = 8.0
    n_at_once: int = 4
    quotas: tuple[Quota, ...] = ()
    byte_quotas: tuple[ByteQuota, ...] = ()
    shared_as: str = ""


class HostPace:
    """The turns of one host. Requests wait for theirs in the order in which they asked."""

    def __init__(
        self,
        pace: Pace,
        *,
        host: str = "",
        usage: Usage | None = None,
        clock: Callable[[], float] = anyio.current_time,
        sleep: Callable[[float], Awaitable[None]] = anyio.sleep,
    ) -> None:
        self._pace, self._host = pace, host
        self._usage = usage or Usage(clock=clock)
        self._clock, self._sleep = clock, sleep
        self._slots = anyio.Semaphore(pace.n_at_once)
        self._free_at = self._paused_until = 0.0
        self._n_unwritten, self._n_fitting, self._written_at = 0, 0, 0.0
        smallest = min((each.n_bytes for each in pace.byte_quotas), default=0)
        self._part_room = min(PART_BYTES * pace.n_at_once, smallest // 8)
        self._body_room = min(BODY_BYTES * pace.n_at_once, smallest // 4)

    @asynccontextmanager
    async def turn(self) -> AsyncGenerator[None]:
        """Wait for a turn, and hold one of the places at the host until the block ends.

        Raises:
            QuotaUsedUp: If a quota gives none for longer than MAX_QUOTA_WAIT_S.
        """
        async with self._slots:
            await self._wait_for(self._body_room)
            await self._sleep_until(self._reserve())
            while self._paused_until > self._clock():  # The host asked for a pause meanwhile.
                await self._sleep_until(self._reserve())
            try:
                yield
            finally:
                self._write()

    def pause(self, seconds: float) -> None:
        """Let no request begin for some seconds, as the host has asked."""
        self._paused_until = max(self._paused_until, self._clock() + seconds)

    def slow_down(self, seconds: float) -> None:
        """Let so many seconds at least pass between two requests from now on."""
        if seconds > 0:
            self._pace = replace(self._pace, per_s=min(self._pace.per_s, 1 / seconds))

    async def receive(self, n_bytes: int) -> None:
        """Count a part of a body that has arrived, and wait until the quotas have room for the next one.

        Raises:
            QuotaUsedUp: If they have none for longer than MAX_QUOTA_WAIT_S.
        """
        self._n_unwritten += n_bytes
        await self._wait_for(self._part_room)

    async def _wait_for(self, room: int) -> None:
        """Wait until a number of bytes fit the quotas."""
        if not self._pace.byte_quotas:
            return
        is_recent = self._clock() - self._written_at < _WRITTEN_EVERY_S
        while not (is_recent and self._n_fitting - self._n_unwritten >= room):
            wait_s, quota = self._write(room)
            if not wait_s:
                return
            if quota is not None and wait_s > MAX_QUOTA_WAIT_S:
                raise self._used_up(f"{quota.n_bytes:,} bytes", quota.seconds, wait_s)
            await self._sleep(wait_s)

    def _write(self, room: int = 0) -> tuple[float, ByteQuota | None]:
        """Write the bytes that have arrived; return how long to wait for room, and because of which quota."""
        if not self._pace.byte_quotas or not (room or self._n_unwritten):
            return 0.0, None
        wait_s, quota, self._n_fitting = self._usage.receive(
            self._host, self._pace.byte_quotas, self._n_unwritten, room=room
        )
        self._n_unwritten, self._written_at = 0, self._clock()
        return wait_s, quota

    async def _sleep_until(self, at: float) -> None:
        while (wait := max(at, self._paused_until) - self._clock()) > 0:
            await self._sleep(wait)

    def _reserve(self) -> float:
        """Return when the next request may begin, and count it."""
        now = self._clock()
        at = max(now, self._free_at, self._paused_until)
        if self._pace.quotas:
            wait_s, quota = self._usage.reserve(
                self._host, self._pace.quotas, after_s=at - now, most_s=max(MAX_QUOTA_WAIT_S, at - now)
            )
            if quota is not None and wait_s > MAX_QUOTA_WAIT_S:
                raise self._used_up(f"{quota.n_requests:,} requests", quota.seconds, wait_s)
            at = now + wait_s
        self._free_at = at + 1 / self._pace.per_s
        return at

    def _used_up(self, amount: str, seconds: float, wait_s: float) -> QuotaUsedUp:
        now = datetime.datetime.now().astimezone()
        until = now + datetime.timedelta(seconds=wait_s, minutes=1)  # The minute in which it is surely free.
        day = "" if until.date() == now.date() else " tomorrow"
        return QuotaUsedUp(
            f"The {amount} {_period(seconds)} that {self._host} allows are used up until {until:%H:%M}{day}.",
            "Run the collection again then; it continues where it stopped.",
        )


def _period(seconds: float) -> str:
    names = {60: "a minute", 3600: "an hour", 86400: "a day"}
    return names.get(round(seconds), f"in {seconds:g} s")
