"""Workers in this process, for tests: they compute when they are waited for, and die as planned."""

from collections import deque

import peakid
from peakid.engines.mapping import Event, Mapper, WorkerExit
from peakid.engines.opening import Engine
from peakid.engines.records import Shard, ShardFailure, ShardResult, Tally, WorkerName, WorkerReady


def planned_engine(pool: "PlannedPool") -> Engine:
    """Return an engine with two of these workers."""
    return Engine("local", 2, 1, Mapper(pool, n_workers=2, tally=Tally("local", cores_each=1)))


class PlannedPool:
    """Answers a shard with its digests in upper case, unless told otherwise.

    Args:
        deaths: How often a worker dies of a shard, by the first digest of the shard.
        refuses: Answered with this refusal, by the first digest.
        n_failed_starts: Workers that end before they say ready.
        version: That the workers say they have.
        n_places: Workers that can be there at a time; a further one starts when one has ended.
        result: Computes the result of a shard.
    """

    def __init__(
        self,
        *,
        deaths=None,
        refuses=None,
        n_failed_starts=0,
        version=peakid.__version__,
        n_places=99,
        result=lambda shard: "".join(shard.digests).upper().encode(),
    ) -> None:
        self.result, self.n_places = result, n_places
        self.deaths, self.refuses = dict(deaths or {}), dict(refuses or {})
        self.n_failed_starts, self.version = n_failed_starts, version
        self.given: dict[int, deque[Shard]] = {}
        self.new: list[int] = []
        self.computed: list[str] = []
        self.stopped: list[int] = []
        self.n_started = self.most_given = self.most_workers = 0

    def start(self) -> int:
        self.n_started += 1
        self.given[self.n_started] = deque()
        self.new.append(self.n_started)
        self.most_workers = max(self.most_workers, len(self.given))
        return self.n_started

    def send(self, worker: int, shard: Shard) -> None:
        self.given[worker].append(shard)
        self.most_given = max(self.most_given, sum(map(len, self.given.values())))

    def wait(self, timeout_s: float) -> list[Event]:
        if self.new and (starting := self._taken_new()):
            return [self._first_word(worker) for worker in starting]
        return [self._one(worker) for worker in list(self.given) if self.given[worker]]

    def stop(self, worker: int) -> None:
        self.stopped.append(worker)
        self.new = [each for each in self.new if each != worker]
        self.given.pop(worker, None)

    def _taken_new(self) -> list[int]:
        n_free = self.n_places - (len(self.given) - len(self.new))
        new, self.new = self.new[:n_free], self.new[n_free:]
        return new

    def _first_word(self, worker: int) -> Event:
        if self.n_failed_starts:
            self.n_failed_starts -= 1
            del self.given[worker]
            return worker, WorkerExit("It ended with code 1.")
        return worker, WorkerReady(WorkerName(4000 + worker, "node-1"), self.version)

    def _one(self, worker: int) -> Event:
        shard = self.given[worker].popleft()
        first = shard.digests[0]
        if self.deaths.get(first, 0):
            self.deaths[first] -= 1
            del self.given[worker]
            return worker, WorkerExit("It was killed.")
        if first in self.refuses:
            return worker, ShardFailure(shard.key, self.refuses[first])
        self.computed.append(first)
        return worker, ShardResult(shard.key, self.result(shard), 2.0)
