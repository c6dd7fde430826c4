"""Workers read photos where the head says they are, and never take other bytes for them."""

import hashlib

import pytest

from peakid.engines import locations
from peakid.engines.records import Shard
from peakid.errors import JobError, NotFound
from peakid.store import images


def test_a_copy_comes_first_then_the_file_in_its_own_folder(workspace, fill, tmp_path, draw):
    stored, lost = fill(river=2)
    images.image_path(workspace, lost).unlink()
    assert locations.of(workspace, [stored, lost]) == [str(images.image_path(workspace, stored)), ""]
    file = tmp_path / "own.jpg"
    file.write_bytes(draw(7))
    with workspace.transaction() as connection:
        connection.execute(
            "INSERT INTO root (path, is_in_place, created_at) VALUES (?, 1, '2026')", (str(tmp_path),)
        )
        connection.execute("UPDATE origin SET root_id = 1, path = 'own.jpg' WHERE path = 'river/001.jpg'")
    assert locations.of(workspace, [lost]) == [str(file)]


def test_a_photo_that_was_changed_or_removed_is_not_read(tmp_path):
    file, gone = tmp_path / "photo.jpg", tmp_path / "gone.jpg"
    file.write_bytes(b"photo")
    digest = hashlib.sha256(b"photo").hexdigest()
    read = locations.reader(Shard("unit", 1, (digest, "b" * 64), locations=(str(file), str(gone))))
    assert read(0) == b"photo"
    with pytest.raises(NotFound, match=r"gone\.jpg cannot be read"):
        read(1)
    file.write_bytes(b"other")
    with pytest.raises(NotFound, match="were changed"):
        read(0)


def test_a_worker_that_sees_no_photo_at_all_says_so(tmp_path):
    missing = tuple(str(tmp_path / f"{number}.jpg") for number in range(3))
    with pytest.raises(JobError, match=r"does not see the photos: there is no .*0\.jpg"):
        locations.reader(Shard("unit", 1, ("a", "b", "c"), locations=missing))
