"""Processes that a test may kill: forks of the test's own, which have every module at once."""

import multiprocessing
import os
import sys
from collections.abc import Callable
from multiprocessing.context import ForkProcess
from pathlib import Path

from peakid.imaging import decoder, gate
from peakid.store.workspace import Workspace


def start(work: Callable[[], object], *carried: Workspace, out: Path | None = None) -> ForkProcess:
    """Run a function in a fork of this process.

    Args:
        carried: Workspaces that are open here. A connection to SQLite must not be used in two processes.
        out: Where it prints to.
    """
    for each in carried:
        each.close()

    def run() -> None:
        gate._shared.clear()  # The threads that feed decoders are not in this process: it starts its own.
        decoder._idle.clear()
        if out is not None:
            file = os.open(out, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
            os.dup2(file, 1)
            os.dup2(file, 2)
            sys.stdout, sys.stderr = (os.fdopen(number, "w", closefd=False) for number in (1, 2))
        work()

    process = multiprocessing.get_context("fork").Process(target=run)
    process.start()
    return process
