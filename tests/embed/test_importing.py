"""Embeddings of another program are checked before the first one is stored."""

import numpy as np
import pytest

from peakid.embed import importing, stored
from peakid.errors import BadInput


@pytest.fixture
def digests(fill):
    return fill(river=3, sea=1)


@pytest.fixture
def given(workspace, digests, tmp_path):
    """Write an array with the names of its rows, and import both."""

    def imported(vectors, names=digests, **options):
        np.save(tmp_path / "clip.npy", np.asarray(vectors))
        (tmp_path / "clip.digests.txt").write_text("\n".join(names))
        return importing.import_embeddings(workspace, tmp_path / "clip.npy", **options)

    return imported


def features(n, n_dimensions=4):
    return np.random.default_rng(0).normal(size=(n, n_dimensions)).astype(np.float32)


def test_rows_become_the_embeddings_of_the_images_that_are_named_beside_them(workspace, digests, given):
    vectors = features(4)
    found = given(vectors[::-1], digests[::-1])
    assert (found.set.backbone, found.set.n_images, found.n_new, found.n_unknown) == ("clip", 4, 4, 0)
    assert np.allclose(stored.load(workspace, stored.find(workspace).set_id).features, vectors, atol=1e-3)


def test_images_are_found_by_path_too(workspace, given):
    paths = ["river/000.jpg", "photos/river/001.jpg", ".\\sea\\000.jpg", "sea/999.jpg"]
    found = given(features(4), paths)
    assert (found.n_new, found.n_unknown, found.unknown) == (3, 1, ("sea/999.jpg",))
    assert "3 of 4 rows were imported" in found.text()
    assert "Unknown are sea/999.jpg." in found.text()


def test_a_path_that_two_images_have_is_unknown(workspace, given):
    workspace.connection().execute("UPDATE origin SET path = 'a.jpg' WHERE path LIKE 'river/%'")
    found = given(features(2), ["a.jpg", "sea/000.jpg"])
    assert (found.n_new, found.unknown) == (1, ("a.jpg",))


def test_repeated_known_and_constant_rows_are_counted(workspace, digests, given):
    vectors = features(4)
    vectors[2] = 7.0
    first = given(vectors, [digests[0], digests[0].upper(), digests[1], digests[2]])
    assert (first.n_new, first.n_repeated, first.n_constant) == (2, 1, 1)
    again = given(features(4))
    assert (again.n_new, again.n_known, again.set.n_images) == (2, 2, 4)
    kept = stored.load(workspace, again.set.set_id, [1]).features
    assert np.allclose(kept, vectors[0], atol=1e-3)  # The embedding of the first file.


@pytest.mark.parametrize(
    ("vectors", "words"),
    [
        (np.array([["a", "b"]] * 4), "it is <U1 of shape"),
        (np.ones(4), r"of shape \(4,\)"),
        (np.ones((4, 1)), "2 to 65,536 numbers"),
        (np.ones((3, 4)), "it has 3 rows, but there are 4 digests or paths"),
        (np.array([[1, 2.0]] * 3 + [[np.nan, 1]]), r"row 4 \(.*\) has NaN or infinite values"),
        (np.array([[1, 2.0]] * 2 + [[np.inf, 1]] * 2), "row 3"),
        (np.zeros((4, 3)), "each of its rows consists of one number"),
        (np.array([{}] * 4), "Python objects"),
    ],
)
def test_what_cannot_be_embeddings_is_refused_and_nothing_is_stored(workspace, given, vectors, words):
    with pytest.raises(BadInput, match=words):
        given(vectors)
    assert stored.sets(workspace) == []


def test_a_file_of_other_images_is_refused(given):
    with pytest.raises(BadInput, match="none of its 2 rows belongs to an image"):
        given(features(2), ["0" * 64, "1" * 64])


def test_a_file_without_names_says_where_to_write_them(workspace, tmp_path):
    np.save(tmp_path / "x.npy", features(2))
    with pytest.raises(BadInput, match=r"into x\.paths\.txt"):
        importing.import_embeddings(workspace, tmp_path / "x.npy")
    (tmp_path / "x.npy").write_bytes(b"\x93NUMPY\x01\x00cut")
    (tmp_path / "x.txt").write_text("a\n")
    with pytest.raises(BadInput, match=r"x\.npy cannot be imported"):
        importing.import_embeddings(workspace, tmp_path / "x.npy")
    (tmp_path / "x.npy").write_bytes(b"text")
    with pytest.raises(BadInput, match=r"neither a \.npy array nor a Parquet file"):
        importing.import_embeddings(workspace, tmp_path / "x.npy")
    with pytest.raises(BadInput, match="No such file"):
        importing.import_embeddings(workspace, tmp_path / "none.npy")


def test_parquet_brings_its_own_names(workspace, digests, tmp_path):
    pandas = pytest.importorskip("pandas")
    pytest.importorskip("pyarrow")
    vectors = features(4)
    file = tmp_path / "x.parquet"
    pandas.DataFrame({"digest": digests, "embedding": list(vectors)}).to_parquet(file)
    found = importing.import_embeddings(workspace, file, name="dino")
    assert (found.set.backbone, found.n_new) == ("dino", 4)
    assert np.allclose(stored.load(workspace, found.set.set_id).features, vectors, atol=1e-3)
    pandas.DataFrame({"digest": digests, "embedding": [[1.0, 2.0]] * 3 + [[1.0]]}).to_parquet(file)
    with pytest.raises(BadInput, match="another length"):
        importing.import_embeddings(workspace, file)
    pandas.DataFrame({"digest": digests, "score": [1.0] * 4}).to_parquet(file)
    with pytest.raises(BadInput, match=r"no column embedding \(it has digest, score\)"):
        importing.import_embeddings(workspace, file)


def test_another_number_of_dimensions_needs_another_name(given):
    given(features(4))
    with pytest.raises(BadInput, match="have 4 dimensions, not 5"):
        given(features(4, 5))
    assert given(features(4, 5), name="wider").set.n_dimensions == 5
