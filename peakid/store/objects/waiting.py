"""Ask an image store again while its connection is lost, and say so: one thread tries, all others wait."""

import contextlib
import threading
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import TypeVar

from peakid.errors import PeakidError, StoreUnreachable
from peakid.store.objects import failures
from peakid.store_urls import StoreUrl

T = TypeVar("T")
Listener = Callable[[str], None]
"""Receives what is waited for, in words, about once a second; may raise to stop the wait."""

FIRST_S, MOST_S = 1.0, 30.0  # Between two attempts; each pause is twice the one before.
GIVE_UP_S = 6 * 3600.0  # Of work in the background: whoever started it may be asleep.
PATIENCE_S = 5.0  # Where the wait is not shown: a page must not hang.
TOLD_EVERY_S = 1.0
_SLICE_S = 0.1


@dataclass
class _Told:
    """Who is told of waits. With `is_over` set, a wait ends with an error: its work was given up."""

    listener: Listener
    is_over: bool = False


_told: _Told | None = None
_outages: dict[str, "_Outage"] = {}
_outages_lock = threading.Lock()


@contextlib.contextmanager
def told(listener: Listener) -> Generator[None]:
    """Tell a listener what this process waits for, and wait long, inside the block."""
    global _told
    before, _told = _told, _Told(listener)
    try:
        yield
    finally:
        _told.is_over, _told = True, before


def is_told() -> bool:
    """Return whether a listener is told of waits."""
    return _told is not None


def give_up() -> None:
    """End the waits of all threads: whatever they read is not needed any more, as after Ctrl-C."""
    if _told is not None:
        _told.is_over = True


def call(url: StoreUrl, ask: Callable[[], T]) -> T:
    """Return what a question to a store returns; ask again while its connection is lost.

    Raises:
        StoreUnreachable: If it does not answer for hours, or for seconds where the wait is not shown.
        StoreRefused: If it accepts no request: no credentials or wrong ones, no such bucket.
        OSError: What else it answers, such as that there is no such object.
    """
    outage = _outage(url.server)
    while True:
        asked_at = time.monotonic()
        try:
            answer = ask()
        except (Exception, OSError) as error:
            if isinstance(error, PeakidError):
                raise
            if not failures.is_lost(error):
                if refused := failures.refusal(error, url):
                    raise refused from error
                raise
            outage.wait(failures.reason(error), asked_at)
        else:
            outage.ended_at = asked_at
            outage.began_at, outage.n_tries = None, 0
            return answer


class _Outage:
    """The lost connection to one server, if it is lost.

    Attributes:
        ended_at: When a question was asked that got an answer.
    """

    def __init__(self, server: str) -> None:
        self.server, self.ended_at, self.n_tries = server, 0.0, 0
        self.began_at: float | None = None
        self._lock = threading.Lock()

    def wait(self, why: str, asked_at: float) -> None:
        """Return when it is time for the next attempt.

        Raises:
            StoreUnreachable: If the connection has been lost for too long.
        """
        began_at = self.began_at = self.began_at or asked_at
        with self._lock:  # The threads try one after the other.
            if self.ended_at > asked_at:
                return
            told, pause_s = _told, min(MOST_S, FIRST_S * 2**self.n_tries)
            self.n_tries += 1
            most_s = GIVE_UP_S if told is not None else PATIENCE_S
            if time.monotonic() + pause_s - began_at > most_s:
                raise self._unreachable(why)
            self._sleep(why, pause_s, asked_at, told)

    def _sleep(self, why: str, pause_s: float, asked_at: float, told: _Told | None) -> None:
        until, told_at = time.monotonic() + pause_s, -TOLD_EVERY_S
        while (left := until - time.monotonic()) > 0 and self.ended_at <= asked_at:
            if told is not None and told.is_over:
                raise self._unreachable(why)
            if told is not None and time.monotonic() - told_at >= TOLD_EVERY_S:
                told_at = time.monotonic()
                told.listener(f"Waiting for {self.server}: {why}, next try in {max(1, round(left))} s")
            time.sleep(min(_SLICE_S, left))

    def _unreachable(self, why: str) -> StoreUnreachable:
        return StoreUnreachable(
            f"{self.server} cannot be reached: {why}.",
            "Check the network and the server, then try again. Nothing is lost.",
        )


def _outage(server: str) -> _Outage:
    with _outages_lock:
        return _outages.setdefault(server, _Outage(server))
