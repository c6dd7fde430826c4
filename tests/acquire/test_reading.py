"""A path that a person gives is a folder, a file, or an error in words."""

import os
from pathlib import Path

import pytest

from peakid.acquire import reading
from peakid.errors import BadInput


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("~no-such-user/x", "There is no"),
        ("x" * 300, "cannot be opened: File name too long"),
        ("/" + "a/" * 3000, "cannot be opened: File name too long"),
        ("a\0b", "There is no"),
        (os.fsdecode(b"/tmp/a\xff"), r"/tmp/a\xff."),
        (__file__ + "/x", "There is no"),
    ],
)
def test_a_path_that_cannot_be_opened_is_an_error_in_words(path: str, said: str) -> None:
    for check in (reading.checked_folder, reading.checked_file):
        with pytest.raises(BadInput) as raised:
            check(Path(path))
        assert said in raised.value.message
        assert raised.value.remedy


def test_a_circular_link_is_an_error_in_words(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to(tmp_path / "a")
    with pytest.raises(BadInput, match="cannot be opened"):
        reading.checked_folder(tmp_path / "a")


def test_a_file_that_becomes_a_pipe_after_its_check_does_not_block(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(b"1")
    assert reading.rejection(tmp_path, "a.jpg") is None
    read = reading.reader(tmp_path / "a.jpg")
    (tmp_path / "a.jpg").unlink()
    os.mkfifo(tmp_path / "a.jpg")
    with pytest.raises(OSError, match="not a regular file"):
        read()


def test_a_search_lists_visible_files_and_ends_at_its_depth(tmp_path: Path) -> None:
    deep = tmp_path.joinpath(*["d"] * (reading.MAX_DEPTH + 2))
    deep.mkdir(parents=True)
    for file in (tmp_path / "a.jpg", tmp_path / ".hidden", tmp_path / "d" / "b.jpg", deep / "c.jpg"):
        file.write_bytes(b"")
    assert list(reading.paths_below(tmp_path)) == ["a.jpg", "d/b.jpg"]
