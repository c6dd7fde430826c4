"""Decode untrusted files in a separate process, so that a file that hangs or crashes affects only itself.

```
submit --> waiting --> child: one thread per core --> future
               ^         | on a hang, too much memory or a crash it is killed, and its open files are retried,
               +---------+ each one alone; a file that fails again while it is alone is rejected
```

All files of a child share one limit of memory. The child lets large files wait for each other.
"""

import atexit
import contextlib
import fcntl
import itertools
import os
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Generator
from concurrent.futures import Future, InvalidStateError
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, Pipe
from typing import Any, Literal

import psutil

from peakid import settings
from peakid.errors import DecoderBroken, UnreadableImage
from peakid.imaging.decoder_child import Event
from peakid.records import RejectionReason

INSPECT = "peakid.imaging.inspection:inspect"  # The default work of a decoder.
WATCH_S = 0.1  # Interval between checks of clock and memory; a decoder can fill about 200 MB in that time.
READ_FACTOR = (
    12  # A sleeping disk needs ten seconds to start; reading may take this multiple of the time limit.
)
KEPT_BYTES = 192 * 2**20  # An idle child that holds more than this beyond its start is ended.
MAX_FAILED_STARTS = 3
PIPE_BYTES = 2**20  # The most that Linux gives without privileges.
# Blocks from 4 MB on return to the system when they are freed, and numpy starts no threads of its own. The
# process keeps smaller ones: to return the memory of a photo and get it anew takes a millisecond.
CHILD_ENVIRONMENT = {
    "MALLOC_MMAP_THRESHOLD_": str(4 * 2**20),
    "MALLOC_TRIM_THRESHOLD_": str(16 * 2**20),
    "MALLOC_ARENA_MAX": "4",
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
}

_Failure = Literal["time", "memory", "crash"]


@dataclass
class _Task:
    """One submitted file. `began_s` is a time of `time.monotonic`, which all processes of a machine share."""

    number: int
    call: tuple[Any, ...]
    future: Future[Any] = field(default_factory=Future)
    phase: str = ""
    began_s: float = 0.0
    is_suspect: bool = False


@dataclass
class _Child:
    """The decoding process. `base_bytes` is its memory before the first file, None until it is ready."""

    process: subprocess.Popen[bytes]
    tasks: Connection
    updates: Connection
    base_bytes: int | None = None


class Decoder:
    """Runs `work(read(), *arguments)` for many files in one guarded child process.

    A file is a suspect when it was open while the child hung, exceeded its memory or died. Each suspect is
    tried once more, alone in a child. So no file is rejected because of another file, or because the machine
    was slow for a moment.

    Args:
        work: `module:function`; its first argument is the bytes. It and its result must be picklable.
        limit_s: Time limit for one file that is alone; None = from the settings.
        limit_bytes: Memory limit of the child, above its memory when idle; None = from the settings.
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
        """Queue one file. The future has the result of `work`, or the error that `work` or `read` raised.

        For a file that makes the child hang or crash the future raises UnreadableImage.
        """
        task = _Task(next(self._numbers), (read, *arguments))
        with self._lock:
            self._waiting.append(task)
            self._feed()
        return task.future

    def close(self) -> None:
        """Stop the child and cancel all pending futures."""
        with self._lock:
            child, self._child = self._child, None
            tasks = [*self._open.values(), *self._waiting]
            self._open.clear()
            self._waiting.clear()
        if child is not None:
            child.process.kill()  # Its watching thread notices and cleans up.
        for task in tasks:
            task.future.cancel()

    def _feed(self) -> None:
        """Send the child as many files as its threads can start soon; a suspect is sent alone."""
        if self._child is None and self._waiting:
            self._child = _started(self.work, self.n_threads, self.limit_bytes)
            threading.Thread(target=self._watch, args=(self._child,), daemon=True, name="decoder").start()
        while self._waiting and self._child is not None and self._has_room(self._waiting[0]):
            task = self._waiting.popleft()
            if task.future.cancelled():  # Its result is no longer needed.
                continue
            self._open[task.number] = task
            with contextlib.suppress(OSError):  # It has just died; its watching thread notices.
                self._child.tasks.send((task.number, task.call))

    def _has_room(self, task: _Task) -> bool:
        if task.is_suspect or any(other.is_suspect for other in self._open.values()):
            return not self._open
        return len(self._open) < 2 * self.n_threads  # One in work and one ready for each thread.

    def _watch(self, child: _Child) -> None:
        """Receive the updates of one child and check its limits until it ends."""
        failure: _Failure | None = None
        checked_s = time.monotonic()
        try:
            while failure is None:
                if child.updates.poll(WATCH_S):
                    self._receive(child, *child.updates.recv())
                # Updates go first: this process may have been too busy to read them.
                if time.monotonic() - checked_s > WATCH_S and not child.updates.poll():
                    failure, checked_s = self._limit_exceeded(child), time.monotonic()
        except (EOFError, OSError, psutil.NoSuchProcess):
            pass  # The child has ended.
        finally:  # Also after an update that cannot be unpickled: no future may stay pending forever.
            self._clean_up(child, failure or "crash")

    def _clean_up(self, child: _Child, failure: _Failure) -> None:
        _kill(child)
        with self._lock:
            child.tasks.close()
            if self._child is child:
                self._child = None
                self._recover(child, failure)
                self._feed()
        child.updates.close()

    def _receive(self, child: _Child, number: int, event: Event, value: Any) -> None:
        with self._lock:
            if event == "ready":
                child.base_bytes = _used_bytes(child)
                self._n_failed_starts = 0
                return
            task = self._open.get(number)
            if task is None:  # The decoder was closed.
                return
            if event in ("reading", "decoding", "waiting"):
                task.phase, task.began_s = (event, value) if event != "waiting" else ("", 0.0)
                return
            del self._open[number]
            is_retried = event == "starved" and not task.is_suspect
            if is_retried:
                task.is_suspect, task.phase = True, ""
                self._waiting.appendleft(task)
            self._feed()
        if is_retried:
            return
        with contextlib.suppress(InvalidStateError):  # It was cancelled.
            if event == "done":
                task.future.set_result(value)
            else:
                failure = self._rejection("memory") if isinstance(value, MemoryError) else value
                task.future.set_exception(failure)

    def _limit_exceeded(self, child: _Child) -> _Failure | None:
        """Return the limit that the child exceeds, None if it is within all limits."""
        with self._lock:
            if any(self._is_late(task) for task in self._open.values()):
                return "time"
            if child.base_bytes is None:
                return None
            limit = self.limit_bytes if self._open else KEPT_BYTES
            with contextlib.suppress(psutil.NoSuchProcess):
                return "memory" if _used_bytes(child) - child.base_bytes > limit else None
            return None

    def _is_late(self, task: _Task) -> bool:
        limit_s = self.limit_s * (READ_FACTOR if task.phase == "reading" else 1)
        return bool(task.phase) and time.monotonic() - task.began_s > limit_s

    def _recover(self, child: _Child, failure: _Failure) -> None:
        """Reject or retry the files of a child that ended: suspects first and alone, then the others."""
        left = sorted(self._open.values(), key=lambda task: task.number)
        self._open.clear()
        if child.base_bytes is None:
            left = self._after_failed_start(left)
        guilty = [task for task in left if task.is_suspect and task.phase]
        suspects = [task for task in left if task not in guilty and self._is_suspicious(task, failure)]
        others = [task for task in left if task not in guilty and task not in suspects]
        for task in [*suspects, *others]:
            task.is_suspect, task.phase = task in suspects or task.is_suspect, ""
        self._waiting.extendleft(reversed([*suspects, *others]))
        for task in guilty:
            with contextlib.suppress(InvalidStateError):
                task.future.set_exception(self._rejection(failure))

    def _is_suspicious(self, task: _Task, failure: _Failure) -> bool:
        return bool(task.phase) and (failure != "time" or self._is_late(task))

    def _after_failed_start(self, left: list[_Task]) -> list[_Task]:
        self._n_failed_starts += 1
        if self._n_failed_starts < MAX_FAILED_STARTS:
            return left
        pending = [*left, *self._waiting]
        self._waiting.clear()
        error = DecoderBroken(
            f"The process that decodes images does not start ({self._n_failed_starts} attempts).",
            "See its error message in the terminal or in the log of the job. Reinstalling usually helps.",
        )
        for task in pending:
            with contextlib.suppress(InvalidStateError):
                task.future.set_exception(error)
        return []

    def _rejection(self, failure: _Failure) -> UnreadableImage:
        limit_mb = self.limit_bytes / 2**20
        rejections: dict[_Failure, tuple[RejectionReason, str]] = {
            "time": ("too_slow", f"not decoded within {self.limit_s:g} s"),
            "memory": ("too_much_memory", f"decoding takes more than {limit_mb:,.0f} MB of memory"),
            "crash": ("crashes_decoder", "the decoding process crashes on it every time"),
        }
        return UnreadableImage(*rejections[failure])


_idle: dict[tuple[object, ...], Decoder] = {}
_idle_lock = threading.Lock()


@contextlib.contextmanager
def borrowed(work: str = INSPECT) -> Generator[Decoder]:
    """Yield a decoder for exclusive use; the last one used keeps its process running for the next user.

    A child without work ends by itself after a minute.
    """
    key: tuple[object, ...] = (work, *settings.current().decoding().items())
    with _idle_lock:
        decoder = _idle.pop(key, None) or Decoder(work)
    try:
        yield decoder
    except BaseException:
        decoder.close()  # The results of its open files are no longer needed.
        raise
    with _idle_lock:
        is_spare = key in _idle
        if not is_spare:
            _idle[key] = decoder
    if is_spare:
        decoder.close()


@atexit.register
def _close_idle() -> None:
    for decoder in _idle.values():
        decoder.close()


def _started(work: str, n_threads: int, limit_bytes: int) -> _Child:
    child_tasks, tasks = Pipe(duplex=False)
    updates, child_updates = Pipe(duplex=False)
    for each in (tasks, child_updates):
        _enlarge(each)
    limits = {**settings.current().decoding(), "decode_limit_bytes": str(limit_bytes)}
    with child_tasks, child_updates:
        pipes = [child_tasks.fileno(), child_updates.fileno()]
        # -P: modules in the current folder are not imported.
        command = [sys.executable, "-P", "-m", "peakid.imaging.decoder_child"]
        process = subprocess.Popen(
            [*command, work, *map(str, (n_threads, limit_bytes, *pipes))],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            pass_fds=pipes,
            env={**settings.environment(**limits), **CHILD_ENVIRONMENT},
        )
    return _Child(process, tasks, updates)


def _enlarge(pipe: Connection) -> None:
    """Let a pipe hold whole photos and pixels: the usual 64 KB make both sides wait for each other."""
    if set_size := getattr(fcntl, "F_SETPIPE_SZ", None):  # Linux only.
        with contextlib.suppress(OSError):  # This user has too many such pipes.
            fcntl.fcntl(pipe.fileno(), set_size, PIPE_BYTES)


def _used_bytes(child: _Child) -> int:
    return psutil.Process(child.process.pid).memory_info().rss


def _kill(child: _Child) -> None:
    child.process.kill()
    with contextlib.suppress(subprocess.TimeoutExpired):  # A lost network disk blocks its readers forever.
        child.process.wait(5)
