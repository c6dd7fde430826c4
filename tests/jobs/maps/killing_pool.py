"""Real workers of which one is killed in the middle of a map."""

import os
import signal

from peakid.engines.mapping import Event
from peakid.engines.records import Shard, ShardResult, WorkerReady


class KillingPool:
    """Passes everything on to a pool. Once armed, it kills a worker with a shard, at the next result.

    That is another worker than that of the result, or the same one with its next shard: of short shards, one
    worker may have computed all before the second one has started.
    """

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
            if isinstance(event, WorkerReady):
                self.pids[worker] = event.name.pid
            elif isinstance(event, ShardResult):
                self.in_work[worker].remove(event.key)
                self._kill_one(worker)
            else:
                self.in_work.pop(worker, None)
        return events

    def _kill_one(self, worker: int) -> None:
        started = [each for each, keys in self.in_work.items() if keys and each in self.pids]
        busy = sorted(started, key=lambda each: each == worker)
        if self.is_armed and busy:
            self.is_armed = False
            self.killed.append(self.pids[busy[0]])
            os.kill(self.pids[busy[0]], signal.SIGKILL)
