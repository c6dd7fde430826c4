"""Processes that a test may kill, with their imports made: each is forked from a server that runs no threads.

A fork of the test's own process would inherit the state of threads that it does not have. PyTorch has used
OpenMP there, and such a fork can end with a segmentation fault.
"""

import contextlib
import faulthandler
import multiprocessing
import os
import runpy
import sys
from collections.abc import Callable, Iterator, Mapping
from multiprocessing import forkserver
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from types import ModuleType
from unittest import mock


class Forks:
    """A server of processes, started with the first of them.

    Args:
        preloaded: Modules that it imports once. Each process has them.
    """

    def __init__(self, *preloaded: str) -> None:
        self._server = forkserver.ForkServer()
        self._server.set_forkserver_preload(list(preloaded))

    def warm(self) -> None:
        """Wait for the imports, so that no test measures them."""
        self.start(abs, 0).join()

    def start(
        self,
        function: Callable[..., object],
        *arguments: object,
        out: Path | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> ForkServerProcess:
        """Run a function of a module in a new process.

        Args:
            out: Where it prints to, after what is there.
            environment: Its variables. Those of this process when missing.
        """
        variables = dict(os.environ if environment is None else environment)
        process = multiprocessing.get_context("forkserver").Process(
            target=_run, args=(function, arguments, out, variables)
        )
        with (
            mock.patch.object(forkserver, "connect_to_new_process", self._server.connect_to_new_process),
            _another_main(),
        ):
            process.start()
        return process


@contextlib.contextmanager
def _another_main() -> Iterator[None]:
    """Replace the main module: tests of pages leave a script there, which a new process would run."""
    main, sys.modules["__main__"] = sys.modules["__main__"], ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main


def _run(
    function: Callable[..., object],
    arguments: tuple[object, ...],
    out: Path | None,
    environment: dict[str, str],
) -> None:
    os.environ.clear()
    os.environ.update(environment)
    if out is not None:
        file = os.open(out, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.dup2(file, 1)
        os.dup2(file, 2)
    faulthandler.enable()  # A process that crashes prints where.
    function(*arguments)


def run_module(name: str, *arguments: str) -> None:
    """Run a module as `python -m name arguments` does."""
    sys.argv = [name, *arguments]
    runpy.run_module(name, run_name="__main__")


TRAINING = Forks("peakid.jobs.child", "peakid.learn.fit")
