"""Uploads are written in chunks, their names are harmless, and what no import reads can be removed."""

import hashlib
import io
from pathlib import Path

import pytest

from peakid.store.workspace import Workspace
from peakid.web import uploads


class Upload(io.BytesIO):
    """What Streamlit hands over, without its way to read everything at once."""

    def __init__(self, data: bytes, name: str) -> None:
        super().__init__(data)
        self.name, self.most = name, 0

    def read(self, size: int | None = -1) -> bytes:
        assert size is not None
        assert 0 < size <= 2**20
        return super().read(size)

    def getvalue(self) -> bytes:
        raise AssertionError("The whole upload was read at once.")


def test_an_upload_is_copied_in_chunks_to_a_folder_named_after_its_bytes(workspace: Workspace) -> None:
    data = bytes(range(256)) * 10_000
    kept = [uploads.kept(workspace, Upload(data, "photos.zip"), "") for _ in range(2)]  # ty: ignore[invalid-argument-type]
    assert kept[0] == kept[1] == workspace.uploads_dir / hashlib.sha256(data).hexdigest()[:16] / "photos.zip"
    assert kept[0].read_bytes() == data
    assert [path.name for path in workspace.uploads_dir.iterdir()] == [kept[0].parent.name]


@pytest.mark.parametrize(
    "name", ["x" * 400 + ".zip", "../../a.zip", "..\\..\\a.zip", "a\x00b.zip", "", "..", "é" * 200]
)
def test_the_name_of_an_upload_stays_in_its_folder(workspace: Workspace, name: str) -> None:
    kept = uploads.kept(workspace, Upload(b"zip", name), "")  # ty: ignore[invalid-argument-type]
    assert kept.read_bytes() == b"zip"
    assert kept.parent.parent == workspace.uploads_dir


def test_what_no_import_reads_is_listed_and_removed(workspace: Workspace, tmp_path: Path) -> None:
    first, second = (uploads.kept(workspace, Upload(data, "a.zip"), "") for data in (b"1", b"2"))  # ty: ignore[invalid-argument-type]
    assert uploads.left(workspace, {first}) == [second]
    uploads.remove(workspace, second)
    assert uploads.left(workspace, set()) == [first]
    other = tmp_path / "photos.zip"
    other.touch()
    uploads.remove(workspace, other)
    assert other.exists()


def test_the_limit_of_an_upload_is_that_of_a_request_where_it_is_smaller(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert uploads.most_mb() in (200, 500)  # Streamlit's own limit where no server has read the settings.
    monkeypatch.setenv("PEAKID_MAX_BODY_BYTES", str(20 * 2**20))
    assert uploads.most_mb() == 19
