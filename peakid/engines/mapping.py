"""Gives shards to workers and takes their results, whatever kind of process a worker is.

```
shards --> result on disk? --> yes: yield it
              | no
              v
           a worker --> result --> written to disk --> yield it
              | it dies
              +--> named, and its shard goes to another worker
```
"""

from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Protocol

import peakid
from peakid.engines.records import (
    Shard,
    ShardFailure,
    ShardResult,
    Stopped,
    Tally,
    WorkerName,
    WorkerReady,
    plural,
)
from peakid.engines.shard_files import ShardFiles
from peakid.errors import JobError

LOOK_S = 0.2  # How long a map waits before it asks whether its job was cancelled.
MAX_TRIES = 3  # Workers that may die of one shard, and workers in a row that may fail to start.


@dataclass(frozen=True)
class WorkerExit:
    """A worker that has ended. `why` is what the system says about it; '' = nothing."""

    why: str = ""


Event = tuple[int, WorkerReady | ShardResult | ShardFailure | WorkerExit]
"""What happened, with the number of the worker."""


class Pool(Protocol):
    """Starts workers and talks to them. Workers have numbers, which are not used again."""

    def start(self) -> int:
        """Begin to start a worker, and return its number. It says `WorkerReady` when it is ready."""
        ...

    def send(self, worker: int, shard: Shard) -> None:
        """Give a shard to a worker that is ready; it works on its shards one after the other."""
        ...

    def wait(self, timeout_s: float) -> list[Event]:
        """Return what has happened, after at most this time."""
        ...

    def stop(self, worker: int) -> None:
        """End a worker."""
        ...


@dataclass(frozen=True)
class Done:
    """A shard with its result. Call `forget` when the result is stored elsewhere."""

    shard: Shard
    data: bytes
    forget: Callable[[], None]


@dataclass
class _Worker:
    """`shards` has those that it was given, the first one in work."""

    name: WorkerName | None = None
    shards: deque[Shard] = field(default_factory=deque)


class Mapper:
    """The workers of one pool, which several maps may use one after the other.

    Args:
        n_workers: The most workers at a time. They are started when there is a shard for them.
        ahead: Shards that wait at a worker while it works on one.
        on_death: Called with a sentence when a worker has died.
    """

    def __init__(
        self,
        pool: Pool,
        *,
        n_workers: int,
        tally: Tally,
        ahead: int = 1,
        on_death: Callable[[str], None] = lambda sentence: None,
    ) -> None:
        self._pool, self._n_workers, self._ahead = pool, n_workers, ahead
        self.tally, self._on_death = tally, on_death
        self._workers: dict[int, _Worker] = {}
        self._tries: Counter[str] = Counter()
        self._n_failed_starts = 0

    def map(
        self, shards: Iterable[Shard], kept: ShardFiles, *, should_stop: Callable[[], bool]
    ) -> Iterator[Done]:
        """Yield every shard with its result, in the order in which they are done.

        A shard whose result is on disk is not computed again. No more are in work than the workers can take,
        and none is taken from `shards` before there is room for it.

        Raises:
            Stopped: If `should_stop` returns True.
            JobError: If workers die of a shard again and again, or do not start.
            PeakidError: What a unit raised.
        """
        kept.sweep()
        source, again = iter(shards), deque[Shard]()
        is_finished = False
        try:
            while not is_finished or any(each.shards for each in self._workers.values()):
                if should_stop():
                    raise Stopped
                while not is_finished and self._has_room():
                    shard = again.popleft() if again else next(source, None)
                    if shard is None:
                        is_finished = True
                    elif (data := kept.read(shard.key)) is not None:
                        self.tally.n_shards += 1
                        self.tally.n_reused += 1
                        yield _done(shard, data, kept)
                    else:
                        self._give(shard)
                if is_finished:
                    self._relieve()
                for number, event in self._pool.wait(LOOK_S):
                    if isinstance(event, WorkerExit):
                        again += self._after_death(number, event)
                        is_finished = is_finished and not again
                    elif (finished := self._take(number, event)) is not None:
                        shard, result = finished
                        kept.write(result.key, result.data)
                        yield _done(shard, result.data, kept)
        finally:
            self._stop_busy()

    def map_in_order(
        self, shards: Iterable[Shard], kept: ShardFiles, *, should_stop: Callable[[], bool]
    ) -> Iterator[Done]:
        """Yield as `map`, in the order of the shards. A result whose turn has not come waits on the disk."""
        order: deque[str] = deque()
        ready: dict[str, Done] = {}

        def noted() -> Iterator[Shard]:
            for shard in shards:
                order.append(shard.key)
                yield shard

        for done in self.map(noted(), kept, should_stop=should_stop):
            key = done.shard.key
            ready[key] = done if key == order[0] else replace(done, data=b"")
            while order and (first := ready.pop(order[0], None)) is not None:
                yield first if first.data else replace(first, data=_read_again(kept, order[0]))
                order.popleft()

    def _has_room(self) -> bool:
        waiting = [each.shards for each in self._workers.values() if each.name is None and each.shards]
        if len(waiting) >= self._n_workers:  # All are starting.
            return False
        return len(self._workers) < self._n_workers or any(
            len(each.shards) <= self._ahead for each in self._workers.values() if each.name
        )

    def _give(self, shard: Shard) -> None:
        """Give a shard to an idle worker, else to a new one, else to the one with the fewest shards."""
        idle = [number for number, each in self._workers.items() if not each.shards]
        if idle:
            number = idle[0]
        elif len(self._workers) < self._n_workers:
            number = self._pool.start()
            self._workers[number] = _Worker()
            self.tally.n_workers = max(self.tally.n_workers, len(self._workers))
        else:
            ready = [number for number, each in self._workers.items() if each.name]
            number = min(ready, key=lambda n: len(self._workers[n].shards))
        worker = self._workers[number]
        worker.shards.append(shard)
        if worker.name is not None:
            self._pool.send(number, shard)

    def _relieve(self) -> None:
        """Give idle workers the shards of those that are still starting, which are ended.

        A cluster may start a worker only when another one ends, and that one would wait for its shards.
        """
        idle = [number for number, each in self._workers.items() if each.name and not each.shards]
        starting = [number for number, each in self._workers.items() if each.name is None]
        for number, other in zip(idle, starting, strict=False):
            self._workers[number].shards = self._workers.pop(other).shards
            self._pool.stop(other)
            for shard in self._workers[number].shards:
                self._pool.send(number, shard)

    def _take(
        self, number: int, event: WorkerReady | ShardResult | ShardFailure
    ) -> tuple[Shard, ShardResult] | None:
        """Take what a worker says; return a result with its shard.

        Raises:
            JobError: If the worker has another version of Peakid.
            PeakidError: What its unit raised.
        """
        worker = self._workers.get(number)
        if worker is None:
            return None
        if isinstance(event, WorkerReady):
            self._admit(number, worker, event)
            return None
        shard = worker.shards.popleft()
        if isinstance(event, ShardFailure):
            if event.details:
                print(event.details, flush=True)
            raise event.error
        self.tally.n_shards += 1
        self.tally.add_time(event.seconds)
        return shard, event

    def _admit(self, number: int, worker: _Worker, ready: WorkerReady) -> None:
        if ready.version != peakid.__version__:
            raise JobError(
                f"The worker on {ready.name.node} has Peakid {ready.version}, and this machine has"
                f" {peakid.__version__}.",
                "Install the same version on every machine of the cluster.",
            )
        worker.name, self._n_failed_starts = ready.name, 0
        for shard in worker.shards:
            self._pool.send(number, shard)

    def _after_death(self, number: int, death: WorkerExit) -> list[Shard]:
        """Return the shards of a worker that has died; the one that it worked on is tried again.

        Raises:
            JobError: If that was the last try.
        """
        worker = self._workers.pop(number, None)
        if worker is None:
            return []
        if worker.name is None:
            self._n_failed_starts += 1
            if self._n_failed_starts >= MAX_TRIES:
                raise JobError(
                    f"The workers do not start ({MAX_TRIES} attempts). {death.why}".strip(),
                    "The log has their messages. Free some memory, or use fewer workers.",
                )
            return list(worker.shards)
        if not worker.shards:
            self._note_death(f"The worker {worker.name.text()} has ended while it had nothing to do.")
            return []
        guilty = worker.shards[0]
        self._tries[guilty.key] += 1
        what = guilty.title or f"a shard of {plural(len(guilty.digests), 'image')}"
        if self._tries[guilty.key] >= MAX_TRIES:
            raise JobError(
                f"The worker {worker.name.text()} died while it computed {what}, as {MAX_TRIES - 1} workers"
                f" before it. {death.why}".strip(),
                "Free some memory, or use fewer workers. The results so far are kept.",
            )
        self.tally.n_retried += 1
        sentence = f"The worker {worker.name.text()} died while it computed {what}; another one computes it."
        self._note_death(sentence)
        return list(worker.shards)

    def _note_death(self, sentence: str) -> None:
        self.tally.add_death(sentence)
        self._on_death(sentence)

    def _stop_busy(self) -> None:
        """End the workers that still have work when a map ends: their results are not taken any more."""
        for number in [number for number, each in self._workers.items() if each.shards]:
            del self._workers[number]
            self._pool.stop(number)


def _read_again(kept: ShardFiles, key: str) -> bytes:
    data = kept.read(key)
    if data is None:
        raise JobError(f"The result {key[:12]} of a shard was removed meanwhile.", "Resume the job.")
    return data


def _done(shard: Shard, data: bytes, kept: ShardFiles) -> Done:
    return Done(shard, data, lambda: kept.remove(shard.key))
