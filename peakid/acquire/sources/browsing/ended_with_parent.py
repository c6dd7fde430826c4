"""Run ChromeDriver until the parent process ends, by whatever reason; then end the browser and its folder.

Started as a script of its own with a folder and a command. The standard input is a pipe that the parent
holds: it closes when the parent closes it, exits or is killed, and no signal is needed for that.
"""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil


def main(folder: str, command: list[str]) -> None:
    """Start the command with its output in `driver.log` of the folder, and wait for the end of the input."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the parent, which closes the browser.
    with (Path(folder) / "driver.log").open("wb") as log:
        driver = subprocess.Popen(
            ["env", f"TMPDIR={folder}", *command],  # What Chromium writes there is removed with the folder.
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        sys.stdin.buffer.read()
    finally:
        end(folder, driver.pid)


def end(folder: str, driver_pid: int) -> None:
    """Kill the driver, and every process that uses a profile in the folder; remove the folder."""
    for _ in range(50):
        found = [each for each in psutil.process_iter() if _is_of(each, folder, driver_pid)]
        if not found:
            break
        for process in found:
            with contextlib.suppress(psutil.Error):
                process.kill()
        psutil.wait_procs(found, timeout=0.5)
    for _ in range(20):  # A process that was killed may still be writing its last file.
        shutil.rmtree(folder, ignore_errors=True)
        if not Path(folder).exists():
            return
        time.sleep(0.1)


def _is_of(process: psutil.Process, folder: str, driver_pid: int) -> bool:
    if process.pid == os.getpid():
        return False
    try:
        if process.status() == psutil.STATUS_ZOMBIE:
            return False
        return process.pid == driver_pid or any(folder in each for each in process.cmdline())
    except psutil.Error:
        return False


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
