"""Requests wait for their turn: the pace of a host, the quotas of its provider, and its pauses."""

import bisect

import anyio
import pytest

from peakid.acquire.fetching.pace import HostPace, Pace, Quota
from tests.web import event_loop


class Clock:
    """A clock that only sleeping moves."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.now += seconds
        await anyio.lowlevel.checkpoint()


def begun(pace: Pace, n: int, *, pause_after: int = -1) -> list[float]:
    """Return when each of n requests began, in seconds of the clock."""
    clock = Clock()

    async def ask() -> list[float]:
        host, times = HostPace(pace, clock=clock, sleep=clock.sleep), []
        for number in range(n):
            async with host.turn():
                times.append(clock.now - 100.0)
            if number == pause_after:
                host.pause(30)
        return times

    return event_loop.run(ask())


def test_requests_begin_at_the_pace() -> None:
    assert begun(Pace(per_s=2), 5) == pytest.approx([0, 0.5, 1, 1.5, 2])


def test_a_pause_holds_all_that_follow() -> None:
    assert begun(Pace(per_s=2), 4, pause_after=1) == pytest.approx([0, 0.5, 30.5, 31])


@pytest.mark.parametrize("quotas", [(Quota(60, 60.0),), (Quota(7, 3.0), Quota(20, 20.0)), (Quota(1, 2.0),)])
def test_no_window_of_time_holds_more_than_a_quota_allows(quotas: tuple[Quota, ...]) -> None:
    times = begun(Pace(per_s=5, quotas=quotas), 200)
    for quota in quotas:
        held = [bisect.bisect_left(times, at + quota.seconds - 1e-6) - n for n, at in enumerate(times)]
        assert max(held) <= quota.n_requests


def test_a_host_that_asks_for_a_delay_gets_it() -> None:
    clock = Clock()

    async def ask() -> list[float]:
        host, times = HostPace(Pace(per_s=2), clock=clock, sleep=clock.sleep), []
        for number in range(4):
            async with host.turn():
                times.append(clock.now - 100.0)
            host.slow_down(
                [0, 10, 3, 3][number]
            )  # A shorter delay than one asked for before changes nothing.
        return times

    assert event_loop.run(ask()) == pytest.approx([0, 0.5, 1, 11])
