"""Workers that Ray starts: on the machines of a cluster, or on this one."""

import importlib.util
import itertools
import socket
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from peakid import settings
from peakid.engines.mapping import Event, WorkerExit
from peakid.engines.records import Shard
from peakid.engines.runner import Runner
from peakid.errors import ExtraMissing, JobError
from peakid.job_settings import JobSettings

INSTALL = 'Install it with: pip install "peakid[cluster]"'
ANSWERS_WITHIN_S = 5.0  # A port that is open answers at once, also on another continent.
NO_CLIENT_SERVER = "client server failed"  # In the words of the head of a cluster.
DEFAULT_PORT = 6379  # Of a cluster's head, and 10001 for ray://.


@dataclass(frozen=True)
class Cluster:
    """What a Ray cluster has. `nodes` are the names of its machines."""

    nodes: tuple[str, ...]
    n_cores: int
    n_gpus: int
    memory_bytes: int


def library(address: str) -> Any:
    """Import Ray, to connect to an address, or to start it on this machine if that is empty.

    Raises:
        ExtraMissing: If it is not installed.
    """
    settings.prepare_ray(is_started=not address)
    try:
        import ray
    except ImportError as error:
        raise ExtraMissing("The engine ray needs Ray, which is not installed.", f"{INSTALL}.") from error
    return ray


class Connection:
    """A connection to the cluster of an address, or to a Ray that is started on this machine.

    One that this process has already is used, and left open.

    Args:
        n_cores: Of a Ray that is started; 0 = all of this machine.

    Raises:
        ExtraMissing: If Ray, or its client for an address with ray://, is not installed.
        JobError: If nothing answers at the address.
    """

    def __init__(self, address: str, *, n_cores: int = 0) -> None:
        self.ray = library(address)
        self._is_own = not self.ray.is_initialized()
        if not self._is_own:
            return
        if address:
            refuse_without_client(address)
            refuse_silent(address)
        try:
            try:
                self._connect(address, n_cores)
            except Exception as error:
                if address and NO_CLIENT_SERVER not in str(error):
                    raise
                # Ray gives up after 30 s, which a busy machine may need; and on the head of a cluster it
                # sometimes fails to start the process for a client.
                self._connect(address, n_cores)
        except Exception as error:  # Ray raises plain ones.
            raise _no_connection(address, error) from error

    def _connect(self, address: str, n_cores: int) -> None:
        own: dict[str, Any] = {}
        if not address:  # It listens on the loopback interface only.
            own = {"num_cpus": n_cores or None, "include_dashboard": False, "_node_ip_address": "127.0.0.1"}
        try:
            self.ray.init(
                address=address or "local",
                log_to_driver=False,
                configure_logging=False,
                ignore_reinit_error=True,
                **own,
            )
        except BaseException:
            self.ray.shutdown()  # What has started already.
            raise

    def cluster(self) -> Cluster:
        """Return what the cluster has."""
        total = self.ray.cluster_resources()
        nodes = [each["NodeManagerHostname"] for each in self.ray.nodes() if each["Alive"]]
        return Cluster(
            tuple(nodes), int(total.get("CPU", 0)), int(total.get("GPU", 0)), int(total.get("memory", 0))
        )

    def close(self) -> None:
        """Disconnect; a Ray that was started for it ends."""
        if self._is_own:
            self.ray.shutdown()


class RayPool:
    """Starts an actor for each worker.

    Args:
        n_threads: Cores for each.
        n_gpus: GPUs for each, such as 0.5.
    """

    def __init__(
        self, connection: Connection, job: JobSettings, *, n_threads: int, n_gpus: float = 0.0
    ) -> None:
        self._ray, self._settings, self._n_threads = connection.ray, job, n_threads
        self._remote = self._ray.remote(Runner).options(
            num_cpus=n_threads, num_gpus=n_gpus, max_restarts=0, max_task_retries=0
        )
        # A result can be lost with its machine too: before it was fetched, after it was computed.
        errors = self._ray.exceptions
        self._lost = errors.RayActorError, errors.ObjectLostError
        self._numbers = itertools.count()
        self._actors: dict[int, Any] = {}
        self._number_of: dict[Any, int] = {}  # By the reference of what a worker was asked.

    def start(self) -> int:
        number = next(self._numbers)
        actor = self._remote.remote(self._settings, self._n_threads, keeps_gpus=True)
        self._actors[number] = actor
        self._number_of[actor.ready.remote()] = number
        return number

    def send(self, worker: int, shard: Shard) -> None:
        if worker in self._actors:  # Otherwise its death was noticed just now.
            self._number_of[self._actors[worker].run.remote(shard)] = worker

    def wait(self, timeout_s: float) -> list[Event]:
        asked = list(self._number_of)
        if not asked:
            return []
        # One at first, then those that are there too: waiting for all would wait for the slowest.
        ready, others = self._ray.wait(asked, num_returns=1, timeout=timeout_s)
        if ready and others:
            ready += self._ray.wait(others, num_returns=len(others), timeout=0)[0]
        events: list[Event] = []
        for each in sorted(ready, key=asked.index):  # A worker answers in the order of its shards.
            number = self._number_of.pop(each, None)
            if number is None:  # Of a worker whose death was noticed just now.
                continue
            try:
                events.append((number, self._ray.get(each)))
            except self._lost as error:
                self._remove(number)
                events.append((number, WorkerExit(_first_line(error))))
        return events

    def stop(self, worker: int) -> None:
        if worker in self._actors:  # Otherwise it has ended by itself.
            self._ray.kill(self._remove(worker))

    def close(self) -> None:
        """End all workers."""
        for number in list(self._actors):
            self.stop(number)

    def _remove(self, worker: int) -> Any:
        self._number_of = {each: number for each, number in self._number_of.items() if number != worker}
        return self._actors.pop(worker)


def refuse_silent(address: str) -> None:
    """Connect to the port of an address and disconnect: Ray itself waits for a minute or ends the process.

    Raises:
        JobError: If nothing answers.
    """
    if address in ("auto", "local"):
        return
    url = urlsplit(address if "://" in address else f"//{address}")
    try:
        port = url.port or (10_001 if url.scheme == "ray" else DEFAULT_PORT)
        socket.create_connection((url.hostname or "", port), ANSWERS_WITHIN_S).close()
    except (OSError, ValueError) as error:
        raise JobError(
            f"No Ray cluster answers at {address}: {error}.",
            "Check PEAKID_RAY_ADDRESS, and that the head of the cluster is running.",
        ) from error


def refuse_without_client(address: str) -> None:
    """Raise if an address is one of Ray's client, which is a further package.

    Raises:
        ExtraMissing: If it is not installed.
    """
    if urlsplit(address).scheme == "ray" and importlib.util.find_spec("grpc") is None:
        raise ExtraMissing(
            f"The address {address} needs the client of Ray (the package grpcio), which is not installed.",
            f"{INSTALL}. Or name the cluster without ray://, as HEAD:{DEFAULT_PORT}.",
        )


def _no_connection(address: str, error: Exception) -> JobError:
    where = f"the Ray cluster at {address}" if address else "Ray on this machine"
    why = (_first_line(error) or type(error).__name__).rstrip(".")
    return JobError(
        f"There is no connection to {where}: {why}.",
        "Check that it is running, that this machine has the same versions of Python and Ray, and the token"
        " of the cluster (RAY_AUTH_MODE=token and ~/.ray/auth_token), if that has one."
        if address
        else "Try again when the machine is less busy, or use the local engine.",
    )


def _first_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0] if lines else ""
