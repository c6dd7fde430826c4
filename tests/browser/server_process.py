"""Servers of the app that share their imports: each is forked from a process that has made them once.

They cost 3 s of a core, and the browser tests start dozens of servers. The commands that users type start in
processes of their own in `test_wheel.py` and `test_password.py`.
"""

import multiprocessing
import os
import runpy
import sys
from collections.abc import Mapping
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from types import ModuleType
from unittest import mock

from peakid.resources import PROJECT_ROOT

FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload(["tests.browser.server_imports"])


def start(arguments: list[str], environment: Mapping[str, str], log: Path) -> ForkServerProcess:
    """Run `streamlit` with arguments in the folder of the project; what it prints is in the file `log`."""
    process = FORKS.Process(target=_run, args=(arguments, dict(environment), log))
    # Tests of pages leave a script of theirs as the main module, which the new process would run.
    with mock.patch.dict(sys.modules, {"__main__": ModuleType("__main__")}):
        process.start()
    return process


def _run(arguments: list[str], environment: dict[str, str], log: Path) -> None:
    with log.open("wb") as out:
        os.dup2(out.fileno(), 1)
        os.dup2(out.fileno(), 2)
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(PROJECT_ROOT)
    sys.argv = ["streamlit", *arguments]
    runpy.run_module("streamlit", run_name="__main__")
