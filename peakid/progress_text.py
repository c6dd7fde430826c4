"""What a line of progress says: what is being done, how much of it, one rate, and the time that is left."""

import time
from collections.abc import Callable

from peakid.records import Report

MEASURED_AFTER_S = 1.0  # A rate of the first moments says little.
_LEFT = " left"  # Every text about the remaining time ends with it.


class Pace:
    """Measures one phase after the other, to say how fast it advances and how long it will take.

    What counts as a phase is what stands before the first comma: an epoch does not start a new one.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._phase, self._total, self._first, self._last, self._began = "", 0, 0, 0, 0.0

    def timed(self, phase: str, step: int, total: int, message: str) -> str:
        """Return the message with the rate and the time left in this phase.

        It is unchanged where it has a time of its own, and where it does not count the steps: then they are
        no number of things that a person knows.
        """
        if (kind_of(phase), total) != (self._phase, self._total) or step < self._last:
            self._phase, self._total, self._first = kind_of(phase), total, step
            self._began = self._clock()
        self._last, elapsed_s = step, self._clock() - self._began
        is_counted = total > 0 and message.startswith(f"{step:,} of {total:,} ")
        if not is_counted or has_time_left(message):
            return message
        n_done = step - self._first
        if not n_done or elapsed_s < MEASURED_AFTER_S:
            return message
        rate = n_done / elapsed_s
        parts = [message, f"{rate:,.0f} per second"] if rate >= 1 else [message]
        if step < total:
            parts.append(f"{time_left((total - step) / rate)} in this step")
        return ", ".join(parts)

    def timing(self, report: Report) -> Report:
        """Return a report that passes on what it gets, with rate and time left in the message."""

        def timed(phase: str, step: int, total: int, message: str) -> None:
            report(phase, step, total, self.timed(phase, step, total, message))

        return timed


def line(phase: str, message: str) -> str:
    """Return progress as text: `Reading images: 64 of 527 images, 45 per second`."""
    return ": ".join(part for part in (phase, message) if part)


def counted(step: int, total: int, noun: str) -> str:
    """Return how much of a phase is done, as its message begins: `64 of 1,527 images`."""
    return f"{step:,} of {total:,} {noun}"


def kind_of(phase: str) -> str:
    """Return what a phase is without its position: `Training` for `Training, epoch 2 of 6`."""
    return phase.partition(",")[0]


def time_left(seconds: float) -> str:
    """Return a remaining time as text, never 0: `about 1 s left`, `about 12 min left`."""
    return f"about {duration(max(1.0, seconds))}{_LEFT}"


def has_time_left(message: str) -> bool:
    """Return whether a message says how long something takes."""
    return any(_is_time(part) for part in message.split(", "))


def without_time_left(message: str) -> str:
    """Return a message without the remaining time, which is one of a part of the work."""
    return ", ".join(part for part in message.split(", ") if not _is_time(part))


def duration(seconds: float) -> str:
    """Return a duration as text: `40 s`, `12 min`, `3 h 5 min`."""
    if seconds < 90:
        return f"{max(seconds, 0):.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"


def share(step: int, total: int) -> float:
    """Return progress as 0..1; 0 where the total is unknown."""
    return min(max(step / total, 0.0), 1.0) if total > 0 else 0.0


def _is_time(part: str) -> bool:
    return part.endswith((_LEFT, f"{_LEFT} in this step"))
