"""Albums on a disk: each way of making them, a second sorting, taking back, and a disk that is full."""

import csv
import errno
import os
import shutil

import pytest

from peakid.errors import BadInput, DiskError
from peakid.serve.albums import journal, writing
from peakid.serve.albums.plan import AlbumPlan, Placement

WAYS = ("copy", "hardlink", "symlink", "move")


@pytest.fixture
def folder(tmp_path):
    """Four photos, two of one name."""
    made = tmp_path / "photos"
    for path in ("a.jpg", "b.jpg", "more/a.jpg", "more/c.jpg"):
        (made / path).parent.mkdir(parents=True, exist_ok=True)
        (made / path).write_bytes(path.encode())
        os.utime(made / path, ns=(10**18, 10**18))
    return made


def planned(**albums):
    """A plan: the album of each photo by its path, written with `_` for `/` and without suffix."""
    placements = [
        Placement(f"{name.replace('_', '/')}.jpg", album, "x", 0.5) for name, album in albums.items()
    ]
    return AlbumPlan(tuple(placements))


PLAN = planned(a="sea", b="sea", more_a="sea", more_c="land/hill")


def tree(folder):
    """Content by path, without what sorting writes for itself."""
    return {
        each.relative_to(folder).as_posix(): each.read_bytes()
        for each in sorted(folder.rglob("*"))
        if each.is_file() and each.name not in (writing.TABLE, journal.NAME, journal.LOCK_NAME)
    }


BEFORE = {"a.jpg": b"a.jpg", "b.jpg": b"b.jpg", "more/a.jpg": b"more/a.jpg", "more/c.jpg": b"more/c.jpg"}
AFTER = {
    "land/hill/c.jpg": b"more/c.jpg",
    "sea/a (2).jpg": b"more/a.jpg",
    "sea/a.jpg": b"a.jpg",
    "sea/b.jpg": b"b.jpg",
}


@pytest.mark.parametrize("mode", WAYS)
def test_photos_get_into_their_albums_and_back(folder, tmp_path, mode):
    out = tmp_path / "albums"
    done = writing.write(PLAN, folder, out, mode=mode)
    assert (done.n_made, done.n_kept, done.n_removed) == (4, 0, 0)
    assert tree(out) == AFTER
    assert (out / "sea/a.jpg").is_symlink() == (mode == "symlink")
    assert (out / "sea/a.jpg").samefile(folder / "a.jpg") if mode in ("hardlink", "symlink") else True
    assert tree(folder) == ({} if mode == "move" else BEFORE)
    assert (out / "sea/a.jpg").stat().st_mtime_ns == 10**18
    taken = writing.undo(out)
    assert (taken.n_removed, taken.left) == (4, ())
    assert tree(folder) == BEFORE
    assert (folder / "more/c.jpg").stat().st_mtime_ns == 10**18
    assert not out.exists()


def test_a_list_names_every_photo_and_its_album(folder, tmp_path):
    out = tmp_path / "albums"
    writing.write(PLAN, folder, out, mode="csv")
    with (out / writing.TABLE).open(newline="") as table:
        rows = {row["path"]: row["album"] for row in csv.DictReader(table)}
    assert rows == {"a.jpg": "sea", "b.jpg": "sea", "more/a.jpg": "sea", "more/c.jpg": "land/hill"}
    assert tree(out) == {}


@pytest.mark.parametrize("mode", ["copy", "hardlink", "symlink"])
def test_a_second_sorting_changes_what_differs(folder, tmp_path, mode):
    out = tmp_path / "albums"
    writing.write(PLAN, folder, out, mode=mode)
    again = writing.write(PLAN, folder, out, mode=mode)
    assert (again.n_made, again.n_kept, again.n_removed) == (0, 4, 0)
    other = writing.write(planned(a="sea", b="land"), folder, out, mode=mode)
    assert (other.n_made, other.n_kept, other.n_removed) == (1, 1, 3)
    assert tree(out) == {"land/b.jpg": b"b.jpg", "sea/a.jpg": b"a.jpg"}
    assert not (out / "land/hill").exists()
    writing.undo(out)
    assert not out.exists()


def test_what_a_person_changed_stays(folder, tmp_path):
    out = tmp_path / "albums"
    writing.write(PLAN, folder, out)
    (out / "sea/b.jpg").write_bytes(b"retouched")
    (out / "sea/own.txt").write_bytes(b"notes")
    done = writing.write(planned(a="sea"), folder, out)
    assert done.left == ("sea/b.jpg",)
    taken = writing.undo(out)
    assert taken.left == ("sea/b.jpg",)
    assert tree(out) == {"sea/b.jpg": b"retouched", "sea/own.txt": b"notes"}


def test_a_changed_photo_is_copied_again(folder, tmp_path):
    out = tmp_path / "albums"
    writing.write(PLAN, folder, out)
    (folder / "a.jpg").write_bytes(b"a better photo")
    assert writing.write(PLAN, folder, out).n_made == 1
    assert tree(out)["sea/a.jpg"] == b"a better photo"


@pytest.mark.parametrize("is_by_kernel", [True, False])
def test_the_error_of_a_full_disk_names_the_album(folder, tmp_path, monkeypatch, is_by_kernel):
    def full(*arguments):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "copy_file_range", full if is_by_kernel else lambda *_: 0, raising=False)
    monkeypatch.setattr(shutil, "copyfileobj", full)
    with pytest.raises(DiskError) as refused:
        writing.write(PLAN, folder, tmp_path / "albums")
    assert f"The disk is full: {tmp_path / 'albums'}" in refused.value.message
    assert [each.name for each in (tmp_path / "albums").rglob("*.part")] == []


@pytest.mark.parametrize("mode", WAYS)
@pytest.mark.parametrize("n_before", [0, 1, 3])
def test_a_full_disk_loses_nothing_and_can_be_continued(folder, tmp_path, monkeypatch, mode, n_before):
    out, left = tmp_path / "albums", [n_before]
    original = writing._make

    def full(source, target, mode):
        if left[0] == 0:
            raise OSError(errno.ENOSPC, "No space left on device", str(target))
        left[0] -= 1
        original(source, target, mode)

    monkeypatch.setattr(writing, "_make", full)
    with pytest.raises(DiskError, match="full"):
        writing.write(PLAN, folder, out, mode=mode)
    assert len(tree(out)) == n_before
    together = [*tree(out).values(), *tree(folder).values()]
    assert set(together) == set(BEFORE.values())
    monkeypatch.setattr(writing, "_make", original)
    if mode != "move":
        assert writing.write(PLAN, folder, out, mode=mode).n_made == 4 - n_before
        assert tree(out) == AFTER
    writing.undo(out)
    assert tree(folder) == BEFORE
    assert not out.exists()


def test_a_line_that_was_cut_is_no_file(folder, tmp_path):
    out = tmp_path / "albums"
    writing.write(PLAN, folder, out)
    file = out / journal.NAME
    text = file.read_text()
    file.write_text(text[: text.rindex("{") + 5])
    assert len(journal.read(out).made) == 3


def test_a_move_that_stopped_between_copy_and_removal_is_taken_back(folder, tmp_path):
    out = tmp_path / "albums"
    writing.write(PLAN, folder, out, mode="move")
    shutil.copy2(out / "sea/a.jpg", folder / "a.jpg")
    assert writing.undo(out).left == ()
    assert tree(folder) == BEFORE


def test_a_moved_photo_whose_place_is_taken_stays(folder, tmp_path):
    out = tmp_path / "albums"
    writing.write(PLAN, folder, out, mode="move")
    (folder / "a.jpg").write_bytes(b"another photo")
    assert writing.undo(out).left == ("sea/a.jpg",)
    assert (folder / "a.jpg").read_bytes() == b"another photo"
    assert (out / "sea/a.jpg").read_bytes() == b"a.jpg"


def test_folders_that_cannot_be_used_are_refused(folder, tmp_path):
    out = tmp_path / "albums"
    with pytest.raises(BadInput, match="photos are in it"):
        writing.check(folder, folder, "copy")
    with pytest.raises(BadInput, match="photos are in it"):
        writing.check(folder, tmp_path, "copy")
    with pytest.raises(BadInput, match="No photos were sorted"):
        writing.undo(tmp_path / "nothing")
    (tmp_path / "full").mkdir()
    (tmp_path / "full/own.txt").write_text("x")
    with pytest.raises(BadInput, match="not empty"):
        writing.check(folder, tmp_path / "full", "copy")
    with pytest.raises(BadInput, match="is a file"):
        writing.check(folder, tmp_path / "full/own.txt", "copy")
    writing.write(PLAN, folder, out)
    with pytest.raises(BadInput, match="sorted twice"):
        writing.check(folder, out, "move")
    shutil.copytree(folder, tmp_path / "others")
    with pytest.raises(BadInput, match="were sorted into"):
        writing.check(tmp_path / "others", out, "copy")


@pytest.mark.parametrize("path", ["../a.jpg", "/etc/passwd", ""])
def test_a_journal_that_names_a_file_outside_is_refused(folder, tmp_path, path):
    out = tmp_path / "albums"
    writing.write(PLAN, folder, out)
    (out / journal.NAME).write_text((out / journal.NAME).read_text().replace("sea/a.jpg", path))
    with pytest.raises(BadInput, match="damaged"):
        writing.undo(out)
    assert tree(folder) == BEFORE


def test_a_file_of_a_person_is_never_replaced(folder, tmp_path):
    out = tmp_path / "albums"
    writing.write(planned(b="sea"), folder, out)
    (out / "sea/a.jpg").write_bytes(b"own")
    with pytest.raises(BadInput, match="is there already"):
        writing.write(PLAN, folder, out)
    assert (out / "sea/a.jpg").read_bytes() == b"own"


def test_two_at_once_do_not_write_into_one_folder(folder, tmp_path):
    out = tmp_path / "albums"
    writing.write(PLAN, folder, out)
    with journal.exclusive(out):
        with pytest.raises(BadInput, match="Another process"):
            writing.write(planned(a="land"), folder, out)
        with pytest.raises(BadInput, match="Another process"):
            writing.undo(out)
    assert tree(out) == AFTER
    writing.undo(out)
    assert not out.exists()


def test_what_a_killed_process_left_is_no_obstacle(folder, tmp_path):
    out = tmp_path / "albums"
    (out / "sea").mkdir(parents=True)
    (out / ".peakid-albums.jsonl.999999999-1.part").write_text("{")
    (out / journal.LOCK_NAME).touch()
    (out / "sea").rmdir()
    writing.write(PLAN, folder, out)
    half = out / "sea" / ".photo.999999999-1.part"
    half.write_bytes(b"half")
    for part in (half, out / ".peakid-albums.jsonl.999999999-1.part"):
        os.utime(part, (1, 1))
    writing.undo(out)
    assert not out.exists()
    assert tree(folder) == BEFORE


def test_a_link_of_a_person_is_not_removed(folder, tmp_path):
    out = tmp_path / "albums"
    writing.write(planned(a="sea", b="sea"), folder, out, mode="symlink")
    (out / "sea/a.jpg").unlink()
    (out / "sea/a.jpg").symlink_to(folder / "b.jpg")
    assert writing.undo(out).left == ("sea/a.jpg",)


@pytest.mark.parametrize("mode", WAYS)
def test_names_as_long_as_a_disk_takes_are_kept_apart(tmp_path, mode):
    folder, out = tmp_path / "photos", tmp_path / "albums"
    name = "x" * 251 + ".jpg"
    for place in ("a", "b"):
        (folder / place).mkdir(parents=True)
        (folder / place / name).write_text(place)
    plan = AlbumPlan(tuple(Placement(f"{place}/{name}", "sea", "x", 0.5) for place in ("a", "b")))
    writing.write(plan, folder, out, mode=mode)
    assert sorted(tree(out).values()) == [b"a", b"b"]
    writing.undo(out)
    assert sorted(tree(folder).values()) == [b"a", b"b"]
