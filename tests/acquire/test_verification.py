"""Moved and renamed files of an in-place folder are found by their bytes; changed ones are reported."""

import os
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from peakid.acquire import folder, roots, verification
from peakid.acquire.verification import Verified
from peakid.curate.duplicates import duplicate_groups
from peakid.errors import BadInput, NotFound
from peakid.imaging import inspection
from peakid.store import images
from peakid.store.workspace import Workspace

Draw = Callable[..., bytes]


def put(root: Path, files: dict[str, bytes]) -> Path:
    for path, data in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(data)
    return root


@pytest.fixture
def photos(workspace: Workspace, tmp_path: Path, draw: Draw) -> Path:
    """river/1.jpg, sea/2.jpg and sea/3.jpg, imported in place."""
    root = put(tmp_path / "photos", {"river/1.jpg": draw(1), "sea/2.jpg": draw(2), "sea/3.jpg": draw(3)})
    folder.import_folder(workspace, root, in_place=True, actor="human:anna")
    return root


def verify(workspace: Workspace) -> Verified:
    return verification.verify(workspace, actor="human:anna")


def paths(workspace: Workspace) -> list[str]:
    return [row["path"] for row in workspace.query("SELECT path FROM origin ORDER BY id")]


def moves(found: Verified) -> list[tuple[str, str]]:
    return [(move.path, move.new_path) for move in found.moved]


def test_an_unchanged_folder_has_no_damage_and_no_moves(workspace: Workspace, photos: Path) -> None:
    assert verify(workspace) == Verified(n_images=3)


def test_a_moved_and_a_renamed_file_are_found_by_their_bytes(
    workspace: Workspace, photos: Path, draw: Draw
) -> None:
    (photos / "river" / "1.jpg").rename(photos / "sea" / "one.jpg")
    (photos / "archive").mkdir()
    (photos / "sea" / "3.jpg").rename(photos / "archive" / "3.jpg")
    found = verify(workspace)
    assert (moves(found), found.damaged) == (
        [("river/1.jpg", "sea/one.jpg"), ("sea/3.jpg", "archive/3.jpg")],
        [],
    )
    assert paths(workspace) == ["sea/one.jpg", "sea/2.jpg", "archive/3.jpg"]
    assert images.read_bytes(workspace, inspection.digest_of(draw(1))) == draw(1)
    assert verify(workspace) == Verified(n_images=3)


def test_the_old_path_of_a_moved_file_is_kept_in_the_history(workspace: Workspace, photos: Path) -> None:
    (photos / "river" / "1.jpg").rename(photos / "a.jpg")
    verify(workspace)
    (photos / "a.jpg").rename(photos / "b.jpg")
    verify(workspace)
    kept = workspace.query("SELECT origin_id, from_path, to_path, actor FROM origin_move ORDER BY id")
    assert [tuple(row) for row in kept] == [
        (1, "river/1.jpg", "a.jpg", "human:anna"),
        (1, "a.jpg", "b.jpg", "human:anna"),
    ]
    for sql in ("DELETE FROM origin_move", "UPDATE origin_move SET from_path = ''"):
        with pytest.raises(sqlite3.IntegrityError, match="append-only"):
            workspace.connection().execute(sql)


def test_two_files_that_swapped_their_names_are_both_found(
    workspace: Workspace, photos: Path, draw: Draw
) -> None:
    (photos / "sea" / "2.jpg").write_bytes(draw(3))
    (photos / "sea" / "3.jpg").write_bytes(draw(2))
    found = verify(workspace)
    assert (moves(found), found.damaged) == ([("sea/2.jpg", "sea/3.jpg"), ("sea/3.jpg", "sea/2.jpg")], [])
    assert images.read_bytes(workspace, inspection.digest_of(draw(2))) == draw(2)


def test_a_moved_file_is_not_a_copy_and_keeps_its_label(workspace: Workspace, photos: Path) -> None:
    (photos / "river" / "1.jpg").rename(photos / "river" / "9.jpg")
    verify(workspace)
    brought = folder.import_folder(workspace, photos, in_place=True, actor="human:anna")
    assert (brought.n_added, brought.n_known) == (0, 3)
    assert duplicate_groups.list_groups(workspace) == []
    assert workspace.query("SELECT COUNT(*) AS n FROM decision")[0]["n"] == 3


def test_a_changed_file_is_damage_and_its_new_bytes_are_a_new_image(
    workspace: Workspace, photos: Path, draw: Draw
) -> None:
    (photos / "sea" / "2.jpg").write_bytes(draw(20))
    (damage,) = verify(workspace).damaged
    assert (damage.digest, damage.path) == (inspection.digest_of(draw(2)), "sea/2.jpg")
    assert damage.reason.startswith("sea/2.jpg was changed")
    assert folder.import_folder(workspace, photos, in_place=True, actor="human:anna").n_added == 1


def test_a_deleted_file_is_damage_and_is_counted_for_its_root(
    workspace: Workspace, photos: Path, draw: Draw
) -> None:
    (photos / "sea" / "2.jpg").unlink()
    (damage,) = verify(workspace).damaged
    assert damage.reason.startswith("sea/2.jpg does not exist, and no other file in")
    (root,) = roots.list_roots(workspace, is_in_place=True)
    assert (root.n_images, root.n_missing, root.is_there) == (3, 1, True)
    put(photos, {"sea/2.jpg": draw(2)})
    assert verify(workspace).damaged == []
    assert roots.list_roots(workspace)[0].n_missing == 0


def test_an_image_with_another_file_is_not_damaged_when_one_is_deleted(
    workspace: Workspace, tmp_path: Path, draw: Draw
) -> None:
    root = put(tmp_path / "photos", {"sea/1.jpg": draw(1), "sea/2.jpg": draw(1)})
    folder.import_folder(workspace, root, in_place=True, actor="human:anna")
    (root / "sea" / "1.jpg").unlink()
    assert verify(workspace) == Verified(n_images=1)


def test_stored_copies_are_checked_and_lost_thumbnails_are_made_again(
    workspace: Workspace, tmp_path: Path, draw: Draw
) -> None:
    root = put(tmp_path / "photos", {"sea/1.jpg": draw(1), "sea/2.jpg": draw(2)})
    folder.import_folder(workspace, root, actor="human:anna")
    one, two = inspection.digest_of(draw(1)), inspection.digest_of(draw(2))
    images.image_path(workspace, one).write_bytes(b"altered")
    thumbnail = images.thumbnail_path(workspace, two)
    before = thumbnail.read_bytes()
    thumbnail.unlink()
    found = verify(workspace)
    assert [(each.digest, each.reason) for each in found.damaged] == [
        (
            one,
            "Its stored bytes no longer match its digest. Import the original file again, or restore a"
            " backup.",
        )
    ]
    assert (found.n_redrawn, thumbnail.read_bytes()) == (1, before)


def test_the_lost_thumbnail_of_a_moved_file_is_made_again(
    workspace: Workspace, photos: Path, draw: Draw
) -> None:
    (photos / "river" / "1.jpg").rename(photos / "a.jpg")
    images.thumbnail_path(workspace, inspection.digest_of(draw(1))).unlink()
    assert verify(workspace).n_redrawn == 1


def test_a_link_that_leaves_the_root_is_not_the_moved_file(
    workspace: Workspace, photos: Path, tmp_path: Path
) -> None:
    (photos / "river" / "1.jpg").rename(tmp_path / "outside.jpg")
    (photos / "linked.jpg").symlink_to(tmp_path / "outside.jpg")
    assert len(verify(workspace).damaged) == 1


def test_a_moved_folder_can_be_relinked(
    workspace: Workspace, photos: Path, tmp_path: Path, draw: Draw
) -> None:
    photos.rename(tmp_path / "elsewhere")
    assert "relink it if it was moved" in verify(workspace).damaged[0].reason
    found = roots.relink(workspace, photos, tmp_path / "elsewhere", actor="human:anna")
    assert (found.n_found, found.n_missing) == (3, 0)
    assert images.read_bytes(workspace, inspection.digest_of(draw(3))) == draw(3)
    assert verify(workspace) == Verified(n_images=3)
    assert [tuple(row) for row in workspace.query("SELECT root_id, from_path, to_path FROM root_move")] == [
        (1, str(photos), str(tmp_path / "elsewhere"))
    ]


def test_relinking_to_a_folder_without_the_files_changes_nothing(
    workspace: Workspace, photos: Path, tmp_path: Path, draw: Draw
) -> None:
    other = put(tmp_path / "other", {"sea/2.jpg": b"another size"})
    part = put(tmp_path / "part", {"sea/2.jpg": draw(2)})
    with pytest.raises(NotFound, match="None of the 3 files"):
        roots.relink(workspace, photos, other, actor="human:anna")
    with pytest.raises(
        BadInput,
        match=r"1 of 3 files are in .*; 2 are missing or have another size, such as river/1.jpg, sea/3.jpg",
    ):
        roots.relink(workspace, photos, part, actor="human:anna")
    with pytest.raises(BadInput, match="is a root already"):
        roots.relink(workspace, photos, photos, actor="human:anna")
    with pytest.raises(NotFound, match="No images were imported from"):
        roots.relink(workspace, tmp_path / "never", part, actor="human:anna")
    assert [root.path for root in roots.list_roots(workspace)] == [str(photos)]
    found = roots.relink(workspace, photos, part, is_partial=True, actor="human:anna")
    assert (found.n_found, found.missing) == (1, ["river/1.jpg", "sea/3.jpg"])


def test_a_changed_stored_copy_is_damage_even_if_the_original_file_is_fine(
    workspace: Workspace, photos: Path, draw: Draw
) -> None:
    folder.import_folder(workspace, photos, actor="human:anna")
    images.image_path(workspace, inspection.digest_of(draw(1))).write_bytes(
        b"altered"
    )  # It is what everything reads.
    assert [damage.path for damage in verify(workspace).damaged] == ["river/1.jpg"]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_pipe_or_a_device_in_place_of_an_image_is_damage_and_does_not_block(
    workspace: Workspace, photos: Path, draw: Draw
) -> None:
    (photos / "river" / "1.jpg").unlink()
    os.mkfifo(photos / "river" / "1.jpg")
    (photos / "sea" / "2.jpg").unlink()
    (photos / "sea" / "2.jpg").symlink_to("/dev/zero")
    assert len(verify(workspace).damaged) == 2
    for seed in (1, 2):
        with pytest.raises(NotFound):
            images.read_bytes(workspace, inspection.digest_of(draw(seed)))


@pytest.fixture
def deep_folder(photos: Path) -> Iterator[Path]:
    """A folder in 1,500 others; Python allows 1,000 nested calls, also to pytest that removes it."""
    opened = [os.open(photos, os.O_RDONLY)]
    for _ in range(1500):
        os.mkdir("d", dir_fd=opened[-1])
        opened.append(os.open("d", os.O_RDONLY, dir_fd=opened[-1]))
        if len(opened) > 2:
            os.close(opened.pop(0))
    yield photos
    while True:
        parent = os.open("..", os.O_RDONLY, dir_fd=opened[-1])
        os.close(opened.pop())
        opened.append(parent)
        os.rmdir("d", dir_fd=parent)
        if os.fstat(parent).st_ino == photos.stat().st_ino:
            break
    for each in opened:
        os.close(each)


def test_a_search_for_moved_files_ends_at_a_depth(workspace: Workspace, deep_folder: Path) -> None:
    (deep_folder / "river" / "1.jpg").rename(deep_folder / "a.jpg")
    assert moves(verify(workspace)) == [("river/1.jpg", "a.jpg")]
