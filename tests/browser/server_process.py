"""Servers of the app that share their imports: each is forked from a process that has made them once.

They cost 3 s of a core, and the browser tests start dozens of servers. The commands that users type start in
processes of their own in `test_wheel.py` and `test_password.py`.
"""

import os
import runpy
import sys
from collections.abc import Mapping
from multiprocessing.context import ForkServerProcess
from pathlib import Path

from peakid.resources import PROJECT_ROOT
from tests.forked import Forks

FORKS = Forks("tests.browser.server_imports")


def start(arguments: list[str], environment: Mapping[str, str], log: Path) -> ForkServerProcess:
    """Run `streamlit` with arguments in the folder of the project; what it prints is in the file `log`."""
    log.write_bytes(b"")
    return FORKS.start(_run, arguments, out=log, environment=environment)


def _run(arguments: list[str]) -> None:
    os.chdir(PROJECT_ROOT)
    sys.argv = ["streamlit", *arguments]
    runpy.run_module("streamlit", run_name="__main__")
