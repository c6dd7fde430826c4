"""Embeddings are found again by image, whatever happened to their file."""

import numpy as np
import pytest

from peakid.embed import stored
from peakid.errors import BadInput, NoEmbeddings


@pytest.fixture
def filled(workspace, fill):
    fill(river=5)
    return workspace


def make(workspace, name="lite", n_dimensions=3):
    made = stored.create(workspace, name, size_px=160, weights_sha256="ab", n_dimensions=n_dimensions)
    return made.set_id


def vectors(*values):
    return np.array([[value] * 3 for value in values], dtype=np.float32)


def test_without_embeddings_the_error_says_how_to_compute_them(workspace):
    with pytest.raises(NoEmbeddings, match="No image has an embedding yet") as error:
        stored.find(workspace)
    assert [each.kind for each in error.value.actions] == ["embed"]
    make(workspace)
    with pytest.raises(NoEmbeddings, match="of vgg"):
        stored.find(workspace, "vgg")
    assert stored.sets(workspace) == []  # One without any embedding ranks nothing.


def test_vectors_come_back_by_image_in_the_order_of_the_ids(filled):
    set_id = make(filled)
    ids = [image_id for image_id, _ in stored.missing(filled, set_id)]
    stored.add(filled, set_id, [ids[3], ids[1]], vectors(3, 1))
    assert [image_id for image_id, _ in stored.missing(filled, set_id)] == [ids[0], ids[2], ids[4]]
    stored.add(filled, set_id, [ids[0]], vectors(0))
    found = stored.load(filled, set_id)
    assert found.image_ids.tolist() == [ids[0], ids[1], ids[3]]
    assert found.features[:, 0].tolist() == [0, 1, 3]
    assert found.features.dtype == np.float16
    assert (found.set.n_images, found.set.backbone) == (3, "lite")
    assert stored.load(filled, set_id, [ids[3], ids[4]]).features[:, 0].tolist() == [3]


def test_a_second_embedding_of_an_image_replaces_the_first(filled):
    set_id = make(filled)
    (first, _), *_ = stored.missing(filled, set_id)
    stored.add(filled, set_id, [first], vectors(1))
    stored.add(filled, set_id, [first], vectors(2))
    assert stored.load(filled, set_id).features[:, 0].tolist() == [2]


def test_the_set_that_was_used_last_comes_first(filled):
    for name in ("one", "two"):
        stored.add(filled, make(filled, name), [1], vectors(1))
    filled.connection().execute("UPDATE embedding_set SET used_at = '2020' WHERE backbone = 'two'")
    assert [each.backbone for each in stored.sets(filled)] == ["one", "two"]
    make(filled, "two")
    assert stored.find(filled).backbone == "two"
    assert stored.find(filled, "one").backbone == "one"


def test_rows_never_point_into_another_file(filled):
    """A backup has no embeddings, and someone may remove the folder: all are computed again."""
    set_id = make(filled)
    ids = [image_id for image_id, _ in stored.missing(filled, set_id)]
    stored.add(filled, set_id, ids, vectors(*range(5)))
    (file,) = filled.embeddings_dir.iterdir()
    file.unlink()
    assert len(stored.missing(filled, set_id)) == 5
    assert stored.sets(filled) == []
    assert len(stored.load(filled, set_id).image_ids) == 0
    stored.add(filled, set_id, [ids[4]], vectors(9))
    assert stored.load(filled, set_id).image_ids.tolist() == [ids[4]]
    assert len(stored.missing(filled, set_id)) == 4
    assert file not in filled.embeddings_dir.iterdir()


def test_half_a_row_of_a_killed_process_is_overwritten(filled):
    set_id = make(filled)
    stored.add(filled, set_id, [1], vectors(1))
    (file,) = filled.embeddings_dir.iterdir()
    with file.open("ab") as opened:
        opened.write(b"12345")
    stored.add(filled, set_id, [2], vectors(2))
    assert stored.load(filled, set_id).features[:, 0].tolist() == [1, 2]
    assert file.stat().st_size == 2 * 3 * 2


def test_a_file_that_lost_its_end_has_fewer_embeddings(filled):
    set_id = make(filled)
    stored.add(filled, set_id, [1, 2], vectors(1, 2))
    (file,) = filled.embeddings_dir.iterdir()
    with file.open("r+b") as opened:
        opened.truncate(7)
    assert stored.load(filled, set_id).image_ids.tolist() == [1]
    assert [image_id for image_id, _ in stored.missing(filled, set_id)] == [2, 3, 4, 5]
    stored.add(filled, set_id, [3], vectors(3))
    assert stored.load(filled, set_id).image_ids.tolist() == [1, 3]


@pytest.mark.parametrize(
    "bad", [np.zeros((2, 3)), np.zeros((1, 4)), np.full((1, 3), np.nan), np.full((1, 3), np.inf)]
)
def test_features_that_do_not_fit_are_refused(filled, bad):
    set_id = make(filled)
    with pytest.raises(BadInput, match="do not fit"):
        stored.add(filled, set_id, [1], bad)
    assert stored.sets(filled) == []


def test_features_beyond_float16_stay_finite(filled):
    set_id = make(filled)
    stored.add(filled, set_id, [1], np.full((1, 3), 1e9))
    assert np.isfinite(stored.load(filled, set_id).features).all()


def test_a_set_has_one_number_of_dimensions(filled):
    make(filled)
    with pytest.raises(BadInput, match="have 3 dimensions, not 4"):
        make(filled, n_dimensions=4)
