"""The process in which strangers' files are decoded: a thread per core takes files, the main thread listens and leaves in time."""

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
from typing import Any

IDLE_S = 60  # Without a file for so long it leaves; the next one starts another.
PULSE_S = 5
# A decoder that hangs while it holds the interpreter lock stops every thread here. Then this alarm, which the kernel
# rings and nobody catches, ends the process, even where the one that would have killed it is gone.
ALARM_S = 30


class _Answers:
    """Tells the parent, from several threads, how far each file is."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._lock = threading.Lock()

    def say(self, number: int, said: str, value: Any) -> None:
        with self._lock:
            self._connection.send((number, said, value))

    def tell_end(self, number: int, future: "Future[Any]") -> None:
        error = future.exception()  # Whatever it is, the parent raises it where the file was asked for.
        self.say(number, "done", future.result()) if error is None else self.say(number, "failed", error)


def serve(work: Callable[..., Any], n_threads: int, tasks: Connection, answers: _Answers) -> None:
    """Hand files to the threads until the parent is gone or nothing has come for a minute."""
    pool = ThreadPoolExecutor(n_threads)
    newest: Future[Any] = Future()
    newest.set_result(None)
    heard_s = time.monotonic()
    answers.say(-1, "ready", None)
    while time.monotonic() - heard_s < IDLE_S or not newest.done():
        signal.alarm(ALARM_S)
        if tasks.poll(PULSE_S):
            number, (read, *arguments) = tasks.recv()
            newest = pool.submit(_do, work, number, read, arguments, answers)
            newest.add_done_callback(functools.partial(answers.tell_end, number))
            heard_s = time.monotonic()


def _do(
    work: Callable[..., Any],
    number: int,
    read: Callable[[], bytes],
    arguments: Sequence[Any],
    answers: _Answers,
) -> Any:
    answers.say(number, "reading", time.monotonic())
    data = read()
    answers.say(number, "decoding", time.monotonic())
    return work(data, *arguments)


def main() -> None:
    """Begin with `module:function`, the number of threads, and the two pipes that the parent left open."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # A Ctrl-C is for the parent; its end ends this process.
    name, n_threads, tasks, answers = sys.argv[1:]
    module, function = name.split(":")
    work = getattr(importlib.import_module(module), function)
    try:
        serve(
            work,
            int(n_threads),
            Connection(int(tasks), writable=False),
            _Answers(Connection(int(answers), readable=False)),
        )
    except (EOFError, OSError):  # The parent is gone.
        os._exit(0)
    os._exit(0)  # Threads may still hang in a file.


if __name__ == "__main__":
    main()
