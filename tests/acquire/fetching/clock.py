"""A clock that only sleeping moves, and how much happened in a span of its time."""

import bisect
from collections.abc import Sequence
from itertools import accumulate

import anyio


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        """Sleep until a time of the clock; several sleepers wake at theirs."""
        until = self.now + seconds
        await anyio.lowlevel.checkpoint()
        self.now = max(self.now, until)


def most_within(times: Sequence[float], seconds: float, amounts: Sequence[int] | None = None) -> int:
    """Return how many of sorted times, or how much of their amounts, lie within a span of time at most."""
    sums = [0, *accumulate(amounts or [1] * len(times))]
    ends = [bisect.bisect_left(times, at + seconds - 1e-6) for at in times]
    return max(sums[end] - sums[n] for n, end in enumerate(ends))
