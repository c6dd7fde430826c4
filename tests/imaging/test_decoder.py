"""A file that hangs, eats memory or crashes costs itself alone; the process that decodes starts again and dies with its parent."""

import functools
import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from peakid.errors import BadInput, DecoderBroken, UnreadableImage, WorkspaceNotWritable
from peakid.imaging import decoder, inspection
from peakid.imaging.decoder import Decoder

WORK = "tests.orders:obey"


def orders(guarded: Decoder, *said: str) -> list[str]:
    """Give the orders as files; answer what became of each, without the process id."""
    futures = [guarded.submit(functools.partial(bytes, order.encode())) for order in said]
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


def test_a_look_from_the_guarded_process_is_the_look_itself(draw):
    assert decoder.inspect(draw(3)) == inspection.inspect(draw(3))


def test_what_is_no_image_is_refused_with_the_same_reason(draw):
    with pytest.raises(UnreadableImage) as refused:
        decoder.inspect(b"<html>")
    assert (refused.value.reason, refused.value.message) == (
        "not_an_image",
        "a web page, an SVG or another text with tags",
    )


def test_a_file_that_hangs_is_refused_and_the_others_are_looked_at(guarded):
    files = ["a", "hang", "b", "c", "d", "e", "f"]
    assert orders(guarded, *files) == ["a", "too_slow", "b", "c", "d", "e", "f"]


def test_a_file_that_eats_memory_is_refused_and_its_neighbour_is_not(guarded):
    guarded.limit_s = 20
    assert orders(guarded, "wait 0.3", "eat 3000", "b") == ["wait 0.3", "too_much_memory", "b"]


def test_a_file_that_kills_the_process_is_found_among_those_in_flight(guarded):
    files = ["wait 0.1", "crash", "wait 0.1", "b", "crash", "c"]
    assert orders(guarded, *files) == ["wait 0.1", "crashes_decoder", "wait 0.1", "b", "crashes_decoder", "c"]


def test_one_slow_moment_condemns_nobody(guarded, tmp_path):
    order = f"once {tmp_path / 'seen'}"
    assert orders(guarded, order) == [order]


def test_the_same_process_serves_until_it_must_be_replaced(guarded):
    def pid() -> int:
        return int(guarded.submit(functools.partial(bytes, b"a")).result(30).split()[-1])

    first = pid()
    assert pid() == first
    orders(guarded, "crash")
    assert pid() != first
    assert first != os.getpid()


def test_an_error_arrives_whole_from_the_other_process(guarded):
    with pytest.raises(WorkspaceNotWritable) as raised:
        guarded.submit(functools.partial(bytes, b"raise")).result(30)
    assert (raised.value.message, raised.value.remedy) == ("The disk is full.", "Make room.")


def test_a_reader_that_fails_raises_where_the_file_was_asked_for(guarded, tmp_path):
    with pytest.raises(FileNotFoundError):
        guarded.submit((tmp_path / "gone.jpg").read_bytes).result(30)


def test_a_process_that_cannot_start_is_said_and_not_tried_for_ever(capfd):
    broken = Decoder("peakid.no_such_module:look", n_threads=1)
    with pytest.raises(DecoderBroken, match="ends before it begins"):
        broken.submit(functools.partial(bytes, b"")).result(60)
    assert "no_such_module" in capfd.readouterr().err


def test_a_closed_decoder_leaves_no_process_behind(guarded):
    orders(guarded, "a")
    child = psutil.Process(int(guarded.submit(functools.partial(bytes, b"a")).result(30).split()[-1]))
    guarded.close()
    gone, alive = psutil.wait_procs([child], timeout=10)
    assert (len(gone), alive) == (1, [])


def test_the_process_dies_with_a_parent_that_is_killed():
    code = (
        "import functools, time; from peakid.imaging.decoder import Decoder\n"
        f"print(Decoder({WORK!r}, n_threads=1).submit(functools.partial(bytes, b'a')).result(60).split()[-1], flush=True)\ntime.sleep(60)"
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


def test_the_process_loads_nothing_of_the_web_or_of_torch():
    code = "import sys, peakid.imaging.decoder_child, peakid.acquire.taking; print([m for m in ('torch', 'streamlit', 'sqlite_utils') if m in sys.modules])"
    said = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).resolve().parents[2],
    )
    assert said.stdout == "[]\n"


def test_a_decoder_is_lent_to_one_user_at_a_time_and_stays_warm():
    with decoder.borrowed(WORK) as first, decoder.borrowed(WORK) as second:
        assert first is not second
    with decoder.borrowed(WORK) as again:
        assert again is second  # Given back first; the other found the place taken.
        with pytest.raises(BadInput), decoder.borrowed(WORK):
            raise BadInput("x")
