"""What an engine is given and what it gives back: shards, results, dead workers, and the cost of a job."""

import hashlib
import itertools
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from peakid.errors import PeakidError

EngineName = Literal[
    "local",  # Processes of this machine.
    "ray",    # Workers of a Ray cluster, or of a Ray that the job starts on this machine.
]  # fmt: skip

ENGINES: tuple[EngineName, ...] = ("local", "ray")


class Stopped(Exception):
    """A map ended because its job was cancelled."""


@dataclass(frozen=True)
class Shard:
    """A unit of work whose result follows from its content.

    Attributes:
        unit: `package.module:function`, called with the shard and the settings of the job; it returns bytes.
        version: Of the unit. Increased when the same shard gives another result.
        digests: Of the images, in the order of the result.
        arguments: What else the result depends on, such as the SHA-256 of weights; JSON.
        locations: Where the bytes of each image lie. The result does not depend on them.
        files: Paths of further files and folders by name; the result does not depend on where they are.
        title: What it is called in messages, such as `fold 3`; '' = its number.
    """

    unit: str
    version: int
    digests: tuple[str, ...]
    arguments: Mapping[str, Any] = field(default_factory=dict)
    locations: tuple[str, ...] = ()
    files: Mapping[str, str] = field(default_factory=dict)
    title: str = ""

    @property
    def key(self) -> str:
        """SHA-256 of everything that the result depends on, 64 hex digits."""
        content = [self.unit, self.version, self.digests, self.arguments]
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True)
class WorkerName:
    """A process that computes shards. `node` is the name of its machine."""

    pid: int
    node: str

    def text(self) -> str:
        """Return it for people: `process 4711 on node-3`."""
        return f"process {self.pid} on {self.node}"


@dataclass(frozen=True)
class WorkerReady:
    """What a worker says when it is ready. `version` is that of its Peakid."""

    name: WorkerName
    version: str


@dataclass(frozen=True)
class ShardResult:
    """The result of a shard. `seconds` is the time that the unit took."""

    key: str
    data: bytes
    seconds: float


@dataclass(frozen=True)
class ShardFailure:
    """Why a shard has no result. `details` is a traceback for the log; '' for an expected error."""

    key: str
    error: PeakidError
    details: str = ""


@dataclass(frozen=True)
class EngineUse:
    """What the map of a job has used, for its result.

    Attributes:
        n_workers: The most processes at a time.
        n_shards: With a result.
        n_reused: Of them, those whose result an earlier attempt had left.
        n_retried: Times that a shard was given to another worker, because the first one had died.
        core_seconds: Time of all shards, multiplied by the cores that a worker has.
        deaths: A sentence for each worker that died.
    """

    engine: EngineName
    n_workers: int = 0
    n_shards: int = 0
    n_reused: int = 0
    n_retried: int = 0
    core_seconds: float = 0.0
    deaths: tuple[str, ...] = ()

    def text(self) -> str:
        """Return it for people, in one sentence and one more for each worker that died."""
        shards, workers = plural(self.n_shards, "shard"), plural(self.n_workers, "worker")
        reused = f", {self.n_reused:,} of them from an earlier attempt" if self.n_reused else ""
        cost = f"{workers} used {core_hours(self.core_seconds)}"
        return " ".join([f"Engine {self.engine}: {shards}{reused}; {cost}.", *self.deaths])


class Tally:
    """Counts what a map uses while it runs."""

    MOST_DEATHS = 20  # Sentences that are kept.

    def __init__(self, engine: EngineName, *, cores_each: int) -> None:
        self.engine, self.cores_each = engine, cores_each
        self.n_workers = self.n_shards = self.n_reused = self.n_retried = 0
        self.core_seconds = 0.0
        self.deaths: list[str] = []

    def add_time(self, seconds: float) -> None:
        self.core_seconds += seconds * self.cores_each

    def add_death(self, sentence: str) -> None:
        self.deaths = [*self.deaths, sentence][: self.MOST_DEATHS]

    def use(self) -> EngineUse:
        """Return the counts so far."""
        return EngineUse(
            self.engine,
            self.n_workers,
            self.n_shards,
            self.n_reused,
            self.n_retried,
            round(self.core_seconds, 3),
            tuple(self.deaths),
        )

    def progress(self, n_shards: int) -> str:
        """Return how many of the shards are done and what they cost, as a message of progress ends."""
        died = f", {plural(len(self.deaths), 'worker')} died" if self.deaths else ""
        return f"{self.n_shards:,} of {n_shards:,} shards, {core_hours(self.core_seconds)}{died}"


def core_hours(core_seconds: float) -> str:
    """Return a cost for people: `0.4 core-hours`; below a minute in core-seconds."""
    if core_seconds < 60:
        return f"{core_seconds:.1f} core-seconds"
    hours = core_seconds / 3600
    return f"{hours:.2f} core-hours" if hours < 10 else f"{hours:,.0f} core-hours"


def plural(n: int, noun: str) -> str:
    """Return a count with its noun: `1 shard`, `1,024 shards`."""
    return f"{n:,} {noun}" if n == 1 else f"{n:,} {noun}s"


def in_blocks(images: Sequence[tuple[int, str]], size: int) -> Iterator[list[tuple[int, str]]]:
    """Yield images, as (image_id, digest) by id, in blocks of ids: 1 to `size`, the next `size`, and so on.

    A block has the same images however many others are done, so that a job that starts again asks for the
    same shards.
    """
    for _, block in itertools.groupby(images, lambda each: (each[0] - 1) // size):
        yield list(block)
