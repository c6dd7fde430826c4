"""Files of an in-place folder may be moved, renamed, swapped or changed: each is found by its bytes, or told."""

import sqlite3
from collections.abc import Callable
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


def test_a_folder_as_it_was_has_nothing_to_tell(workspace: Workspace, photos: Path) -> None:
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


def test_where_a_file_lay_stays_in_the_history_for_ever(workspace: Workspace, photos: Path) -> None:
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


def test_a_moved_file_is_no_copy_and_keeps_its_label(workspace: Workspace, photos: Path) -> None:
    (photos / "river" / "1.jpg").rename(photos / "river" / "9.jpg")
    verify(workspace)
    brought = folder.import_folder(workspace, photos, in_place=True, actor="human:anna")
    assert (brought.n_added, brought.n_known) == (0, 3)
    assert duplicate_groups.list_groups(workspace) == []
    assert workspace.query("SELECT COUNT(*) AS n FROM decision")[0]["n"] == 3


def test_a_changed_file_is_told_and_its_new_bytes_are_a_new_image(
    workspace: Workspace, photos: Path, draw: Draw
) -> None:
    (photos / "sea" / "2.jpg").write_bytes(draw(20))
    (damage,) = verify(workspace).damaged
    assert (damage.digest, damage.path) == (inspection.digest_of(draw(2)), "sea/2.jpg")
    assert damage.reason.startswith("sea/2.jpg has other bytes now")
    assert folder.import_folder(workspace, photos, in_place=True, actor="human:anna").n_added == 1


def test_a_file_that_is_gone_is_told_and_counted_for_its_root(
    workspace: Workspace, photos: Path, draw: Draw
) -> None:
    (photos / "sea" / "2.jpg").unlink()
    (damage,) = verify(workspace).damaged
    assert damage.reason.startswith("sea/2.jpg is gone, and its bytes lie nowhere else in")
    (root,) = roots.list_roots(workspace, is_in_place=True)
    assert (root.n_images, root.n_missing, root.is_there) == (3, 1, True)
    put(photos, {"sea/2.jpg": draw(2)})
    assert verify(workspace).damaged == []
    assert roots.list_roots(workspace)[0].n_missing == 0


def test_a_copy_that_was_deleted_leaves_the_image_sound(
    workspace: Workspace, tmp_path: Path, draw: Draw
) -> None:
    root = put(tmp_path / "photos", {"sea/1.jpg": draw(1), "sea/2.jpg": draw(1)})
    folder.import_folder(workspace, root, in_place=True, actor="human:anna")
    (root / "sea" / "1.jpg").unlink()
    assert verify(workspace) == Verified(n_images=1)


def test_stored_copies_are_checked_and_lost_thumbnails_drawn_again(
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
        (one, "Its stored bytes are no longer those that its digest names.")
    ]
    assert (found.n_redrawn, thumbnail.read_bytes()) == (1, before)


def test_a_thumbnail_of_a_file_that_moved_is_drawn_again_too(
    workspace: Workspace, photos: Path, draw: Draw
) -> None:
    (photos / "river" / "1.jpg").rename(photos / "a.jpg")
    images.thumbnail_path(workspace, inspection.digest_of(draw(1))).unlink()
    assert verify(workspace).n_redrawn == 1


def test_a_link_out_of_the_root_is_not_taken_for_the_moved_file(
    workspace: Workspace, photos: Path, tmp_path: Path
) -> None:
    (photos / "river" / "1.jpg").rename(tmp_path / "outside.jpg")
    (photos / "linked.jpg").symlink_to(tmp_path / "outside.jpg")
    assert len(verify(workspace).damaged) == 1


def test_a_folder_that_moved_is_relinked_whole(
    workspace: Workspace, photos: Path, tmp_path: Path, draw: Draw
) -> None:
    photos.rename(tmp_path / "elsewhere")
    assert "peakid roots relink" in verify(workspace).damaged[0].reason
    found = roots.relink(workspace, photos, tmp_path / "elsewhere", actor="human:anna")
    assert (found.n_found, found.n_missing) == (3, 0)
    assert images.read_bytes(workspace, inspection.digest_of(draw(3))) == draw(3)
    assert verify(workspace) == Verified(n_images=3)
    assert [tuple(row) for row in workspace.query("SELECT root_id, from_path, to_path FROM root_move")] == [
        (1, str(photos), str(tmp_path / "elsewhere"))
    ]


def test_a_folder_without_the_files_is_refused_and_nothing_changes(
    workspace: Workspace, photos: Path, tmp_path: Path, draw: Draw
) -> None:
    stranger = put(tmp_path / "stranger", {"sea/2.jpg": b"another size"})
    part = put(tmp_path / "part", {"sea/2.jpg": draw(2)})
    with pytest.raises(NotFound, match="None of the 3 files"):
        roots.relink(workspace, photos, stranger, actor="human:anna")
    with pytest.raises(
        BadInput,
        match=r"1 of 3 files are in .*; 2 are missing or of another size, such as river/1.jpg, sea/3.jpg",
    ):
        roots.relink(workspace, photos, part, actor="human:anna")
    with pytest.raises(BadInput, match="is a root already"):
        roots.relink(workspace, photos, photos, actor="human:anna")
    with pytest.raises(NotFound, match="No images were imported from"):
        roots.relink(workspace, tmp_path / "never", part, actor="human:anna")
    assert [root.path for root in roots.list_roots(workspace)] == [str(photos)]
    found = roots.relink(workspace, photos, part, is_partial=True, actor="human:anna")
    assert (found.n_found, found.missing) == (1, ["river/1.jpg", "sea/3.jpg"])


def test_an_altered_copy_is_damage_even_where_the_file_in_place_is_sound(
    workspace: Workspace, photos: Path, draw: Draw
) -> None:
    folder.import_folder(workspace, photos, actor="human:anna")
    images.image_path(workspace, inspection.digest_of(draw(1))).write_bytes(
        b"altered"
    )  # It is what everything reads.
    assert [damage.path for damage in verify(workspace).damaged] == ["river/1.jpg"]
