"""What Ray reports about workers and their results, with a Ray that answers as planned."""

from types import SimpleNamespace
from typing import Any

import pytest

from peakid.engines import ray_pool
from peakid.engines.mapping import WorkerExit
from peakid.job_settings import JobSettings


class PlannedRay:
    """Starts actors whose answers are lost for the reason given."""

    def __init__(self, exceptions: Any, error: Exception) -> None:
        self.exceptions, self.error = exceptions, error

    def remote(self, kind: type) -> Any:
        ready = SimpleNamespace(remote=lambda: "the answer")
        actors = SimpleNamespace(remote=lambda *given, **named: SimpleNamespace(ready=ready))
        return SimpleNamespace(options=lambda **named: actors)

    def wait(self, asked: list[Any], **named: Any) -> tuple[list[Any], list[Any]]:
        return asked, []

    def get(self, reference: Any) -> Any:
        raise self.error


@pytest.mark.parametrize(
    ("kind", "arguments", "why"),
    [
        ("ActorDiedError", (), "The actor died unexpectedly"),
        ("ObjectLostError", ("0a", None, ""), "Failed to retrieve object 0a"),
        ("OwnerDiedError", ("0b", None, ""), "Failed to retrieve object 0b"),
    ],
)
def test_a_worker_is_lost_with_its_machine_also_when_only_its_answer_was_left_there(kind, arguments, why):
    exceptions = pytest.importorskip("ray.exceptions")
    connection: Any = SimpleNamespace(ray=PlannedRay(exceptions, getattr(exceptions, kind)(*arguments)))
    pool = ray_pool.RayPool(connection, JobSettings(), n_threads=1)
    number = pool.start()
    ((who, event),) = pool.wait(0.0)
    assert who == number
    assert isinstance(event, WorkerExit)
    assert event.why.startswith(why)
    assert pool.wait(0.0) == []
