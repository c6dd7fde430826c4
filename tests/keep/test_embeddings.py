"""Embeddings can be made again: a backup leaves them out, and a cleaning removes them on request."""

import numpy as np
import pytest

from peakid.acquire import verification
from peakid.embed import stored
from peakid.keep import backup, clean, restore
from peakid.store import workspace as workspaces


@pytest.fixture
def embedded(workspace, fill):
    fill(river=3)
    made = stored.create(workspace, "lite", size_px=160, weights_sha256="ab", n_dimensions=2)
    stored.add(workspace, made.set_id, [1, 2, 3], np.eye(3, 2) + 1)
    return workspace


def test_a_backup_says_that_embeddings_are_left_out_and_a_restore_works_without_them(embedded, tmp_path):
    report = backup.backup(embedded, tmp_path / "b.zip")
    assert [(each.kind, each.n_bytes) for each in report.left_out if each.kind == "embeddings"] == [
        ("embeddings", 12)
    ]
    restore.restore(tmp_path / "b.zip", tmp_path / "again")
    again = workspaces.open_existing(tmp_path / "again")
    assert stored.sets(again) == []
    made = stored.create(again, "lite", size_px=160, weights_sha256="ab", n_dimensions=2)
    assert len(stored.missing(again, made.set_id)) == 3
    stored.add(again, made.set_id, [2], np.ones((1, 2)))
    assert stored.load(again, made.set_id).image_ids.tolist() == [2]


def test_embeddings_are_removed_only_if_they_are_named(embedded):
    assert "embeddings" in [each.kind for each in clean.plan(embedded).on_request]
    clean.clean(embedded)
    assert stored.find(embedded).n_images == 3
    removed = clean.clean(embedded, ["embeddings"]).removed
    assert [(each.kind, each.n_files) for each in removed] == [("embeddings", 1)]
    assert stored.sets(embedded) == []


def test_a_check_says_that_a_file_of_embeddings_lost_its_end(embedded):
    assert verification.verify(embedded, actor="human:anna").notes == []
    (file,) = stored.folder(embedded).iterdir()
    file.write_bytes(file.read_bytes()[:5])
    (note,) = verification.verify(embedded, actor="human:anna").notes
    assert note.startswith("The file of the embeddings 'lite' has 1 of 3 rows")
    assert [image_id for image_id, _ in stored.missing(embedded, 1)] == [2, 3]


def test_an_image_that_is_forgotten_meanwhile_gets_no_embedding(embedded):
    embedded.connection().execute("DELETE FROM embedding")
    embedded.connection().execute("DELETE FROM image_state WHERE image_id = 2")
    stored.add(embedded, 1, [1, 2], np.full((2, 2), 7.0))
    assert stored.load(embedded, 1).image_ids.tolist() == [1]
    (file,) = stored.folder(embedded).iterdir()
    assert np.fromfile(file, np.float16)[-4:].tolist() == [7, 7, 0, 0]
