"""Ranks that Ray Train starts: on the machines of a cluster, or on this one."""

import contextlib
import importlib
import tempfile
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from peakid import files, paths
from peakid.engines.fit import LOOK_S, Head, Loss, Message, Order, Place
from peakid.errors import JobError

ASK_EVERY_S = 0.5  # Seconds between two questions of a rank whether its job was cancelled.
REPORT = "report"  # Of progress: a rank does not wait until these messages are taken.


class Mailbox:
    """An actor: takes the messages and files of the ranks until the head asks for them."""

    def __init__(self) -> None:
        self._waiting: list[tuple[int, str, Mapping[str, Any], dict[str, bytes | None]]] = []
        self._is_stopping = False

    def put(
        self, rank: int, kind: str, document: Mapping[str, Any], changed: dict[str, bytes | None]
    ) -> None:
        self._waiting.append((rank, kind, document, changed))

    def take(self) -> list[tuple[int, str, Mapping[str, Any], dict[str, bytes | None]]]:
        taken, self._waiting = self._waiting, []
        return taken

    def stop(self) -> None:
        self._is_stopping = True

    def is_stopping(self) -> bool:
        return self._is_stopping


@dataclass
class MailDesk:
    """The folder is one of the rank's machine; what changes in it is sent with the next message."""

    box: Any
    rank: int
    folder: Path
    known: dict[str, tuple[int, int]] = field(default_factory=dict)
    asked_at: float = 0.0
    was_stopping: bool = False

    def tell(self, kind: str, document: Mapping[str, Any]) -> None:
        import ray

        sent = self.box.put.remote(self.rank, kind, dict(document), self._changed())
        if kind != REPORT:
            ray.get(sent)

    def is_stopping(self) -> bool:
        import ray

        if not self.was_stopping and time.monotonic() - self.asked_at > ASK_EVERY_S:
            self.asked_at = time.monotonic()
            self.was_stopping = ray.get(self.box.is_stopping.remote())
        return self.was_stopping

    def place(self, given: Mapping[str, bytes]) -> None:
        """Write the files that an earlier attempt has left."""
        for name, content in given.items():
            files.write_bytes(paths.inside(self.folder, name), content)
        self.known = _state(self.folder)

    def _changed(self) -> dict[str, bytes | None]:
        """Return the files that are new or changed since the last time; None = it was removed."""
        now = _state(self.folder)
        changed: dict[str, bytes | None] = {name: None for name in self.known if name not in now}
        for name, state in now.items():
            if self.known.get(name) != state:
                changed[name] = (self.folder / name).read_bytes()
        self.known = now
        return changed


def attempt(order: Order, head: Head) -> list[Loss]:
    """Run the ranks of an order once, as `fit.Attempt` says.

    Raises:
        JobError: If Ray Train fails without a rank having failed.
    """
    import ray
    from ray.train.torch import TorchConfig, TorchTrainer

    ray_train: Any = importlib.import_module("ray.train")  # Its types are those of an earlier version.
    box: Any = ray.remote(Mailbox).options(num_cpus=0).remote()
    given = {name: (order.folder / name).read_bytes() for name in _state(order.folder)}
    with tempfile.TemporaryDirectory(prefix="peakid-ray-") as storage:
        trainer = TorchTrainer(
            _rank,
            train_loop_config={"task": _Task(box, order.unit, ray.put(dict(order.document)), ray.put(given))},
            scaling_config=ray_train.ScalingConfig(num_workers=order.n_ranks, use_gpu=order.uses_gpu),
            run_config=ray_train.RunConfig(
                name="peakid",
                storage_path=storage,
                failure_config=ray_train.FailureConfig(max_failures=0),  # The head restarts, and says so.
            ),
            torch_config=TorchConfig(backend="nccl" if order.uses_gpu else "gloo"),
        )
        running = _Running(trainer)
        running.start()
        is_told = False
        while running.is_alive():
            _deliver(box, order.folder, head)
            if not is_told and head.should_stop():
                is_told = True
                ray.get(box.stop.remote())
            running.join(LOOK_S)
        _deliver(box, order.folder, head)
    ray.kill(box)
    return _losses(running.error)


class _Running(threading.Thread):
    """Waits for Ray Train, which ends when all ranks have ended or one has failed."""

    def __init__(self, trainer: Any) -> None:
        super().__init__(daemon=True)
        self.trainer, self.error = trainer, None

    def run(self) -> None:
        try:
            self.trainer.fit()
        except Exception as error:
            self.error = error


@dataclass(frozen=True)
class _Task:
    """What Ray Train gives to each worker; references to what all of them need."""

    box: Any
    unit: str
    document: Any
    files: Any


def _rank(config: Mapping[str, _Task]) -> None:
    """Call the unit of an order in a worker of Ray Train."""
    import ray
    from ray import train as ray_train

    task, context = config["task"], ray_train.get_context()
    rank = context.get_world_rank()
    with tempfile.TemporaryDirectory(prefix="peakid-rank-") as folder:
        desk = MailDesk(task.box, rank, Path(folder))
        if rank == 0:
            desk.place(ray.get(task.files))
        place = Place(
            rank=rank,
            n_ranks=context.get_world_size(),
            number_here=context.get_local_rank(),
            n_here=context.get_local_world_size(),
            init_method="",
        )
        module, _, name = task.unit.partition(":")
        getattr(importlib.import_module(module), name)(ray.get(task.document), desk, place)


def _deliver(box: Any, folder: Path, head: Head) -> None:
    import ray

    for rank, kind, document, changed in ray.get(box.take.remote()):
        for name, content in changed.items():
            path = paths.inside(folder, name)
            if content is None:
                path.unlink(missing_ok=True)
            else:
                files.write_bytes(path, content)
        head.hear(Message(rank, kind, document))


def _losses(error: Any) -> list[Loss]:
    if error is None:
        return []
    print(error, flush=True)  # With the tracebacks of the ranks, for the log of the job.
    failures: dict[int, Exception] = getattr(error, "worker_failures", {})
    if not failures:
        lines = str(error).strip().splitlines() or [type(error).__name__]
        raise JobError(f"Ray Train failed: {lines[-1]}", "The log has the details.") from error
    found = [_loss(rank, each) for rank, each in failures.items()]
    return sorted(found, key=lambda each: (not each.is_killed, each.rank))


def _loss(rank: int, error: Exception) -> Loss:
    names = {each.__name__ for each in type(error).__mro__}
    if names & {"RayActorError", "WorkerCrashedError", "NodeDiedError", "OutOfMemoryError"}:
        return Loss(rank, "was lost with its process or machine", True)
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return Loss(rank, f"ended with an error: {lines[-1]}", False)


def _state(folder: Path) -> dict[str, tuple[int, int]]:
    """Return the files of a folder and its subfolders, without temporary ones, as (time, size) by name."""
    found = {}
    for path in folder.rglob("*"):
        name = str(path.relative_to(folder))
        if any(part.startswith(".") for part in path.relative_to(folder).parts):
            continue
        with contextlib.suppress(FileNotFoundError):  # Replaced just now.
            if path.is_file():
                stat = path.stat()
                found[name] = (stat.st_mtime_ns, stat.st_size)
    return found
