"""An import of the original file repairs a stored image; its bytes are on the disk before its row is."""

import ctypes
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from peakid.acquire import folder, verification
from peakid.errors import NotFound
from peakid.imaging import inspection
from peakid.records import ImportReport
from peakid.remedies import action
from peakid.store import damaged_images, images
from peakid.store import workspace as workspaces
from peakid.store.workspace import Workspace

Draw = Callable[..., bytes]
ANNA = "human:anna"


@pytest.fixture
def photos(tmp_path: Path, draw: Draw) -> Path:
    for seed, name in enumerate(["river/1.jpg", "sea/2.jpg", "sea/3.jpg"], 1):
        (tmp_path / "photos" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "photos" / name).write_bytes(draw(seed))
    return tmp_path / "photos"


@pytest.fixture
def stored(workspace: Workspace, photos: Path, draw: Draw) -> Path:
    """The stored copy of the first of three images."""
    folder.import_folder(workspace, photos, actor=ANNA)
    return images.image_path(workspace, inspection.digest_of(draw(1)))


def import_again(workspace: Workspace, photos: Path) -> ImportReport:
    return folder.import_folder(workspace, photos, actor=ANNA)


def damage(file: Path, how: str) -> None:
    data = file.read_bytes()
    if how == "missing":
        file.unlink()
    elif how == "cut":
        file.write_bytes(data[: len(data) // 2])
    elif how == "empty":
        file.write_bytes(b"")
    else:
        file.write_bytes(bytes([data[0] ^ 255]) + data[1:])  # Of the same size.


@pytest.mark.parametrize("how", ["missing", "cut", "empty"])
def test_an_image_of_another_size_is_repaired_at_once(
    workspace: Workspace, photos: Path, stored: Path, draw: Draw, how: str
) -> None:
    damage(stored, how)
    again = import_again(workspace, photos)
    assert (again.n_added, again.n_known, again.n_mended) == (0, 3, 1)
    assert stored.read_bytes() == draw(1)


def test_a_flipped_bit_is_repaired_after_a_check_has_reported_it(
    workspace: Workspace, photos: Path, stored: Path, draw: Draw
) -> None:
    damage(stored, "flipped")
    assert import_again(workspace, photos).n_mended == 0  # Its size is right: only a check reads every byte.
    assert [each.digest for each in verification.verify(workspace, actor=ANNA).damaged] == [stored.name]
    assert damaged_images.digests(workspace) == {stored.name}
    assert import_again(workspace, photos).n_mended == 1
    assert stored.read_bytes() == draw(1)
    assert damaged_images.digests(workspace) == frozenset()
    assert verification.verify(workspace, actor=ANNA).damaged == []
    assert import_again(workspace, photos).n_mended == 0


def test_the_same_bytes_from_another_place_repair_an_image(
    workspace: Workspace, photos: Path, stored: Path, tmp_path: Path, draw: Draw
) -> None:
    damage(stored, "flipped")
    verification.verify(workspace, actor=ANNA)
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "copy.jpg").write_bytes(draw(1))
    assert import_again(workspace, tmp_path / "elsewhere").n_mended == 1
    assert stored.read_bytes() == draw(1)


def test_a_report_ends_with_a_check_that_finds_the_image_sound(
    workspace: Workspace, stored: Path, draw: Draw
) -> None:
    damage(stored, "flipped")
    verification.verify(workspace, actor=ANNA)
    stored.write_bytes(draw(1))
    verification.verify(workspace, actor=ANNA)
    assert damaged_images.digests(workspace) == frozenset()


def test_a_stored_copy_that_is_gone_is_named_as_such(workspace: Workspace, stored: Path) -> None:
    damage(stored, "missing")
    [found] = verification.verify(workspace, actor=ANNA).damaged
    assert found.reason.startswith(f"The stored copy of image {stored.name[:12]} is missing: {stored}.")
    assert "Import the original file again" in found.reason
    with pytest.raises(NotFound) as caught:
        images.read_bytes(workspace, stored.name)
    assert action("import_images") in caught.value.actions


def test_a_stored_file_that_the_database_does_not_know_is_counted(workspace: Workspace, stored: Path) -> None:
    (stored.parent / ("f" * 64)).write_bytes(b"of a newer database")
    assert verification.verify(workspace, actor=ANNA).n_unknown == 1


def test_images_are_flushed_to_the_disk_before_their_rows_are_written(
    workspace: Workspace, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows_at_flush = []
    library = ctypes.CDLL(None, use_errno=True)

    class Watched:
        """The C library, which notes how many rows there are when the disk is flushed."""

        def __init__(self, *args: object, **kwargs: object) -> None: ...

        def syncfs(self, descriptor: int) -> int:
            rows_at_flush.append(workspace.one("SELECT COUNT(*) FROM image")[0])
            return library.syncfs(descriptor)

    monkeypatch.setattr(ctypes, "CDLL", Watched)
    folder.import_folder(workspace, photos, actor=ANNA)
    assert rows_at_flush == [0]
    import_again(workspace, photos)
    assert rows_at_flush == [0]  # Nothing was written.
    assert workspace.one("SELECT COUNT(*) FROM image")[0] == 3


@pytest.mark.parametrize("name", ["thumbs", "images", "runs", "exports", "logs", "cache", "backups"])
def test_a_folder_that_a_copy_left_out_is_made_again(
    workspace: Workspace, photos: Path, stored: Path, name: str
) -> None:
    workspace.close()
    shutil.rmtree(workspace.path / name, ignore_errors=True)
    opened = workspaces.open_existing(workspace.path)
    found = verification.verify(opened, actor=ANNA)
    assert len(found.damaged) == (3 if name == "images" else 0)
    assert found.n_redrawn == (3 if name == "thumbs" else 0)
    again = import_again(opened, photos)
    assert (again.n_known, again.n_rejected, again.n_mended) == (3, 0, 3 if name == "images" else 0)
    assert verification.verify(opened, actor=ANNA).damaged == []


@pytest.mark.parametrize("name", ["thumbs", "images", "cache", "logs"])
def test_a_folder_that_is_removed_while_the_workspace_is_open_is_made_again(
    workspace: Workspace, photos: Path, stored: Path, name: str
) -> None:
    shutil.rmtree(workspace.path / name)
    again = import_again(workspace, photos)
    assert (again.n_known, again.n_rejected) == (3, 0)
    assert verification.verify(workspace, actor=ANNA).damaged == []
    assert len(list(workspace.thumbs_dir.rglob("*.jpg"))) == 3
