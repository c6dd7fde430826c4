"""The process that decodes untrusted files: the main thread receives them, one thread per core decodes."""

import contextlib
import functools
import importlib
import os
import resource
import signal
import sys
import threading
import time
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Literal

from peakid.errors import UnreadableImage
from peakid.imaging import cost

IDLE_S = 60  # Without a file for this long the process ends; the next file starts another one.
PULSE_S = 5
# A decoder that hangs while it holds the interpreter lock blocks all threads of this process. Then this alarm
# of the kernel, which has no handler, ends the process even if its parent is gone.
ALARM_S = 30
STACK_BYTES = 16 * 2**20  # Of one thread, with what its memory allocator reserves.

Event = Literal[
    "ready",     # The process has started.
    "reading",   # A thread reads a file; the value is the time it began.
    "decoding",  # A thread decodes a file or its header; the value is the time it began.
    "waiting",   # A file waits for memory; the value is None.
    "done",      # The value is the result.
    "failed",    # The value is the error.
    "starved",   # The value is the error, which may come from memory that another file held.
]  # fmt: skip


class _Memory:
    """Shares the memory of this process among its files, and tells when it was short."""

    def __init__(self, limit_bytes: int, n_threads: int) -> None:
        self.limit_bytes = limit_bytes
        self._free_bytes = limit_bytes
        self._changed = threading.Condition()
        self._base_bytes = _peak_bytes()
        _limit_data(limit_bytes + n_threads * STACK_BYTES)

    @contextlib.contextmanager
    def reserved(self, n_bytes: int, wait: Callable[[], None]) -> Generator[None]:
        """Wait until so much memory is free. A file that needs more than all of it has it for itself.

        Args:
            wait: Called once before a wait.
        """
        n_bytes = min(n_bytes, self.limit_bytes)
        with self._changed:
            if self._free_bytes < n_bytes:
                wait()
            self._changed.wait_for(lambda: self._free_bytes >= n_bytes)
            self._free_bytes -= n_bytes
        try:
            yield
        finally:
            with self._changed:
                self._free_bytes += n_bytes
                self._changed.notify_all()

    def may_explain(self, error: BaseException) -> bool:
        """Return whether a file may have failed for lack of memory; decoders report that in many ways."""
        reason = getattr(error, "reason", "") if isinstance(error, UnreadableImage) else ""
        was_short = _peak_bytes() - self._base_bytes > self.limit_bytes // 2
        is_out = isinstance(error, MemoryError) or reason == "too_much_memory"
        return is_out or (reason == "unreadable" and was_short)


def _peak_bytes() -> int:
    """Return the most memory that this process has held."""
    # Linux counts the memory of the parent before the start in ru_maxrss.
    return _status_bytes("VmHWM") or resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def _limit_data(n_bytes: int) -> None:
    """Let allocations fail after so many bytes more. Only Linux can; elsewhere the parent watches."""
    if held := _status_bytes("VmData"):
        hard = resource.getrlimit(resource.RLIMIT_DATA)[1]
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_DATA, (held + n_bytes, hard))


def _status_bytes(name: str) -> int:
    """Return a figure of the kernel about this process, 0 where it gives none."""
    try:
        lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{name}:")), 0)


class _Updates:
    """Sends the progress of each file to the parent; safe to use from several threads."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._lock = threading.Lock()

    def send(self, number: int, event: Event, value: Any) -> None:
        with self._lock:
            self._connection.send((number, event, value))

    def send_result(self, number: int, memory: _Memory, future: "Future[Any]") -> None:
        error = future.exception()  # Any error: the parent raises it for the caller of `submit`.
        if error is None:
            self.send(number, "done", future.result())
            return
        _release(error)
        self.send(number, "starved" if memory.may_explain(error) else "failed", error)


def _release(error: BaseException | None) -> None:
    """Drop the frames in which an error was raised, which hold the pixels."""
    while error is not None:
        error.__traceback__ = None
        error = error.__cause__ or error.__context__


def serve(
    work: Callable[..., Any], n_threads: int, limit_bytes: int, tasks: Connection, updates: _Updates
) -> None:
    """Pass files to the threads until the parent is gone or no file has come for a minute."""
    pool, memory = ThreadPoolExecutor(n_threads), _Memory(limit_bytes, n_threads)
    newest: Future[Any] = Future()
    newest.set_result(None)
    received_s = time.monotonic()
    updates.send(-1, "ready", None)
    while time.monotonic() - received_s < IDLE_S or not newest.done():
        signal.alarm(ALARM_S)
        if tasks.poll(PULSE_S):
            number, (read, *arguments) = tasks.recv()
            newest = pool.submit(_do, work, number, read, arguments, memory, updates)
            newest.add_done_callback(functools.partial(updates.send_result, number, memory))
            received_s = time.monotonic()


def _do(
    work: Callable[..., Any],
    number: int,
    read: Callable[[], bytes],
    arguments: Sequence[Any],
    memory: _Memory,
    updates: _Updates,
) -> Any:
    updates.send(number, "reading", time.monotonic())
    data = read()
    updates.send(number, "decoding", time.monotonic())
    has_waited = False

    def wait() -> None:
        nonlocal has_waited
        has_waited = True
        updates.send(number, "waiting", None)

    with memory.reserved(cost.most_bytes(data), wait):
        if has_waited:
            updates.send(number, "decoding", time.monotonic())
        return work(data, *arguments)


def main() -> None:
    """Start from the command line: `module:function`, threads, bytes of memory, and two inherited pipes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent; this process ends when it ends.
    name, n_threads, limit_bytes, tasks, updates = sys.argv[1:]
    module, function = name.split(":")
    work = getattr(importlib.import_module(module), function)
    try:
        serve(
            work,
            int(n_threads),
            int(limit_bytes),
            Connection(int(tasks), writable=False),
            _Updates(Connection(int(updates), readable=False)),
        )
    except (EOFError, OSError, MemoryError):  # The parent is gone, or a file takes all memory.
        os._exit(0)
    os._exit(0)  # A thread may still hang in a file.


if __name__ == "__main__":
    main()
