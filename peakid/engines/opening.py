"""Opens the engine that a job is asked to use, and says what each engine has."""

import contextlib
import importlib.util
import os
import platform
from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass, replace

import psutil

from peakid import near_names
from peakid.engines import ray_pool
from peakid.engines.local_pool import LocalPool
from peakid.engines.mapping import Done, Mapper
from peakid.engines.records import ENGINES, EngineName, EngineUse, Shard, Tally
from peakid.engines.shard_files import ShardFiles
from peakid.errors import BadInput, ExtraMissing, PeakidError
from peakid.job_settings import JobSettings

MOST_WORKERS = 10_000


def _nothing(sentence: str) -> None:
    """Say nothing about a worker that died."""


@dataclass(frozen=True)
class Engine:
    """An engine that is ready to compute shards.

    Attributes:
        n_workers: The most processes at a time.
        n_threads: Cores for each.
    """

    name: EngineName
    n_workers: int
    n_threads: int
    mapper: Mapper

    def map(
        self, shards: Iterable[Shard], kept: ShardFiles, *, should_stop: Callable[[], bool]
    ) -> Iterator[Done]:
        """Yield every shard with its result; arguments and errors as in `Mapper.map`."""
        return self.mapper.map(shards, kept, should_stop=should_stop)

    def map_in_order(
        self, shards: Iterable[Shard], kept: ShardFiles, *, should_stop: Callable[[], bool]
    ) -> Iterator[Done]:
        """Yield as `map`, in the order of the shards."""
        return self.mapper.map_in_order(shards, kept, should_stop=should_stop)

    def use(self) -> EngineUse:
        """Return what it was used for so far."""
        return self.mapper.tally.use()


@dataclass(frozen=True)
class EngineFacts:
    """What an engine has.

    Attributes:
        is_ready: It can be used now.
        is_default: Jobs use it unless told otherwise.
        address: Of the cluster; '' = this machine.
        nodes: The names of its machines.
        n_workers: Processes that a job uses; 0 = none of its own for the local engine, one for each core
            for Ray.
        memory_bytes: Of all machines together.
        note: Why it is not ready, or what it is; one sentence or two.
    """

    engine: EngineName
    is_ready: bool
    is_default: bool
    address: str
    nodes: tuple[str, ...]
    n_workers: int
    n_cores: int
    n_gpus: int
    memory_bytes: int
    note: str


def is_used(settings: JobSettings) -> bool:
    """Return whether work is given to an engine; otherwise a job does it in its own process."""
    return settings.engine != "local" or settings.n_workers > 0


def chosen(settings: JobSettings, *, engine: str | None = None, n_workers: int | None = None) -> JobSettings:
    """Return the settings of a job with another engine or number of workers; None = as it is.

    Raises:
        BadInput: If there is no such engine, or the number is out of range.
        ExtraMissing: If the engine is not installed.
    """
    name = settings.engine if engine is None else engine
    found = next((each for each in ENGINES if each == name), None)
    if found is None:
        remedy = near_names.remedy(name, ENGINES, f"Choose from {', '.join(ENGINES)}.")
        raise BadInput(f"There is no engine {name!r}.", remedy)
    if n_workers is not None and not 0 <= n_workers <= MOST_WORKERS:
        raise BadInput(f"{n_workers:,} workers are not possible.", f"Use 0 to {MOST_WORKERS:,}.")
    if found == "ray" and not is_installed():
        raise ExtraMissing("The engine ray needs Ray, which is not installed.", f"{ray_pool.INSTALL}.")
    if found == "ray":
        ray_pool.refuse_without_client(settings.ray_address)
    return replace(settings, engine=found, n_workers=settings.n_workers if n_workers is None else n_workers)


def is_installed() -> bool:
    """Return whether Ray is installed, without loading it."""
    return importlib.util.find_spec("ray") is not None


@contextlib.contextmanager
def opened(
    settings: JobSettings,
    *,
    n_threads: int | None = 1,
    uses_gpu: bool = False,
    ahead: int = 1,
    most_workers: int = MOST_WORKERS,
    on_death: Callable[[str], None] = _nothing,
) -> Generator[Engine]:
    """Yield the engine of a job. Its workers end with the block.

    Args:
        n_threads: Cores for each worker; None = all cores, shared out among the workers.
        uses_gpu: Give each worker a GPU, or its share of one, where the engine has some.
        ahead: Shards that wait at a worker while it works on one; 0 for those that take minutes.
        most_workers: For which there are shards.
        on_death: Called with a sentence when a worker has died.

    Raises:
        ExtraMissing: If the engine is not installed.
        JobError: If there is no connection to the cluster.
    """
    if settings.engine == "local":
        n_workers = min(settings.n_workers or n_cores(), most_workers)
        each = n_threads or max(1, n_cores() // n_workers)
        pool = LocalPool(settings, n_threads=each)
        with contextlib.closing(pool):
            yield _engine("local", n_workers, each, pool, ahead, on_death)
        return
    connection = ray_pool.Connection(settings.ray_address, n_cores=max(n_cores(), settings.n_workers))
    with contextlib.closing(connection):
        cluster = connection.cluster()
        n_gpus = cluster.n_gpus if uses_gpu else 0
        n_workers = settings.n_workers or n_gpus or max(1, cluster.n_cores // (n_threads or 1))
        n_workers = min(n_workers, most_workers)
        each = n_threads or max(1, cluster.n_cores // n_workers)
        share = min(1.0, n_gpus / n_workers)
        ray_workers = ray_pool.RayPool(connection, settings, n_threads=each, n_gpus=share)
        with contextlib.closing(ray_workers):
            yield _engine("ray", n_workers, each, ray_workers, ahead, on_death)


def facts(settings: JobSettings) -> list[EngineFacts]:
    """Return what each engine has. A cluster that has an address is asked."""
    return [_local_facts(settings), _ray_facts(settings)]


def n_cores() -> int:
    """Return the cores of this machine that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _engine(
    name: EngineName,
    n_workers: int,
    n_threads: int,
    pool: LocalPool | ray_pool.RayPool,
    ahead: int,
    on_death: Callable[[str], None],
) -> Engine:
    tally = Tally(name, cores_each=n_threads)
    mapper = Mapper(pool, n_workers=n_workers, tally=tally, ahead=ahead, on_death=on_death)
    return Engine(name, n_workers, n_threads, mapper)


def _local_facts(settings: JobSettings) -> EngineFacts:
    return EngineFacts(
        engine="local",
        is_ready=True,
        is_default=settings.engine == "local",
        address="",
        nodes=(platform.node(),),
        n_workers=settings.n_workers if settings.engine == "local" else 0,
        n_cores=n_cores(),
        n_gpus=n_gpus(),
        memory_bytes=psutil.virtual_memory().total,
        note="Processes of this machine; without workers, a job does the work in its own process.",
    )


def _ray_facts(settings: JobSettings) -> EngineFacts:
    nothing = EngineFacts(
        engine="ray",
        is_ready=False,
        is_default=settings.engine == "ray",
        address=settings.ray_address,
        nodes=(),
        n_workers=settings.n_workers if settings.engine == "ray" else 0,
        n_cores=0,
        n_gpus=0,
        memory_bytes=0,
        note="",
    )
    if not is_installed():
        return replace(nothing, note=f"Ray is not installed. {ray_pool.INSTALL}")
    if not settings.ray_address:
        here = _local_facts(settings)
        return replace(
            nothing,
            is_ready=True,
            nodes=here.nodes,
            n_cores=here.n_cores,
            n_gpus=here.n_gpus,
            memory_bytes=here.memory_bytes,
            note="A job starts Ray on this machine; PEAKID_RAY_ADDRESS names a cluster in its place.",
        )
    try:
        with contextlib.closing(ray_pool.Connection(settings.ray_address)) as connection:
            found = connection.cluster()
    except PeakidError as error:
        return replace(nothing, note=str(error))
    return replace(
        nothing,
        is_ready=True,
        nodes=found.nodes,
        n_cores=found.n_cores,
        n_gpus=found.n_gpus,
        memory_bytes=found.memory_bytes,
        note="A cluster; every machine needs this version of Peakid and the disk with the workspace.",
    )


def n_gpus() -> int:
    """Return the NVIDIA GPUs of this machine, without loading torch."""
    try:
        import pynvml
    except ImportError:
        return 0
    try:
        pynvml.nvmlInit()
        return pynvml.nvmlDeviceGetCount()
    except pynvml.NVMLError:
        return 0
