"""An engine for the tests of maps, of which a worker can be killed in the middle."""

import contextlib
import dataclasses
from collections.abc import Iterator
from typing import Any

from peakid.engines.mapping import Mapper
from peakid.engines.opening import Engine
from peakid.engines.records import Tally
from peakid.job_settings import JobSettings
from tests.jobs.maps.killing_pool import KillingPool

SETTINGS = JobSettings()


def never() -> bool:
    return False


@dataclasses.dataclass
class Tried:
    """An engine for the tests. `pool.is_armed = True` kills a worker in the middle of the next map."""

    engine: Engine
    pool: KillingPool

    @contextlib.contextmanager
    def killing(self) -> Iterator[None]:
        """Kill a worker in the middle of the block."""
        n_before, self.pool.is_armed = len(self.pool.killed), True
        yield
        assert len(self.pool.killed) == n_before + 1
        (pid,) = self.pool.killed[n_before:]
        assert any(f"process {pid} on" in each for each in self.engine.use().deaths)


def tried(name: Any, pool: Any) -> Tried:
    killing = KillingPool(pool)
    mapper = Mapper(killing, n_workers=2, tally=Tally(name, cores_each=1))
    return Tried(Engine(name, 2, 1, mapper), killing)
