"""No path and no size in a zip archive is trusted."""

import io
import stat
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from peakid.acquire import archive, reading
from peakid.errors import BadArchive, BadInput, NothingToImport
from peakid.imaging import inspection
from peakid.records import ImportReport
from peakid.store import images
from peakid.store.workspace import Workspace

Draw = Callable[..., bytes]


def pack(path: Path, members: dict[str, bytes], compression: int = zipfile.ZIP_STORED) -> Path:
    with zipfile.ZipFile(path, "w", compression) as target:
        for name, data in members.items():
            target.writestr(name, data)
    return path


def import_(workspace: Workspace, path: Path) -> ImportReport:
    return archive.import_zip(workspace, path, actor="human:tester")


def reasons(report: ImportReport) -> dict[str, str]:
    return {row.path: row.reason for row in report.rejections}


def labels(workspace: Workspace) -> dict[str, tuple[str | None, str | None]]:
    return {
        row["path"]: (row["label"], row["split"])
        for row in workspace.query("SELECT path, label, split FROM origin")
    }


def test_a_zip_may_be_arranged_like_a_folder(workspace: Workspace, tmp_path: Path, draw: Draw) -> None:
    members = {
        "data/train/sea/1.jpg": draw(1),
        "data/test/sea/2.jpg": draw(2),
        "data/test/river/3.jpg": draw(3),
    }
    report = import_(workspace, pack(tmp_path / "a.zip", members))
    assert (report.n_added, report.n_known, report.n_rejected) == (3, 0, 0)
    assert labels(workspace) == {
        "data/train/sea/1.jpg": ("sea", "train"),
        "data/test/sea/2.jpg": ("sea", "test"),
        "data/test/river/3.jpg": ("river", "test"),
    }
    assert images.read_bytes(workspace, inspection.digest_of(draw(1))) == draw(1)


def test_a_second_import_adds_nothing(workspace: Workspace, tmp_path: Path, draw: Draw) -> None:
    path = pack(tmp_path / "a.zip", {"sea/1.jpg": draw(1), "sea/x.txt": b"no"})
    import_(workspace, path)
    report = import_(workspace, path)
    assert (report.n_added, report.n_known, report.n_rejected) == (0, 1, 1)
    assert len(workspace.query("SELECT id FROM rejection")) == 1


def test_files_that_point_outside_are_rejected_and_the_rest_is_imported(
    workspace: Workspace, tmp_path: Path, draw: Draw
) -> None:
    members = {
        "../up.jpg": draw(1),
        "/etc/abs.jpg": draw(2),
        "sea/../../x.jpg": draw(3),
        "C:\\w.jpg": draw(4),
        "sea/ok.jpg": draw(5),
    }
    report = import_(workspace, pack(tmp_path / "a.zip", members))
    assert set(reasons(report).values()) == {"unsafe_path"}
    assert (report.n_added, report.n_rejected) == (1, 4)
    assert labels(workspace) == {"sea/ok.jpg": ("sea", None)}
    assert not (tmp_path.parent / "up.jpg").exists()


def test_links_are_rejected(workspace: Workspace, tmp_path: Path, draw: Draw) -> None:
    link = zipfile.ZipInfo("sea/link.jpg")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as target:
        target.writestr(link, "/etc/passwd")
        target.writestr("sea/1.jpg", draw(1))
    assert reasons(import_(workspace, tmp_path / "a.zip")) == {"sea/link.jpg": "unsafe_path"}


def test_a_zip_bomb_is_rejected_before_it_is_unpacked(
    workspace: Workspace, tmp_path: Path, draw: Draw
) -> None:
    members = {"sea/bomb.jpg": b"\0" * (11 * 2**20), "sea/1.jpg": draw(1)}
    report = import_(workspace, pack(tmp_path / "a.zip", members, zipfile.ZIP_DEFLATED))
    assert reasons(report) == {"sea/bomb.jpg": "too_large"}
    assert "unpacks to 11,534,336 bytes" in report.rejections[0].detail


def test_files_added_by_macos_are_one_hidden_rejection(
    workspace: Workspace, tmp_path: Path, draw: Draw
) -> None:
    members = {
        "sea/1.jpg": draw(1),
        "__MACOSX/sea/._1.jpg": b"x",
        "__MACOSX/._sea": b"x",
        "sea/.DS_Store": b"x",
    }
    report = import_(workspace, pack(tmp_path / "a.zip", members))
    assert reasons(report) == {"__MACOSX": "hidden", "sea/.DS_Store": "hidden"}
    assert labels(workspace) == {"sea/1.jpg": ("sea", None)}


def test_an_archive_inside_is_not_opened(workspace: Workspace, tmp_path: Path, draw: Draw) -> None:
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w") as target:
        target.writestr("1.jpg", draw(1))
    report = import_(
        workspace, pack(tmp_path / "a.zip", {"more.zip": inner.getvalue(), "sea/1.jpg": draw(2)})
    )
    assert [(row.path, row.reason, row.detail) for row in report.rejections] == [
        ("more.zip", "not_an_image", "a zip archive; unpack it first")
    ]


def test_a_damaged_file_does_not_affect_the_others(workspace: Workspace, tmp_path: Path, draw: Draw) -> None:
    path = pack(tmp_path / "a.zip", {"sea/1.jpg": draw(1), "sea/2.jpg": draw(2)})
    data = bytearray(path.read_bytes())
    data[data.index(draw(1)) + 100] ^= 0xFF  # Its checksum no longer fits.
    path.write_bytes(bytes(data))
    report = import_(workspace, path)
    assert reasons(report) == {"sea/1.jpg": "unreadable"}
    assert report.n_added == 1


def test_an_encrypted_file_is_rejected_with_the_reason(
    workspace: Workspace, tmp_path: Path, draw: Draw
) -> None:
    path = pack(tmp_path / "a.zip", {"sea/1.jpg": draw(1)})
    data = bytearray(path.read_bytes())
    data[6] |= 1  # General purpose flag in the local header ...
    data[data.rindex(b"PK\x01\x02") + 8] |= 1  # ... and in the directory.
    path.write_bytes(bytes(data))
    assert "encrypted" in import_(workspace, path).rejections[0].detail


def test_a_corrupt_zip_a_missing_one_and_an_empty_one_are_different_errors(
    workspace: Workspace, tmp_path: Path, draw: Draw
) -> None:
    whole = pack(tmp_path / "a.zip", {"sea/1.jpg": draw(1)}).read_bytes()
    (tmp_path / "cut.zip").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "text.zip").write_bytes(b"not a zip")
    for name in ("cut.zip", "text.zip"):
        with pytest.raises(BadArchive, match="cannot be read as a zip"):
            import_(workspace, tmp_path / name)
    with pytest.raises(BadInput, match="There is no file"):
        import_(workspace, tmp_path / "gone.zip")
    with pytest.raises(NothingToImport, match="has no files"):
        import_(workspace, pack(tmp_path / "empty.zip", {"folder/": b""}))


def test_members_that_share_bytes_are_rejected_but_for_the_first(
    workspace: Workspace, tmp_path: Path, draw: Draw
) -> None:
    path = pack(tmp_path / "a.zip", {"sea/0001.jpg": draw(1), "river/1.jpg": draw(2)})
    data = path.read_bytes()
    start = data.index(b"PK\x01\x02")
    size = data.index(b"PK\x01\x02", start + 4) - start
    entry, end = data[start : start + size], data[data.rindex(b"PK\x05\x06") :]
    copies = b"".join(entry.replace(b"0001", b"%04d" % n) for n in range(2, 2001))
    directory = data[start : len(data) - len(end)] + copies
    counts = struct.pack("<HHII", 2001, 2001, len(directory), start)
    path.write_bytes(data[:start] + directory + end[:8] + counts + end[20:])
    report = import_(workspace, path)
    assert (report.n_added, report.n_rejected) == (2, 1999)
    assert {row.detail for row in report.rejections} == {"shares its bytes with another file of the archive"}


def test_an_archive_unpacks_to_a_limited_total(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "TOTAL_FREE_BYTES", 2500)
    members = [zipfile.ZipInfo(f"{n}.jpg") for n in range(4)]
    for n, member in enumerate(members):
        member.header_offset, member.compress_size, member.file_size = 100 * n, 10, 1000
    found = reading.member_rejections(members, 40)
    assert found == [None, None, *[("too_large", "the archive unpacks to more than 2,500 bytes")] * 2]
