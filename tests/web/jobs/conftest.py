"""No worker takes the jobs that these tests submit."""

import os
from collections.abc import Iterator

import pytest

from peakid.jobs import presence
from peakid.store.workspace import Workspace


@pytest.fixture
def no_worker(workspace: Workspace) -> Iterator[None]:
    lock = presence.take(workspace)
    assert lock is not None
    yield
    os.close(lock)
