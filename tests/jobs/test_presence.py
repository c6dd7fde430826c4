"""The lock of the worker: who signed it, and when a newer version takes its place."""

import contextlib
import json
import os
import subprocess
import sys
import time

import psutil
import pytest

import peakid
from peakid.jobs import presence, process, queue, submit
from peakid.jobs.process import Identity

GONE = Identity(2**22 + 1, 1.0, "another boot")


def signature(*, version=peakid.__version__, by=None, age_s=3600.0):
    holder = vars(by or process.own())
    return json.dumps({"version": version, "process": holder, "signed_at": time.time() - age_s}).encode()


@pytest.mark.parametrize("signed", [b"", b"[]", b'{"version": "0.2.0"}'])
def test_a_worker_that_did_not_sign_is_of_an_earlier_version(signed):
    assert presence._is_older(signed)


@pytest.mark.parametrize(
    ("signed", "is_older"),
    [
        ({}, False),
        ({"version": "0.1.9"}, True),
        ({"version": "99.0"}, False),  # Two versions must not end each other's workers in turn.
        ({"by": GONE}, True),  # It ended, and a worker that does not sign has the lock now.
        ({"by": GONE, "age_s": 0}, False),  # Its starter ended before it could sign.
        ({"by": GONE, "age_s": 50}, False),
        ({"by": GONE, "age_s": 70}, True),
    ],
)
def test_a_signature_says_whether_its_holder_is_of_an_earlier_version(signed, is_older):
    assert presence._is_older(signature(**signed)) == is_older


def test_versions_are_compared_by_their_numbers():
    assert presence._numbers("0.9.1") < presence._numbers("0.10.0")


def test_whoever_takes_the_lock_signs_it(workspace):
    lock = presence.take(workspace)
    assert presence.take(workspace) is None
    assert not presence.end_older(workspace)
    os.close(lock)
    again = presence.take(workspace)
    signed = json.loads((workspace.path / presence.LOCK_NAME).read_bytes())
    assert (signed["version"], signed["process"]["pid"]) == (peakid.__version__, os.getpid())
    os.close(again)


def test_a_longer_signature_of_before_leaves_nothing_behind(workspace):
    (workspace.path / presence.LOCK_NAME).write_bytes(signature() + b" " * 500 + b"x")
    lock = presence.take(workspace)
    assert json.loads((workspace.path / presence.LOCK_NAME).read_bytes())["version"] == peakid.__version__
    os.close(lock)


def test_polling_starts_a_worker_at_most_every_three_seconds(workspace, monkeypatch):
    assert presence.may_start(workspace.path)
    monkeypatch.setitem(presence._started_at, (workspace.path, presence.WORKER), time.monotonic() - 2.5)
    assert not presence.may_start(workspace.path)
    monkeypatch.setitem(presence._started_at, (workspace.path, presence.WORKER), time.monotonic() - 3.5)
    assert presence.may_start(workspace.path)


@pytest.mark.slow
@pytest.mark.usefixtures("real_workers")
def test_a_worker_of_an_earlier_version_hands_over_and_its_job_continues(
    workspace, stored, hold, until, processes
):
    held = hold(stored[0])
    running, waiting = (submit.verify(workspace).job_id for _ in range(2))
    until(held.is_reached)
    [old] = processes("worker")
    (workspace.path / presence.LOCK_NAME).write_bytes(b"")  # As before 0.3, when a worker did not sign.
    other = subprocess.Popen(
        [sys.executable, "-c", "import time; time.sleep(60)", "peakid.jobs.worker", "--workspace", "/other"]
    )
    try:
        added = submit.verify(workspace).job_id
        assert not old.is_running() or old.status() == psutil.STATUS_ZOMBIE
        until(lambda: processes("worker"))
        assert other.poll() is None  # A worker of another workspace is left alone.
        held.let_go()
        assert [queue.wait(workspace, each).state for each in (running, waiting, added)] == ["done"] * 3
        assert queue.log_tail(workspace, running).count(" starts in process ") == 1
    finally:
        with contextlib.suppress(ProcessLookupError):
            other.kill()
        other.wait()
