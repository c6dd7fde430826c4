"""The process that decodes untrusted files: the main thread receives them, one thread per core decodes."""

import functools
import importlib
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from multiprocessing.connection import Connection
from typing import Any, Literal

IDLE_S = 60  # Without a file for this long the process ends; the next file starts another one.
PULSE_S = 5
# A decoder that hangs while it holds the interpreter lock blocks all threads of this process. Then this alarm
# of the kernel, which has no handler, ends the process even if its parent is gone.
ALARM_S = 30

Event = Literal[
    "ready",     # The process has started.
    "reading",   # A thread reads a file; the value is the time it began.
    "decoding",  # A thread decodes a file; the value is the time it began.
    "done",      # The value is the result.
    "failed",    # The value is the error.
]  # fmt: skip


class _Updates:
    """Sends the progress of each file to the parent; safe to use from several threads."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._lock = threading.Lock()

    def send(self, number: int, event: Event, value: Any) -> None:
        with self._lock:
            self._connection.send((number, event, value))

    def send_result(self, number: int, future: "Future[Any]") -> None:
        error = future.exception()  # Any error: the parent raises it for the caller of `submit`.
        self.send(number, "done", future.result()) if error is None else self.send(number, "failed", error)


def serve(work: Callable[..., Any], n_threads: int, tasks: Connection, updates: _Updates) -> None:
    """Pass files to the threads until the parent is gone or no file has come for a minute."""
    pool = ThreadPoolExecutor(n_threads)
    newest: Future[Any] = Future()
    newest.set_result(None)
    received_s = time.monotonic()
    updates.send(-1, "ready", None)
    while time.monotonic() - received_s < IDLE_S or not newest.done():
        signal.alarm(ALARM_S)
        if tasks.poll(PULSE_S):
            number, (read, *arguments) = tasks.recv()
            newest = pool.submit(_do, work, number, read, arguments, updates)
            newest.add_done_callback(functools.partial(updates.send_result, number))
            received_s = time.monotonic()


def _do(
    work: Callable[..., Any],
    number: int,
    read: Callable[[], bytes],
    arguments: Sequence[Any],
    updates: _Updates,
) -> Any:
    updates.send(number, "reading", time.monotonic())
    data = read()
    updates.send(number, "decoding", time.monotonic())
    return work(data, *arguments)


def main() -> None:
    """Start from the command line: `module:function`, number of threads, and two inherited pipes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent; this process ends when it ends.
    name, n_threads, tasks, updates = sys.argv[1:]
    module, function = name.split(":")
    work = getattr(importlib.import_module(module), function)
    try:
        serve(
            work,
            int(n_threads),
            Connection(int(tasks), writable=False),
            _Updates(Connection(int(updates), readable=False)),
        )
    except (EOFError, OSError):  # The parent is gone.
        os._exit(0)
    os._exit(0)  # A thread may still hang in a file.


if __name__ == "__main__":
    main()
