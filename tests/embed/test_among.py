"""The nearest of some images: exactly up to a number, by the index beyond it, without a copy of all."""

import tracemalloc

import numpy as np
import pytest

from peakid.embed import neighbours, stored
from peakid.embed.index import among, build, search
from peakid.embed.index.among import Among
from peakid.embed.neighbours import ChosenRows

MANY = Among("SELECT image_id FROM image_state WHERE image_id % :apart <> 0", {"apart": 6})  # 100 of 120.
FEW = Among("SELECT image_id FROM image_state WHERE image_id % :apart = 0", {"apart": 6})  # 20 of 120.


def expected(workspace, chosen, queries, k, members):
    known = stored.load(workspace, chosen.set_id, members.ids(workspace).tolist())
    found = neighbours.nearest(np.array(known.features), queries, k)
    return known.image_ids[found.indices].tolist(), found.similarity


def searches(monkeypatch):
    """Count the queries that the index is asked, and the embeddings that are compared one by one."""
    asked, compared = [], []
    by_index, one_by_one = search.nearest, neighbours.nearest

    def noted(workspace, chosen, queries, k, **named):
        asked.append((len(queries), k))
        return by_index(workspace, chosen, queries, k, **named)

    def counted(features, *given, **named):
        compared.append(len(features))
        return one_by_one(features, *given, **named)

    monkeypatch.setattr(search, "nearest", noted)
    monkeypatch.setattr(neighbours, "nearest", counted)
    return asked, compared


def test_of_many_images_the_index_finds_those_of_comparing_all(workspace, images, monkeypatch):
    build.build(workspace, images.set_id)
    queries = np.array(stored.load(workspace, images.set_id, [1, 60, 120]).features)
    ids, similarity = expected(workspace, images, queries, 4, MANY)
    asked, compared = searches(monkeypatch)
    found = among.nearest(workspace, images, queries, 4, among=MANY)
    assert (asked, compared) == ([(3, 100)], [])
    assert found.image_ids.tolist() == ids
    assert found.similarity == pytest.approx(similarity, abs=1e-5)


def test_few_images_are_compared_one_by_one_though_there_is_an_index(workspace, images, monkeypatch):
    build.build(workspace, images.set_id)
    queries = np.array(stored.load(workspace, images.set_id, [1, 60]).features)
    ids, _ = expected(workspace, images, queries, 4, FEW)
    asked, compared = searches(monkeypatch)
    assert among.nearest(workspace, images, queries, 4, among=FEW).image_ids.tolist() == ids
    assert (asked, compared) == ([], [20])


def test_queries_with_too_few_of_them_near_are_searched_further_and_then_compared(
    workspace, images, monkeypatch
):
    build.build(workspace, images.set_id)
    monkeypatch.setattr(search, "LEAST_CANDIDATES", 1)
    # Image 1 is in the first of three groups, of which only the others count.
    others = Among("SELECT image_id FROM image_state WHERE image_id % 3 <> 1")  # 80 of 120.
    queries = np.array(stored.load(workspace, images.set_id, [1, 2]).features)
    ids, _ = expected(workspace, images, queries, 4, others)
    for sizes, n_asked, n_compared in (((5,), [(2, 5)], [80]), ((5, 110), [(2, 5), (1, 110)], [])):
        with monkeypatch.context() as patched:
            patched.setattr(among, "_N_SEARCHED", sizes)
            asked, compared = searches(patched)
            assert among.nearest(workspace, images, queries, 4, among=others).image_ids.tolist() == ids
            assert (asked, compared) == (n_asked, n_compared)


def test_an_index_that_lacks_most_of_them_is_not_asked(workspace, images, monkeypatch):
    build.build(workspace, images.set_id, should_stop=iter([False, True]).__next__)
    monkeypatch.setattr(build, "BRUTE_FORCE_UP_TO", 40)  # 70 are missing.
    queries = np.array(stored.load(workspace, images.set_id, [1]).features)
    asked, compared = searches(monkeypatch)
    found = among.nearest(workspace, images, queries, 4, among=MANY)
    assert (asked, compared) == ([], [100])
    assert found.image_ids.shape == (1, 4)


def test_nothing_is_found_among_no_images(workspace, images):
    none = Among("SELECT image_id FROM image_state WHERE 0")
    found = among.nearest(workspace, images, np.ones((2, 24)), 4, among=none)
    assert found.image_ids.shape == (2, 0)


def test_chosen_rows_are_compared_without_a_copy_of_them(tmp_path):
    rng = np.random.default_rng(0)
    file = tmp_path / "rows.f16"
    rng.normal(size=(40_000, 256)).astype(np.float16).tofile(file)
    vectors = np.memmap(file, dtype=np.float16, mode="r", shape=(40_000, 256))
    rows = rng.permutation(40_000)[:30_000]
    whole = neighbours.nearest(vectors[rows], vectors[:3], 5)
    tracemalloc.start()
    found = neighbours.nearest(ChosenRows(vectors, rows), vectors[:3], 5)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert np.array_equal(found.indices, whole.indices)
    assert peak < 12e6  # All of them are 15 MB as float16, and 31 MB as float32.
