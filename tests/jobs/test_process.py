"""Only the process of a job is killed: not another one with its number, and never the caller."""

import dataclasses
import os
import signal
import subprocess
import sys

import pytest

from peakid.jobs import process


def test_the_process_of_a_job_is_killed_with_its_group(sleeper):
    sleeping = sleeper()
    process.kill_group(process.of(sleeping.pid))
    assert sleeping.wait(timeout=10) == -signal.SIGKILL


@pytest.mark.parametrize(
    "changed", [{"boot_id": "another boot"}, {"started_s": 1.0}], ids=["another boot", "a reused pid"]
)
def test_a_process_that_only_has_the_number_of_a_job_is_left_alone(sleeper, changed):
    sleeping = sleeper("trap '' TERM; echo ready; exec sleep 60")
    assert sleeping.stdout.readline() == "ready\n"
    process.kill_group(dataclasses.replace(process.of(sleeping.pid), **changed))
    with pytest.raises(subprocess.TimeoutExpired):
        sleeping.wait(timeout=0.2)


@pytest.mark.slow
def test_a_process_does_not_kill_its_own_group():
    code = "from peakid.jobs import process; process.kill_group(process.own()); print('alive')"
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, start_new_session=True)
    assert (done.returncode, done.stdout) == (0, "alive\n")


def test_a_started_process_leads_its_own_group_without_settings_and_adds_to_its_log(tmp_path, monkeypatch):
    monkeypatch.setenv("PEAKID_WEIGHTS", "/of/the/page")
    log = tmp_path / "logs" / "job-1.log"
    log.parent.mkdir()
    log.write_text("before\n")
    started = process.start(["/bin/sh", "-c", "env; read answer"], log)
    assert os.getsid(started.pid) == os.getpgid(started.pid) == started.pid
    started.wait(timeout=10)  # There is nothing to read: it does not wait for a person.
    lines = log.read_text().splitlines()
    assert lines[0] == "before"
    assert [line for line in lines if line.startswith("PEAKID_")] == []
    assert any(line.startswith("PYTHONPATH=") for line in lines)
