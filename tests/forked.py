"""Processes that a test may kill: forks of the test's own, which have every module at once."""

import multiprocessing
from collections.abc import Callable
from multiprocessing.context import ForkProcess

from peakid.imaging import decoder, gate
from peakid.store.workspace import Workspace


def start(work: Callable[[], object], *carried: Workspace) -> ForkProcess:
    """Run a function in a fork of this process.

    Args:
        carried: Workspaces that are open here. A connection to SQLite must not be used in two processes.
    """
    for each in carried:
        each.close()

    def run() -> None:
        gate._shared.clear()  # The threads that feed decoders are not in this process: it starts its own.
        decoder._idle.clear()
        work()

    process = multiprocessing.get_context("fork").Process(target=run, daemon=True)
    process.start()
    return process
