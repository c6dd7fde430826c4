"""A file that hangs, eats memory or crashes affects only itself; the process ends with its parent."""

import contextlib
import functools
import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from peakid.errors import BadInput, DecoderBroken, WorkspaceNotWritable
from peakid.imaging import decoder
from peakid.imaging.decoder import Decoder

WORK = "tests.orders:obey"


def orders(guarded: Decoder, *texts: str) -> list[str]:
    """Submit the orders as files; return the result or the error of each, without the process id."""
    futures = [guarded.submit(functools.partial(bytes, order.encode())) for order in texts]
    return [
        str(getattr(error, "reason", type(error).__name__))
        if (error := f.exception(30))
        else f.result().split(" in ")[0]
        for f in futures
    ]


@pytest.fixture
def guarded():
    made = Decoder(WORK, n_threads=2, limit_s=0.4, limit_bytes=150 * 2**20)
    yield made
    made.close()


@pytest.mark.slow
def test_files_of_a_process_share_its_memory_and_one_that_lacks_it_is_tried_again_alone(guarded):
    guarded.limit_s = 20
    assert orders(guarded, "take 100 0.3", "take 100 0.3", "take 100 0.3") == ["take 100 0.3"] * 3
    assert orders(guarded, "take 200 0.1", "a") == ["too_much_memory", "a"]


def test_an_idle_process_that_keeps_memory_is_ended_and_the_next_file_starts_another(guarded, monkeypatch):
    guarded.limit_s = 20
    monkeypatch.setattr(decoder, "KEPT_BYTES", 40 * 2**20)
    first = guarded.submit(functools.partial(bytes, b"keep 60")).result(30).split()[-1]
    with contextlib.suppress(psutil.NoSuchProcess):  # It may have ended already.
        psutil.Process(int(first)).wait(10)
    assert guarded.submit(functools.partial(bytes, b"a")).result(30).split()[-1] != first


@pytest.mark.slow
def test_a_file_that_hangs_is_rejected_and_the_others_are_decoded(guarded):
    files = ["a", "hang", "b", "c", "d", "e", "f"]
    assert orders(guarded, *files) == ["a", "too_slow", "b", "c", "d", "e", "f"]


@pytest.mark.slow
def test_a_file_that_eats_memory_is_rejected_and_the_others_are_not(guarded):
    guarded.limit_s = 20
    assert orders(guarded, "wait 0.3", "eat 3000", "b") == ["wait 0.3", "too_much_memory", "b"]


@pytest.mark.slow
def test_a_file_that_kills_the_process_is_found_among_the_open_files(guarded):
    files = ["wait 0.1", "crash", "wait 0.1", "b", "crash", "c"]
    assert orders(guarded, *files) == ["wait 0.1", "crashes_decoder", "wait 0.1", "b", "crashes_decoder", "c"]


def test_a_file_that_is_slow_only_once_is_decoded(guarded, tmp_path):
    order = f"once {tmp_path / 'seen'}"
    assert orders(guarded, order) == [order]


def test_one_process_decodes_all_files_until_it_must_be_replaced(guarded):
    def pid() -> int:
        return int(guarded.submit(functools.partial(bytes, b"a")).result(30).split()[-1])

    first = pid()
    assert pid() == first
    orders(guarded, "crash")
    assert pid() != first
    assert first != os.getpid()


def test_an_error_keeps_its_message_and_remedy_between_processes(guarded):
    with pytest.raises(WorkspaceNotWritable) as raised:
        guarded.submit(functools.partial(bytes, b"raise")).result(30)
    assert (raised.value.message, raised.value.remedy) == ("The disk is full.", "Make room.")


def test_an_error_while_reading_is_raised_by_the_future(guarded, tmp_path):
    with pytest.raises(FileNotFoundError):
        guarded.submit((tmp_path / "gone.jpg").read_bytes).result(30)


def test_a_process_that_cannot_start_is_an_error_after_a_few_attempts(capfd):
    broken = Decoder("peakid.no_such_module:inspect", n_threads=1)
    with pytest.raises(DecoderBroken, match="does not start"):
        broken.submit(functools.partial(bytes, b"")).result(60)
    assert "no_such_module" in capfd.readouterr().err


def test_a_closed_decoder_leaves_no_process_behind(guarded):
    orders(guarded, "a")
    child = psutil.Process(int(guarded.submit(functools.partial(bytes, b"a")).result(30).split()[-1]))
    guarded.close()
    gone, alive = psutil.wait_procs([child], timeout=10)
    assert (len(gone), alive) == (1, [])


@pytest.mark.slow
def test_the_process_dies_with_a_parent_that_is_killed():
    code = (
        "import functools, time; from peakid.imaging.decoder import Decoder\n"
        f"future = Decoder({WORK!r}, n_threads=1).submit(functools.partial(bytes, b'a'))\n"
        "print(future.result(60).split()[-1], flush=True)\ntime.sleep(60)"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", code],
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).resolve().parents[2],
    )
    with parent:
        child = psutil.Process(int(parent.stdout.readline()))
        parent.kill()
    gone, alive = psutil.wait_procs([child], timeout=10)
    assert (len(gone), alive) == (1, [])


@pytest.mark.slow
def test_the_process_does_not_import_torch_or_streamlit():
    code = (
        "import sys, peakid.imaging.decoder_child, peakid.acquire.decode_task\n"
        "print([m for m in ('torch', 'streamlit', 'sqlite_utils', 'pandas') if m in sys.modules])"
    )
    finished = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).resolve().parents[2],
    )
    assert finished.stdout == "[]\n"


def test_a_borrowed_decoder_has_one_user_and_keeps_its_process():
    with decoder.borrowed(WORK) as first, decoder.borrowed(WORK) as second:
        assert first is not second
    with decoder.borrowed(WORK) as again:
        assert again is second  # Returned first; only one idle decoder is kept.
        with pytest.raises(BadInput), decoder.borrowed(WORK):
            raise BadInput("x")
