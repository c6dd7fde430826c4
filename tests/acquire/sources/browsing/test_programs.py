"""What is not installed is named with its remedy, and no browser outlives what started it."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from peakid.acquire.sources.browsing import ended_with_parent, programs
from peakid.errors import ExtraMissing


def installed(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).write_text("#!/bin/sh\nexit 1\n")
        (folder / name).chmod(0o755)


def test_what_is_missing_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(programs, "DRIVERS", ("chromedriver",))
    monkeypatch.setitem(sys.modules, "selenium", None)
    with pytest.raises(ExtraMissing, match=r"selenium.*peakid\[browser\]"):
        programs.installed()
    monkeypatch.setitem(sys.modules, "selenium", os)
    with pytest.raises(ExtraMissing, match=r"needs Chromium.*chromium-driver"):
        programs.installed()
    installed(tmp_path, "chromium")
    with pytest.raises(ExtraMissing, match=r"needs ChromeDriver.*chromium-driver"):
        programs.installed()
    installed(tmp_path, "chromedriver")
    assert programs.installed() == programs.Programs(
        str(tmp_path / "chromium"), str(tmp_path / "chromedriver")
    )


@pytest.mark.slow
def test_the_browser_ends_when_its_parent_is_killed(tmp_path: Path) -> None:
    folder = tmp_path / "profile"
    folder.mkdir()
    sleeper = (
        "import subprocess, sys, time; subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(99)',"
    )
    driver = [sys.executable, "-c", f"{sleeper} '{folder}/x'], start_new_session=True); time.sleep(99)"]
    watched = [sys.executable, "-I", ended_with_parent.__file__, str(folder), *driver]
    parent = subprocess.Popen(
        [sys.executable, "-c", f"import subprocess, time; subprocess.Popen({watched!r}, "
         "stdin=subprocess.PIPE, start_new_session=True); time.sleep(99)"]
    )  # fmt: skip

    def using() -> list[psutil.Process]:
        found = []
        for each in psutil.process_iter():
            try:
                command = each.cmdline()
            except psutil.Error:
                continue
            if each.pid not in (os.getpid(), parent.pid) and any(str(folder) in part for part in command):
                found.append(each)
        return found

    until = time.monotonic() + 30
    while len(using()) < 3 and time.monotonic() < until:
        time.sleep(0.05)
    assert len(using()) == 3  # What watches, the driver, and the browser in a session of its own.
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    while (using() or folder.exists()) and time.monotonic() < until:
        time.sleep(0.05)
    assert not using()
    assert not folder.exists()
