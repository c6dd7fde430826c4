"""Files and objects are read by their location; several are read ahead, in order and within a limit."""

import errno
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from peakid.acquire import folder
from peakid.acquire.objects import importing
from peakid.store import images
from peakid.store.objects import opening, reading
from peakid.store.workspace import Workspace
from peakid.store_urls import parse

URL = parse("memory://read/photos")


def test_a_path_and_a_url_are_read_alike_up_to_a_limit(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"12345")
    for location in (str(tmp_path / "a"), f"file://{tmp_path}/a", parse(f"file://{tmp_path}/a")):
        assert reading.fetch(location) == reading.fetch(location, 5) == b"12345"
        with pytest.raises(OSError, match="limit") as refused:
            reading.fetch(location, 4)
        assert refused.value.errno == errno.EFBIG
    with pytest.raises(FileNotFoundError):
        reading.fetch("memory://read/nothing")


def test_no_more_of_a_large_object_is_read_than_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    system, asked = opening.file_system(URL), []
    contents = system.cat_file
    system.pipe_file(str(URL.inside("large")), bytes(1000))

    def counted(path: str, **options: int) -> bytes:
        data = contents(path, **options)
        asked.append(len(data))
        return data

    monkeypatch.setattr(system, "cat_file", counted)
    with pytest.raises(OSError, match="limit"):
        reading.fetch(URL.inside("large"), 10)
    assert asked == [11]


def test_several_are_read_at_once_and_come_in_order() -> None:
    together = threading.Barrier(4, timeout=5)  # Broken unless four threads read at the same time.

    def read(n: int) -> bytes:
        together.wait()
        return bytes([n])

    found = list(reading.ahead(range(8), read, n_at_once=4))
    assert found == [(n, bytes([n])) for n in range(8)]


def test_an_error_comes_in_its_turn() -> None:
    def read(n: int) -> int:
        if n == 2:
            raise ValueError("two")
        return n

    found = reading.ahead(range(9), read, n_at_once=2)
    assert [next(found), next(found)] == [(0, 0), (1, 1)]
    with pytest.raises(ValueError, match="two"):
        next(found)


def test_what_is_not_taken_yet_stays_below_a_limit() -> None:
    n_read, most = 0, 0
    lock = threading.Lock()

    def read(n: int) -> bytes:
        nonlocal n_read
        with lock:
            n_read += 1
        return bytes(100)

    for taken, _ in enumerate(reading.ahead(range(50), read, n_at_once=2, most_bytes=250), start=1):
        most = max(most, n_read - taken)
    assert n_read == 50
    assert most <= 5


def test_more_threads_read_where_originals_are_far_away(
    workspace: Workspace, tmp_path: Path, draw: Callable[..., bytes]
) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "1.jpg").write_bytes(draw(1))
    folder.import_folder(workspace, tmp_path / "photos", actor="human:anna")
    assert images.n_readers(workspace) is None
    importing.import_store(workspace, parse(f"file://{tmp_path}/photos"), actor="human:anna")
    assert (images.n_readers(workspace) or 0) > 8
