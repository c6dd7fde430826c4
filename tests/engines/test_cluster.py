"""A Ray cluster of two nodes on this machine: results through both kinds of address, and a node that is lost.

Each node has one core, so that a map with two workers has one on each. All of it listens on the loopback
interface only.
"""

import contextlib
import dataclasses
import importlib.util
import shutil
import socket
import time
from collections.abc import Iterator
from typing import Any

import psutil
import pytest
from pytest_socket import enable_socket

from peakid.curate import scan
from peakid.dataset import snapshot as snapshots
from peakid.embed import stored
from peakid.engines import opening, ray_pool
from peakid.engines.mapping import Event
from peakid.engines.opening import Engine
from peakid.engines.records import ShardResult, WorkerReady
from peakid.engines.shard_files import ShardFiles, folder_of
from peakid.job_settings import JobSettings
from peakid.jobs.maps import embedding, measuring, predicting
from peakid.records import no_report
from peakid.store import workspace as workspaces
from tests import packaged_set, planted_models

pytestmark = pytest.mark.slow

MEMORY = 80 * 2**20  # Of a node's object store, in bytes.
# A node that is gone is noticed after two seconds, not after half a minute.
CHECKS = {
    "health_check_initial_delay_ms": 500,
    "health_check_period_ms": 500,
    "health_check_failure_threshold": 4,
}


@dataclasses.dataclass
class Nodes:
    """The cluster. `settings` are those of a job by the kind of address."""

    ray: Any
    port: int
    second: Any

    def settings(self, kind: str) -> JobSettings:
        address = self.ray.address if kind == "direct" else f"ray://127.0.0.1:{self.port}"
        return JobSettings(engine="ray", ray_address=address, n_workers=2)


@pytest.fixture(scope="module")
def nodes() -> Iterator[Nodes]:
    if not opening.is_installed():
        pytest.skip("Ray is not installed")
    enable_socket()
    patch = pytest.MonkeyPatch()
    # Otherwise Ray replaces 127.0.0.1 by the address of this machine in its network.
    patch.setenv("RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER", "0")
    ray_pool.library("")  # Sets a token.
    from ray._private import ray_constants
    from ray.cluster_utils import Cluster

    patch.setattr(ray_constants, "ENABLE_RAY_CLUSTER", False)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    common = {"num_cpus": 1, "node_ip_address": "127.0.0.1", "object_store_memory": MEMORY}
    head = common | {"include_dashboard": False, "_system_config": CHECKS}
    if importlib.util.find_spec("grpc"):
        head["ray_client_server_port"] = port
    cluster = Cluster(initialize_head=True, head_node_args=head)
    try:
        # Another address: a connection takes the node that has its own, which must be the head.
        yield Nodes(cluster, port, cluster.add_node(**common | {"node_ip_address": "127.0.0.2"}))
    finally:
        cluster.shutdown()
        patch.undo()


@pytest.fixture(autouse=True)
def own_machine(no_network: object) -> None:
    """Let Ray talk to its processes on this machine."""
    enable_socket()


@pytest.fixture
def copied(workspace, tmp_path):
    """Return a copy of the workspace, as it is now."""

    def copy(name: str) -> workspaces.Workspace:
        shutil.copytree(workspace.path, tmp_path / name)
        return workspaces.open_existing(tmp_path / name)

    return copy


def never() -> bool:
    return False


def measures_by(engine: Engine | None, opened: workspaces.Workspace) -> list[tuple[object, ...]]:
    """Return the measures of a scan, by an engine or by this process alone."""
    with opened.transaction() as connection:
        connection.execute("DELETE FROM image_measure")
    if engine is not None:
        measuring.measure(opened, engine, JobSettings(), report=no_report, should_stop=never, block=2)
    scan.scan(opened)
    return [tuple(row) for row in opened.query("SELECT * FROM image_measure ORDER BY image_id")]


def embeddings_by(engine: Engine, opened: workspaces.Workspace) -> bytes:
    """Return the file of embeddings that an engine computes."""
    known = packaged_set.create(opened)
    missing = stored.missing(opened, known.set_id)
    embedding.compute(opened, engine, known, missing, report=no_report, should_stop=never, block=3)
    (file,) = stored.folder(opened).glob("*.f16")
    return file.read_bytes()


@pytest.mark.parametrize("kind", ["direct", pytest.param("client", marks=pytest.mark.thorough)])
def test_a_scan_on_two_nodes_gives_the_measures_of_this_machine(workspace, fill, copied, nodes, kind):
    if kind == "client":
        pytest.importorskip("grpc", reason="grpcio, which addresses with ray:// need, is not installed")
    fill(river=6, sea=6)
    with opening.opened(nodes.settings(kind)) as engine:
        found = measures_by(engine, copied(kind))
        assert engine.use().n_shards == 6
    assert found == measures_by(None, copied("alone"))
    assert len(found) == 12


@pytest.mark.thorough
@pytest.mark.parametrize("kind", ["direct", "client"])
def test_embeddings_and_predictions_of_two_nodes_are_those_of_this_machine(
    workspace, fill, copied, nodes, tmp_path, kind
):
    if kind == "client":
        pytest.importorskip("grpc", reason="grpcio, which addresses with ray:// need, is not installed")
    fill(river=7, sea=6)
    run_id = planted_models.plant(workspace, snapshots.create(workspace, name="all", actor="human:anna"))
    paths = [tmp_path / f"{number}.png" for number in range(7)]
    for number, path in enumerate(paths):
        path.write_bytes(planted_models.photo(number, is_marked=number % 2 == 1))
    model, found = predicting.of_run(workspace, run_id), {}
    for name, settings in (("local", JobSettings(n_workers=1)), (kind, nodes.settings(kind))):
        with opening.opened(settings) as engine:
            kept = ShardFiles(tmp_path / f"shards-{name}")
            predictions = predicting.predict_with(
                engine, model, paths, kept, JobSettings(), report=no_report, block=2
            )
            found[name] = embeddings_by(engine, copied(name)), predictions
    assert len(found["local"][0]) == 13 * 1280 * 2
    assert found["local"] == found[kind]


class LosingPool:
    """Passes everything on when both workers are there; takes away the second node after a result."""

    def __init__(self, pool: Any, nodes: Nodes) -> None:
        self.pool, self.nodes = pool, nodes
        self.held: list[Event] = []
        self.pids: list[int] = []
        self.lost_pid = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self.pool, name)

    def wait(self, timeout_s: float) -> list[Event]:
        self.held += self.pool.wait(timeout_s)
        self.pids = [event.name.pid for _, event in self.held if isinstance(event, WorkerReady)] or self.pids
        if len(self.pids) < 2:
            return []
        events, self.held = self.held, []
        if not self.lost_pid and any(isinstance(event, ShardResult) for _, event in events):
            raylet = self.nodes.second.all_processes["raylet"][0].process
            of_second = {each.pid for each in psutil.Process(raylet.pid).children(recursive=True)}
            (self.lost_pid,) = of_second & set(self.pids)
            worker = psutil.Process(self.lost_pid)
            self.nodes.ray.remove_node(self.nodes.second, allow_graceful=False)
            worker.wait(60)  # It outlives its node for a moment, in which it could compute all that is left.
        return events


@pytest.mark.thorough
def test_a_node_lost_in_the_middle_is_named_and_its_shards_are_computed_again(workspace, fill, copied, nodes):
    fill(river=15, sea=15)
    opened, settings = copied("lost"), nodes.settings("direct")
    with (
        contextlib.closing(ray_pool.Connection(settings.ray_address)) as connection,
        contextlib.closing(ray_pool.RayPool(connection, settings, n_threads=1)) as pool,
    ):
        assert len(connection.cluster().nodes) == 2
        losing = LosingPool(pool, nodes)
        engine = opening._engine("ray", 2, 1, losing, 1, print)
        found = measures_by(engine, opened)
        use = engine.use()
        deadline = time.monotonic() + 60
        while len(connection.cluster().nodes) > 1 and time.monotonic() < deadline:
            time.sleep(0.2)
        assert len(connection.cluster().nodes) == 1
    assert found == measures_by(None, copied("alone"))
    assert len(found) == 30
    assert (use.n_shards, use.n_retried) == (15, 1)
    (said,) = use.deaths
    assert said.startswith(f"The worker process {losing.lost_pid} on ")
    assert said.endswith("died while it computed a shard of 2 images; another one computes it.")
    assert list(folder_of(opened).glob("*")) == []
