"""A file is replaced completely or not at all."""

import errno
import os
import re
from pathlib import Path

import pytest

from peakid import files


def test_a_file_is_replaced_and_no_temporary_file_is_left(tmp_path: Path) -> None:
    path = tmp_path / "new folder" / "card.json"
    files.write_json(path, {"name": "Mönch"})
    files.write_text(path, "second", is_synced=True)
    assert path.read_text() == "second"
    assert [each.name for each in path.parent.iterdir()] == ["card.json"]


def test_an_error_while_writing_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "weights"
    files.write_bytes(path, b"old")
    with pytest.raises(RuntimeError, match="full"), files.replacing(path) as part:  # noqa: PT012
        part.write_bytes(b"ne")
        raise RuntimeError("full")
    assert path.read_bytes() == b"old"
    assert [each.name for each in tmp_path.iterdir()] == ["weights"]


def test_readers_see_the_old_file_until_the_new_one_is_complete(tmp_path: Path) -> None:
    path = tmp_path / "weights"
    files.write_bytes(path, b"old")
    with files.replacing(path) as part:
        part.write_bytes(b"new")
        assert path.read_bytes() == b"old"
    assert path.read_bytes() == b"new"


@pytest.mark.parametrize(
    ("code", "message", "remedy"),
    [
        (errno.ENOSPC, r"The disk is full: /nowhere/x cannot be written \([\d,]+ MB free", "Free some space"),
        (errno.EDQUOT, "The quota of this user is used up: /nowhere/x", "Free some space"),
        (errno.EROFS, "/nowhere/x is on a disk that is mounted read-only", "Make the disk writable"),
        (errno.EACCES, "/nowhere/x cannot be opened or written: Permission denied", "permissions"),
        (errno.EIO, "The disk does not read or write /nowhere/x", "backup to another disk"),
    ],
)
def test_an_error_of_a_disk_is_explained(code: int, message: str, remedy: str) -> None:
    error = OSError(code, os.strerror(code), "/nowhere/x")
    found = files.explained(error, Path("/elsewhere"))
    assert found is not None
    assert re.match(message, found.message)
    assert remedy in found.remedy


def test_an_error_without_a_path_names_where_the_program_writes() -> None:
    found = files.explained(OSError(errno.ENOSPC, "No space left on device"), Path("/elsewhere/y"))
    assert found is not None
    assert "/elsewhere/y" in found.message


def test_a_missing_file_is_about_no_disk() -> None:
    assert files.explained(FileNotFoundError(errno.ENOENT, "No such file", "/x"), Path("/")) is None


def test_a_full_device_is_explained(tmp_path: Path) -> None:
    with (
        pytest.raises(OSError, match="No space") as caught,
        Path("/dev/full").open("wb", buffering=0) as full,
    ):
        full.write(b"x")
    found = files.explained(caught.value, tmp_path / "out")
    assert found is not None
    assert found.message.startswith("The disk is full")


def test_a_disk_is_flushed(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"x")
    files.sync_disk(tmp_path)
    with pytest.raises(FileNotFoundError):
        files.sync_disk(tmp_path / "nowhere")
