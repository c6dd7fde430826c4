"""A file is replaced completely or not at all."""

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
