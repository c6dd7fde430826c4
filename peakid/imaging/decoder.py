"""Strangers' files are decoded in a process of their own: one that hangs, eats memory or crashes costs itself alone.

```
submit --> waiting --> child: a thread per core --> future
               ^         | hangs, grows or dies: it is killed, and what it was busy with is tried again, each file alone
               +---------+ what does it again while alone is the culprit
```
"""

import atexit
import contextlib
import functools
import itertools
import os
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Generator
from concurrent.futures import Future
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, Pipe
from typing import Any

import psutil

from peakid import settings
from peakid.errors import DecoderBroken, UnreadableImage
from peakid.imaging.records import Inspection
from peakid.records import RejectionReason

INSPECT = "peakid.imaging.inspection:inspect"  # What a decoder does with a file unless told otherwise.
WATCH_S = 0.1  # Between two looks at clock and memory; a decoder fills some 200 MB in it.
READ_FACTOR = (
    12  # A sleeping disk needs ten seconds to answer; reading may take so many times the limit of decoding.
)
SHARED_BYTES = 256 * 2**20  # On top of the limit for each further thread: a photo of 60 megapixels.
MAX_FAILED_STARTS = 3


@dataclass
class _Task:
    """One file on its way. `began_s` is on the clock of `time.monotonic`, which all processes of a machine share."""

    number: int
    call: tuple[Any, ...]
    future: Future[Any] = field(default_factory=Future)
    phase: str = ""
    began_s: float = 0.0
    is_suspect: bool = False


@dataclass
class _Child:
    """The process that decodes now. `base_bytes` is what it takes before its first file, None until it is ready."""

    process: subprocess.Popen[bytes]
    tasks: Connection
    answers: Connection
    base_bytes: int | None = None


class Decoder:
    """Runs `work(read(), *arguments)` for many files in one guarded child process.

    A file is a suspect when it was open while the child hung over it, grew or died. Suspects are tried once more, each
    alone in a child: so a slow moment of the machine condemns nobody, and neither does a bad neighbour.

    Args:
        work: `module:function`; it gets the bytes first. Both it and what it answers must pickle.
        limit_s: For one file, alone; None = as the settings say.
        limit_bytes: Of memory for one file, above what the child takes by itself; None = as the settings say.
    """

    def __init__(
        self,
        work: str = INSPECT,
        *,
        n_threads: int | None = None,
        limit_s: float | None = None,
        limit_bytes: int | None = None,
    ) -> None:
        chosen = settings.current()
        self.work = work
        self.n_threads = n_threads or os.cpu_count() or 1
        self.limit_s = limit_s or chosen.decode_limit_s
        self.limit_bytes = limit_bytes or chosen.decode_limit_bytes
        self._lock = threading.RLock()
        self._waiting: deque[_Task] = deque()
        self._open: dict[int, _Task] = {}
        self._child: _Child | None = None
        self._numbers = itertools.count()
        self._n_failed_starts = 0

    def submit(self, read: Callable[[], bytes], *arguments: Any) -> "Future[Any]":
        """Queue one file; the future answers what `work` does, or raises what it or `read` raises.

        A file that the child cannot survive raises UnreadableImage.
        """
        task = _Task(next(self._numbers), (read, *arguments))
        with self._lock:
            self._waiting.append(task)
            self._feed()
        return task.future

    def close(self) -> None:
        """End the child; what is not answered yet is cancelled."""
        with self._lock:
            child, self._child = self._child, None
            tasks = [*self._open.values(), *self._waiting]
            self._open.clear()
            self._waiting.clear()
        if child is not None:
            child.process.kill()  # Its keeper hears of it and tidies up.
        for task in tasks:
            task.future.cancel()

    def _feed(self) -> None:
        """Hand the child as much as its threads can begin soon; a suspect is alone in it."""
        if self._child is None and self._waiting:
            self._child = _started(self.work, self.n_threads)
            threading.Thread(target=self._keep, args=(self._child,), daemon=True, name="decoder").start()
        while self._waiting and self._child is not None and self._has_room(self._waiting[0]):
            task = self._waiting.popleft()
            self._open[task.number] = task
            with contextlib.suppress(OSError):  # It has just died; its keeper hears of it.
                self._child.tasks.send((task.number, task.call))

    def _has_room(self, task: _Task) -> bool:
        if task.is_suspect or any(other.is_suspect for other in self._open.values()):
            return not self._open
        return len(self._open) < 2 * self.n_threads  # One open, one at hand: no thread waits for a message.

    def _keep(self, child: _Child) -> None:
        """Listen to one child and watch it until it ends."""
        trouble, watched_s = "", time.monotonic()
        try:
            while not trouble:
                if child.answers.poll(WATCH_S):
                    self._hear(child, *child.answers.recv())
                # What it says goes first: this process may have been busy elsewhere.
                if time.monotonic() - watched_s > WATCH_S and not child.answers.poll():
                    trouble, watched_s = self._trouble(child), time.monotonic()
        except (EOFError, OSError, psutil.NoSuchProcess):
            pass  # It has gone.
        finally:  # Also after an answer that cannot be read: nobody may wait for ever.
            self._bury(child, trouble or "crash")

    def _bury(self, child: _Child, trouble: str) -> None:
        _kill(child)
        with self._lock:
            child.tasks.close()
            if self._child is child:
                self._child = None
                self._recover(child, trouble)
                self._feed()
        child.answers.close()

    def _hear(self, child: _Child, number: int, said: str, value: Any) -> None:
        with self._lock:
            if said == "ready":
                child.base_bytes, self._n_failed_starts = (
                    psutil.Process(child.process.pid).memory_info().rss,
                    0,
                )
                return
            task = self._open.get(number)
            if task is None:  # Closed meanwhile.
                return
            if said in ("reading", "decoding"):
                task.phase, task.began_s = said, value
                return
            del self._open[number]
            self._feed()
        task.future.set_exception(value) if said == "failed" else task.future.set_result(value)

    def _trouble(self, child: _Child) -> str:
        """Answer "time" or "memory" where the child must be stopped, else ""."""
        with self._lock:
            is_late = any(self._is_late(task) for task in self._open.values())
            is_alone = any(task.is_suspect for task in self._open.values())
        if is_late:
            return "time"
        if child.base_bytes is None or not self._open:
            return ""
        limit = self.limit_bytes + (0 if is_alone else SHARED_BYTES * (self.n_threads - 1))
        with contextlib.suppress(psutil.NoSuchProcess):
            return (
                "memory"
                if psutil.Process(child.process.pid).memory_info().rss - child.base_bytes > limit
                else ""
            )
        return ""

    def _is_late(self, task: _Task) -> bool:
        limit_s = self.limit_s * (READ_FACTOR if task.phase == "reading" else 1)
        return bool(task.phase) and time.monotonic() - task.began_s > limit_s

    def _recover(self, child: _Child, trouble: str) -> None:
        """Sort what a child left behind: the culprit is rejected, suspects come first and alone, the rest once more."""
        left = sorted(self._open.values(), key=lambda task: task.number)
        self._open.clear()
        if child.base_bytes is None:
            left = self._after_failed_start(left)
        guilty = [task for task in left if task.is_suspect and task.phase]
        suspects = [task for task in left if task not in guilty and self._is_suspicious(task, trouble)]
        others = [task for task in left if task not in guilty and task not in suspects]
        for task in [*suspects, *others]:
            task.is_suspect, task.phase = task in suspects or task.is_suspect, ""
        self._waiting.extendleft(reversed([*suspects, *others]))
        for task in guilty:
            task.future.set_exception(self._verdict(trouble))

    def _is_suspicious(self, task: _Task, trouble: str) -> bool:
        return bool(task.phase) and (trouble != "time" or self._is_late(task))

    def _after_failed_start(self, left: list[_Task]) -> list[_Task]:
        self._n_failed_starts += 1
        if self._n_failed_starts < MAX_FAILED_STARTS:
            return left
        doomed = [*left, *self._waiting]
        self._waiting.clear()
        for task in doomed:
            task.future.set_exception(
                DecoderBroken(
                    f"The process that decodes images ends before it begins ({self._n_failed_starts} times).",
                    "Its own message stands in the terminal, or in the log of the app or job; a new installation usually mends it.",
                )
            )
        return []

    def _verdict(self, trouble: str) -> UnreadableImage:
        said: dict[str, tuple[RejectionReason, str]] = {
            "time": ("too_slow", f"not decoded within {self.limit_s:g} s"),
            "memory": (
                "too_much_memory",
                f"decoding it takes over {self.limit_bytes / 2**20:,.0f} MB of memory",
            ),
            "crash": ("crashes_decoder", "the process that decodes it dies each time"),
        }
        return UnreadableImage(*said[trouble])


_idle: dict[tuple[object, ...], Decoder] = {}
_idle_lock = threading.Lock()


@contextlib.contextmanager
def borrowed(work: str = INSPECT) -> Generator[Decoder]:
    """Give a decoder to one user at a time; the last one used stays warm for the next.

    A child leaves by itself after a minute without work.
    """
    key: tuple[object, ...] = (work, *settings.current().decoding().items())
    with _idle_lock:
        decoder = _idle.pop(key, None) or Decoder(work)
    try:
        yield decoder
    except BaseException:
        decoder.close()  # What it is still busy with is nobody's any more.
        raise
    with _idle_lock:
        is_spare = key in _idle
        if not is_spare:
            _idle[key] = decoder
    if is_spare:
        decoder.close()


def inspect(data: bytes) -> Inspection:
    """Do as `inspection.inspect` does, in the guarded process: for one file from outside.

    Raises:
        UnreadableImage: With the reason a rejection gets.
    """
    with borrowed() as decoder:
        future = decoder.submit(functools.partial(bytes, data))
        error = future.exception()
    if error is not None:
        raise error
    return future.result()


@atexit.register
def _close_idle() -> None:
    for decoder in _idle.values():
        decoder.close()


def _started(work: str, n_threads: int) -> _Child:
    theirs_in, tasks = Pipe(duplex=False)
    answers, theirs_out = Pipe(duplex=False)
    with theirs_in, theirs_out:
        # -P: modules lying in the folder one happens to be in are not imported.
        command = [
            sys.executable,
            "-P",
            "-m",
            "peakid.imaging.decoder_child",
            work,
            *map(str, (n_threads, theirs_in.fileno(), theirs_out.fileno())),
        ]
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            pass_fds=[theirs_in.fileno(), theirs_out.fileno()],
            env=settings.environment(**settings.current().decoding()),
        )
    return _Child(process, tasks, answers)


def _kill(child: _Child) -> None:
    child.process.kill()
    with contextlib.suppress(subprocess.TimeoutExpired):  # A dead network disk holds its readers for ever.
        child.process.wait(5)
