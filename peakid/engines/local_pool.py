"""Workers that are processes of this machine."""

import contextlib
import itertools
import subprocess
import sys
from dataclasses import dataclass
from multiprocessing import connection as connections
from multiprocessing.connection import Connection, Pipe

from peakid import settings
from peakid.engines.mapping import Event, WorkerExit
from peakid.engines.records import Shard
from peakid.job_settings import JobSettings

MODULE = "peakid.engines.worker_process"
ENDS_WITHIN_S = 5.0


@dataclass(frozen=True)
class _Process:
    process: "subprocess.Popen[bytes]"
    connection: Connection


class LocalPool:
    """Starts a process for each worker. They are in the process group of this one and end with it.

    Args:
        n_threads: Cores for each.
    """

    def __init__(self, job: JobSettings, *, n_threads: int) -> None:
        self._settings, self._n_threads = job, n_threads
        self._numbers = itertools.count()
        self._processes: dict[int, _Process] = {}

    def start(self) -> int:
        own, theirs = Pipe()
        with theirs:
            # -P: modules in the current folder are not imported.
            command = [sys.executable, "-P", "-m", MODULE, "--connection", str(theirs.fileno())]
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,  # What a command prints is for its caller alone.
                pass_fds=[theirs.fileno()],
                env=settings.worker_environment(self._n_threads),
            )
        number = next(self._numbers)
        self._processes[number] = _Process(process, own)
        with contextlib.suppress(OSError):  # It has ended already; `wait` notices.
            own.send((self._settings, self._n_threads))
        return number

    def send(self, worker: int, shard: Shard) -> None:
        with contextlib.suppress(OSError, KeyError):  # It has just died; `wait` notices, or has noticed.
            self._processes[worker].connection.send(shard)

    def wait(self, timeout_s: float) -> list[Event]:
        ready = connections.wait([each.connection for each in self._processes.values()], timeout_s)
        events: list[Event] = []
        for number, each in list(self._processes.items()):
            if each.connection in ready:
                try:
                    events.append((number, each.connection.recv()))
                except (EOFError, OSError):
                    events.append((number, WorkerExit(self._ended(number))))
        return events

    def stop(self, worker: int) -> None:
        if worker in self._processes:  # Otherwise it has ended by itself.
            self._processes[worker].process.kill()
            self._ended(worker)

    def close(self) -> None:
        """End all workers."""
        for number in list(self._processes):
            self.stop(number)

    def _ended(self, worker: int) -> str:
        """Remove a worker whose end of the connection is closed; return how it ended, in words."""
        gone = self._processes.pop(worker)
        gone.connection.close()
        try:
            code = gone.process.wait(ENDS_WITHIN_S)
        except subprocess.TimeoutExpired:
            gone.process.kill()
            return ""
        if code == -9:
            return "It was killed, as the system does when memory is short."
        return f"It ended with signal {-code}." if code < 0 else f"It ended with code {code}."
