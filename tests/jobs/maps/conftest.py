"""Both engines with two workers for all tests of a file: loading PyTorch takes seconds in each of them."""

import contextlib
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pytest_socket import enable_socket

from peakid.engines import opening, ray_pool
from peakid.engines.local_pool import LocalPool
from peakid.store import workspace as workspaces
from peakid.store.workspace import Workspace
from tests.jobs.maps.tried import SETTINGS, Tried, tried


@pytest.fixture(scope="module")
def local() -> Iterator[Tried]:
    with contextlib.closing(LocalPool(SETTINGS, n_threads=1)) as pool:
        yield tried("local", pool)


@pytest.fixture(scope="module")
def ray() -> Iterator[Tried]:
    if not opening.is_installed():
        pytest.skip("Ray is not installed")
    enable_socket()
    with (
        contextlib.closing(ray_pool.Connection("", n_cores=2)) as connection,
        contextlib.closing(ray_pool.RayPool(connection, SETTINGS, n_threads=1)) as pool,
    ):
        yield tried("ray", pool)


@pytest.fixture
def own_machine(no_network: object) -> None:
    """Let Ray talk to its processes; it was told to start on this machine only."""
    enable_socket()


@pytest.fixture
def copies(workspace: Workspace, tmp_path: Path) -> Callable[[str], Workspace]:
    """Return a copy of the workspace, as it is now, for one engine."""

    def copied(name: str) -> Workspace:
        shutil.copytree(workspace.path, tmp_path / name)
        return workspaces.open_existing(tmp_path / name)

    return copied
