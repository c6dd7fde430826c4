"""Names in a zip archive without the mark of UTF-8 are read as UTF-8, then with the code page that fits."""

import io
import struct
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest

from peakid.acquire import archive, zip_names
from peakid.store.workspace import Workspace

Draw = Callable[..., bytes]


def zipped(names: list[bytes], data: bytes = b"x") -> bytes:
    """A zip with these folder names as they are, without the mark of UTF-8; each has a file `1.jpg`."""
    buffer, tokens = io.BytesIO(), {}
    with zipfile.ZipFile(buffer, "w") as target:
        for n, name in enumerate(names):
            tokens[token := chr(ord("A") + n) * len(name)] = name
            target.writestr(f"{token}/1.jpg", data + bytes([n]))
    content = buffer.getvalue()
    for token, name in tokens.items():
        content = content.replace(token.encode() + b"/", name + b"/")
    return content


def folders(content: bytes) -> tuple[list[str], list[str]]:
    with zipfile.ZipFile(io.BytesIO(content)) as opened:
        found = zip_names.read(opened.infolist())
    return [name.split("/")[0] for name in found.names], [note.message for note in found.notes]


def test_utf8_comes_first_and_is_not_doubtful() -> None:
    names = ["Z\u00fcrich", "富士山", "Казбек"]
    assert folders(zipped([name.encode() for name in names])) == (names, [])
    assert folders(zipped([b"plain"])) == (["plain"], [])


@pytest.mark.parametrize(
    ("encoding", "names"),
    [
        ("cp437", ["Zürich", "Genève"]),
        ("cp850", ["São Paulo", "Århus"]),
        ("cp1252", ["Zürich", "Genève", "São Tomé"]),
        ("shift_jis", ["富士山", "阿蘇山"]),
        ("shift_jis", ["さくら", "キリン", "桜"]),
        ("shift_jis", ["表", "能登"]),  # Its second byte is a backslash.
        ("cp866", ["Казбек", "Эльбрус"]),
        ("cp1251", ["Казбек", "Эльбрус"]),
        ("cp852", ["Łódź", "Kraków"]),
        ("cp1250", ["Łódź", "Kraków"]),
        ("cp1253", ["Όλυμπος", "Αθήνα"]),
        ("gbk", ["泰山", "黄山", "熊猫"]),  # The first alone is valid UTF-8 as well.
        ("big5", ["玉山", "雪山", "熊貓"]),
    ],
)
def test_other_names_are_read_with_the_code_page_that_gives_words_and_told(
    encoding: str, names: list[str]
) -> None:
    found, [message] = folders(zipped([name.encode(encoding) for name in names]))
    assert found == names
    assert "do not say their encoding" in message
    assert names[0] in message


def test_where_two_code_pages_are_as_likely_both_readings_are_told() -> None:
    _, [message] = folders(zipped([name.encode("cp949") for name in ("설악산", "한라산")]))
    assert "설악산" in message.split("As likely:")[1]


def test_the_unicode_path_of_info_zip_is_used_if_it_belongs_to_the_name() -> None:
    raw, name = b"Z?rich", "Zürich"
    member = zipfile.ZipInfo("Z?rich")
    field = b"\1" + struct.pack("<I", zlib.crc32(raw)) + name.encode()
    member.extra = struct.pack("<HH", zip_names.UNICODE_PATH, len(field)) + field
    assert list(zip_names.read([member]).names) == [name]
    other = zipfile.ZipInfo("Bern")
    other.extra = member.extra
    assert list(zip_names.read([other]).names) == ["Bern"]
    other.extra = member.extra[:9]
    assert list(zip_names.read([other]).names) == ["Bern"]


def test_classes_of_such_an_archive_have_their_names(
    workspace: Workspace, tmp_path: Path, draw: Draw
) -> None:
    path = tmp_path / "a.zip"
    path.write_bytes(zipped(["Казбек".encode("cp866"), "Эльбрус".encode("cp866")], draw(1)))
    reading = archive.import_zip(workspace, path, actor="human:anna").reading
    assert list(reading.classes) == ["Казбек", "Эльбрус"]
    assert [note.kind for note in reading.doubtful] == ["file_names"]


def test_a_name_that_is_not_utf8_in_its_own_header_rejects_that_file_only(
    workspace: Workspace, tmp_path: Path, draw: Draw
) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as target:
        target.writestr("S\u00e4ntis/1.jpg", draw(1))
        target.writestr("dom/2.jpg", draw(2))
    data = path.read_bytes()
    path.write_bytes(data.replace("S\u00e4".encode(), b"S\xff\xff", 1))  # The local header comes first.
    report = archive.import_zip(workspace, path, actor="human:anna")
    assert (report.n_added, [row.reason for row in report.rejections]) == (1, ["unreadable"])
