"""Real workers of which one is killed in the middle of a map."""

import os
import signal

from peakid.engines.mapping import Event
from peakid.engines.records import Answer, Hello, Shard


class KillingPool:
    """Passes everything on to a pool. Once armed, it kills a worker at the next result of another one."""

    def __init__(self, pool) -> None:
        self.pool, self.is_armed = pool, False
        self.pids: dict[int, int] = {}
        self.in_work: dict[int, list[str]] = {}
        self.killed: list[int] = []

    def start(self) -> int:
        return self.pool.start()

    def send(self, worker: int, shard: Shard) -> None:
        self.in_work.setdefault(worker, []).append(shard.key)
        self.pool.send(worker, shard)

    def stop(self, worker: int) -> None:
        self.in_work.pop(worker, None)
        self.pool.stop(worker)

    def wait(self, timeout_s: float) -> list[Event]:
        events = self.pool.wait(timeout_s)
        for worker, event in events:
            if isinstance(event, Hello):
                self.pids[worker] = event.name.pid
            elif isinstance(event, Answer):
                self.in_work[worker].remove(event.key)
                self._kill_another(worker)
            else:
                self.in_work.pop(worker, None)
        return events

    def _kill_another(self, worker: int) -> None:
        busy = [other for other, keys in self.in_work.items() if keys and other != worker]
        if self.is_armed and busy:
            self.is_armed = False
            self.killed.append(self.pids[busy[0]])
            os.kill(self.pids[busy[0]], signal.SIGKILL)
