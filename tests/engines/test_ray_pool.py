"""What Ray reports about workers and their results, with a Ray that answers as planned."""

from types import SimpleNamespace
from typing import Any

import pytest

from peakid.engines import opening, ray_pool
from peakid.engines.mapping import WorkerExit
from peakid.errors import JobError
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
    if not opening.is_installed():
        pytest.skip("Ray is not installed")
    exceptions = ray_pool.library("").exceptions  # A plain import would be before a token is set.
    connection: Any = SimpleNamespace(ray=PlannedRay(exceptions, getattr(exceptions, kind)(*arguments)))
    pool = ray_pool.RayPool(connection, JobSettings(), n_threads=1)
    number = pool.start()
    ((who, event),) = pool.wait(0.0)
    assert who == number
    assert isinstance(event, WorkerExit)
    assert event.why.startswith(why)
    assert pool.wait(0.0) == []


@pytest.mark.parametrize(
    ("why", "n_tries"),
    [("RuntimeError: Starting Ray client server failed. See the log.", 2), ("Unauthenticated", 1)],
)
def test_a_head_that_could_not_start_the_process_of_a_client_is_asked_once_more(monkeypatch, why, n_tries):
    tried = []

    def init(**options: object) -> None:
        tried.append(options["address"])
        raise ConnectionAbortedError(f"Initialization failure from server:\n{why}")

    planned = SimpleNamespace(init=init, is_initialized=lambda: False, shutdown=lambda: None)
    monkeypatch.setattr(ray_pool, "library", lambda address: planned)
    for each in ("refuse_without_client", "refuse_silent"):
        monkeypatch.setattr(ray_pool, each, lambda address: None)
    with pytest.raises(JobError, match="There is no connection to the Ray cluster at ray://head:10001"):
        ray_pool.Connection("ray://head:10001")
    assert tried == ["ray://head:10001"] * n_tries
