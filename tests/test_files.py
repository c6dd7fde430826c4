"""A file is replaced completely or not at all; only regular files up to a size are read."""

import errno
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
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


def refused(number: int, *, after: int = 0) -> Callable[..., int]:
    """Return what the kernel's copy does after copying so many bytes: it fails, or (0) copies no more."""
    copy = os.copy_file_range

    def copied(source: int, target: int, count: int, at: int, to: int) -> int:
        if at < after:
            return copy(source, target, after, at, to)
        if number:
            raise OSError(number, os.strerror(number))
        return 0

    return copied


@pytest.mark.skipif(not hasattr(os, "copy_file_range"), reason="only Linux has it")
@pytest.mark.parametrize("after", [0, 4])
@pytest.mark.parametrize(
    "number", [0, errno.EXDEV, errno.ENOSYS, errno.EINVAL, errno.EOPNOTSUPP, errno.EPERM]
)
def test_a_copy_is_whole_where_the_kernel_cannot_make_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, after: int
) -> None:
    monkeypatch.setattr(os, "copy_file_range", refused(number, after=after))
    check_copy(tmp_path)


def test_a_copy_has_bytes_times_and_permissions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if hasattr(os, "copy_file_range"):  # Then the kernel copies, which shares the blocks where it can.
        monkeypatch.setattr(shutil, "copyfileobj", None)
    check_copy(tmp_path)


def test_a_copy_without_the_call_of_linux(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "copy_file_range", raising=False)
    check_copy(tmp_path)


def check_copy(folder: Path) -> None:
    """Copy a file and an empty one; a longer file is in the place of the first."""
    source, target = folder / "photo.jpg", folder / "copy.jpg"
    for content in (b"photograph", b""):
        source.write_bytes(content)
        source.chmod(0o640)
        os.utime(source, ns=(10**18, 10**18 + 7))
        target.write_bytes(b"a longer file was here")
        files.copy(source, target)
        assert target.read_bytes() == content
        assert (target.stat().st_mtime_ns, target.stat().st_mode & 0o777) == (10**18 + 7, 0o640)


def test_a_full_disk_ends_a_copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "copy_file_range", refused(errno.ENOSPC, after=4), raising=False)
    (tmp_path / "photo.jpg").write_bytes(b"photograph")
    with pytest.raises(OSError, match="No space left") as raised:
        files.copy(tmp_path / "photo.jpg", tmp_path / "copy.jpg")
    assert raised.value.errno == errno.ENOSPC


def test_a_pipe_is_not_copied(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "photo.jpg")
    with pytest.raises(OSError, match="not a regular file"):
        files.copy(tmp_path / "photo.jpg", tmp_path / "copy.jpg")
    assert not (tmp_path / "copy.jpg").exists()


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


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError("Error while serializing: I/O error: No space left on device (os error 28)"),
        OSError("800000 requested and 4096 written"),
        RuntimeError("[enforce fail at inline_container.cc:664] . PytorchStreamWriter failed writing file"),
    ],
    ids=["safetensors", "numpy", "torch"],
)
def test_a_full_disk_under_a_library_that_writes_files_itself_is_explained(
    error: Exception, tmp_path: Path
) -> None:
    found = files.explained(error, tmp_path / "out")
    assert found is not None
    assert found.message.startswith(f"The disk is full: {tmp_path / 'out'} cannot be written (")


def test_an_error_that_is_about_no_disk_stays_what_it_is(tmp_path: Path) -> None:
    assert files.explained(ValueError("shapes (2,) and (3,) differ"), tmp_path) is None


def test_a_disk_is_flushed(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"x")
    files.sync_disk(tmp_path)
    with pytest.raises(FileNotFoundError):
        files.sync_disk(tmp_path / "nowhere")


def test_a_regular_file_up_to_the_limit_is_read(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"12345")
    assert files.read_regular(tmp_path / "a", 5) == b"12345"
    with pytest.raises(OSError, match="5 bytes, over the limit of 4") as raised:
        files.read_regular(tmp_path / "a", 4)
    assert raised.value.errno == errno.EFBIG


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_pipe_a_device_and_a_folder_are_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "zero").symlink_to("/dev/zero")
    for path in (tmp_path / "pipe", tmp_path / "zero", tmp_path):
        with pytest.raises(OSError, match="not a regular file"):
            files.read_regular(path, 100)


def test_a_link_is_followed_only_where_that_is_allowed(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"1")
    (tmp_path / "link").symlink_to(tmp_path / "a")
    assert files.read_regular(tmp_path / "link", 5) == b"1"
    with pytest.raises(OSError, match="link") as raised:
        files.read_regular(tmp_path / "link", 5, follow_links=False)
    assert raised.value.errno == errno.ELOOP


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs /proc")
def test_a_file_whose_size_is_not_known_is_read_up_to_the_limit() -> None:
    with pytest.raises(OSError, match="over the limit of 10 bytes"):
        files.read_regular(Path("/proc/self/status"), 10)


def test_a_name_with_a_zero_byte_is_an_error_of_the_system(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="null"):
        files.read_regular(tmp_path / "a\0b", 10)


def test_a_path_of_an_unknown_user_is_a_path_below_the_working_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", "/home/anna")
    assert files.expanded("~nobody-here/photos") == tmp_path / "~nobody-here" / "photos"
    assert files.expanded("~/photos") == Path("/home/anna/photos")
    assert files.expanded("photos") == tmp_path / "photos"
    assert not files.is_regular(Path("a" * 5000))
    assert not files.is_regular(Path("a\x00b"))


def test_only_files_expands_a_home_folder_because_pathlib_raises_for_an_unknown_user():
    package = Path(files.__file__).parent
    users = [path.name for path in package.rglob("*.py") if ".expanduser()" in path.read_text("utf-8")]
    assert users == ["files.py"]


def test_what_killed_processes_left_is_removed_and_nothing_else(tmp_path: Path) -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    names = {
        f".a.jpg.{gone.pid}-140.part": False,
        f".a.jpg.{os.getpid()}-140.part": True,  # A process that may still be writing.
        ".a.jpg.part": True,  # Not named by `replacing`.
        f"a.jpg.{gone.pid}-140.part": True,  # A file of the user.
        "a.jpg": True,
    }
    for name in names:
        (tmp_path / name).write_bytes(b"half")
        os.utime(tmp_path / name, (1, 1))
    fresh = tmp_path / f".b.jpg.{gone.pid}-140.part"
    fresh.write_bytes(b"half")
    assert files.sweep([tmp_path, tmp_path / "missing"]) == 1
    assert {name: (tmp_path / name).exists() for name in names} == names
    assert fresh.exists()
