"""Outliers of very many images: the strangest are compared further, with what an index finds."""

import tracemalloc

import numpy as np
import pytest

from peakid.curate import decisions
from peakid.embed import neighbours, outlier_scores, outliers, stored
from peakid.embed.index import build, search
from peakid.embed.neighbours import ChosenRows, Neighbours
from peakid.errors import NotFound
from peakid.records import Choice

N_TWINS, N_STRANGE = 60, 10
ALL = 10**6  # References: all images.
SAMPLE = 1  # The fewest: a hundred of each class.


@pytest.fixture
def collection(monkeypatch):
    """Two classes of 450; 60 images of the first resemble each other alone, and ten of the second nothing."""
    monkeypatch.setattr(outliers, "LEAST_FURTHER", 120)
    monkeypatch.setattr(outliers, "LEAST_SETTLED", 0)
    random = np.random.default_rng(0)
    vectors = random.normal(0, 0.15, (900, 24))
    vectors[:450, 0] += 1
    vectors[450:, 1] += 1
    vectors[:N_TWINS, 0] -= 1
    vectors[:N_TWINS, 2] += 1
    vectors[-N_STRANGE:] = random.normal(0, 1, (N_STRANGE, 24))
    return vectors.astype(np.float16), np.repeat([1, 2], 450)


def by_comparing(features):
    """The nearest images, as an index that misses none would find them."""

    def nearest(rows):
        return neighbours.nearest(features, features[rows], outliers.N_NEAREST, exclude=rows)

    return nearest


def test_a_sample_makes_images_of_a_rare_kind_look_strange_and_comparing_further_does_not(collection):
    features, labels = collection
    whole = outliers.score(features, labels, n_references=ALL)
    sampled = outliers.score(features, labels, n_references=SAMPLE)
    found = outliers.compare_further(features, labels, sampled, by_comparing(features), n_references=SAMPLE)
    assert (sampled.score <= whole.score + 1e-5).all()  # Fewer are compared with: never nearer.
    strange = set(range(900 - N_STRANGE, 900))
    assert set(np.argsort(sampled.score)[:40].tolist()) & set(range(N_TWINS))
    assert set(np.argsort(whole.score)[:N_STRANGE].tolist()) == strange
    assert set(np.argsort(found.score)[:N_STRANGE].tolist()) == strange


def test_the_first_images_have_the_scores_and_the_order_of_comparing_all(collection):
    features, labels = collection
    whole = outliers.score(features, labels, n_references=ALL)
    sampled = outliers.score(features, labels, n_references=SAMPLE)
    before = sampled.score.copy()
    found = outliers.compare_further(features, labels, sampled, by_comparing(features), n_references=SAMPLE)
    assert np.array_equal(sampled.score, before)  # What was given stays as it is.
    first = np.flatnonzero(found.score < found.settled_score)
    assert len(first) >= N_STRANGE
    order = np.argsort(found.score, kind="stable")[: len(first)]
    assert np.array_equal(order[:N_STRANGE], np.argsort(whole.score, kind="stable")[:N_STRANGE])
    lonely = np.argsort(whole.nearest_similarity, kind="stable")[:N_STRANGE]
    assert whole.nearest_similarity[lonely] == pytest.approx(found.nearest_similarity[lonely], abs=1e-5)
    assert np.array_equal(whole.nearest_row[lonely], found.nearest_row[lonely])
    assert whole.nearest_similarity[lonely].max() < found.settled_similarity
    assert (found.score <= whole.score + 1e-5).all()
    assert (found.score >= sampled.score).all()


def test_images_are_compared_further_until_the_first_ones_are_settled(collection, monkeypatch):
    features, labels = collection
    monkeypatch.setattr(outliers, "LEAST_FURTHER", 5)
    monkeypatch.setattr(outliers, "_N_ROWS", 16)
    whole = outliers.score(features, labels, n_references=ALL)
    sampled = outliers.score(features, labels, n_references=SAMPLE)
    for least, most in ((N_STRANGE, 900), (N_STRANGE, 30)):
        monkeypatch.setattr(outliers, "LEAST_SETTLED", least)
        monkeypatch.setattr(outliers, "MOST_FURTHER", most)
        compared = []

        def noted(rows, compared=compared):
            compared.append(len(rows))
            return by_comparing(features)(rows)

        found = outliers.compare_further(features, labels, sampled, noted, n_references=SAMPLE)
        settled = np.flatnonzero(found.score < found.settled_score)
        first = np.argsort(whole.score, kind="stable")[: len(settled)]
        assert set(settled.tolist()) == set(first.tolist())
        assert len(settled) >= least or sum(compared) >= most
        assert 20 < sum(compared) < 300


def test_where_all_were_compared_further_every_score_is_settled(collection, monkeypatch):
    features, labels = collection
    monkeypatch.setattr(outliers, "LEAST_FURTHER", 900)
    sampled = outliers.score(features, labels, n_references=SAMPLE)
    found = outliers.compare_further(features, labels, sampled, by_comparing(features), n_references=SAMPLE)
    assert (found.settled_score, found.settled_similarity) == (np.inf, np.inf)


def test_images_that_the_index_misses_or_that_are_not_scored_are_left_out(collection):
    features, labels = collection
    sampled = outliers.score(features, labels, n_references=SAMPLE)

    def none(rows):
        shape = (len(rows), 3)
        return Neighbours(np.full(shape, -1), np.full(shape, 0.9, np.float32))

    found = outliers.compare_further(features, labels, sampled, none, n_references=SAMPLE)
    assert np.array_equal(found.score, sampled.score)
    assert np.array_equal(found.nearest_similarity, sampled.nearest_similarity)


def test_no_copy_of_all_embeddings_is_made(tmp_path, monkeypatch):
    random = np.random.default_rng(0)
    file = tmp_path / "rows.f16"
    random.normal(size=(60_000, 256)).astype(np.float16).tofile(file)
    vectors = np.memmap(file, dtype=np.float16, mode="r", shape=(60_000, 256))
    features = ChosenRows(vectors, random.permutation(60_000)[:50_000])
    labels = np.arange(50_000) % 2
    monkeypatch.setattr(outliers, "LEAST_FURTHER", 100)
    monkeypatch.setattr(outliers, "FURTHER_SHARE", 0)
    monkeypatch.setattr(outliers, "LEAST_SETTLED", 0)

    def nearest(rows):
        others = np.repeat(rows[:, None] ^ 1, 2, axis=1)
        return Neighbours(others, np.full(others.shape, 0.5, np.float32))

    tracemalloc.start()
    found = outliers.score(features, labels, n_references=SAMPLE)
    outliers.compare_further(features, labels, found, nearest, n_references=SAMPLE)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 12e6  # All of them are 26 MB as float16, and 51 MB as float32.


@pytest.fixture
def sampled(monkeypatch):
    """Every image is compared with 60 others: its score is the mean of the two nearest."""
    monkeypatch.setattr(outliers, "N_NEIGHBOURS", 2)
    monkeypatch.setattr(outliers, "N_REFERENCES", 60)
    monkeypatch.setattr(outliers, "LEAST_FURTHER", 60)


def listed(workspace):
    found = outlier_scores.list_outliers(workspace, limit=10)
    return [(each.digest, each.outlier_score) for each in found]


def test_the_list_begins_as_that_of_comparing_all_and_no_file_is_loaded(
    workspace, images, sampled, monkeypatch
):
    excluded = [Choice(f"{n:064x}", "exclude", reason="poor quality") for n in (7, 50)]
    decisions.decide(workspace, excluded, actor="human:anna")
    build.build(workspace, images.set_id)
    asked, by_index = [], search.nearest

    def noted(workspace, chosen, queries, k, **named):
        asked.append(len(queries))
        return by_index(workspace, chosen, queries, k, **named)

    with monkeypatch.context() as patched:
        patched.setattr(search, "nearest", noted)
        patched.setattr(stored, "load", lambda *_: pytest.fail("loaded"))
        told = []
        assert outlier_scores.refresh(workspace, report=lambda *given: told.append(given))
    assert asked
    assert {phase for phase, *_ in told} == {outlier_scores.PHASE}
    found = listed(workspace)
    with workspace.transaction() as connection:
        connection.execute("DELETE FROM outlier_state")
    monkeypatch.setattr(build, "BRUTE_FORCE_UP_TO", 120)
    monkeypatch.setattr(outliers, "N_REFERENCES", ALL)
    assert outlier_scores.refresh(workspace)
    expected = listed(workspace)
    assert [digest for digest, _ in found] == [digest for digest, _ in expected]
    assert [score for _, score in found] == pytest.approx([score for _, score in expected], abs=1e-5)
    assert not {f"{n:064x}" for n in (7, 50)} & {digest for digest, _ in found}


def test_scores_that_are_not_settled_are_not_listed(workspace, images, sampled, monkeypatch):
    build.build(workspace, images.set_id)
    monkeypatch.setattr(outliers, "LEAST_FURTHER", 3)
    monkeypatch.setattr(outliers, "LEAST_SETTLED", 0)
    outlier_scores.refresh(workspace)
    rows = workspace.query("SELECT score, nearest_similarity FROM outlier_score ORDER BY score")
    (limit,) = workspace.query("SELECT listed_below, outlier_below FROM outlier_limit WHERE class_id = 0")
    assert sum(row["score"] < limit["listed_below"] for row in rows) <= 6
    assert limit["outlier_below"] <= limit["listed_below"]
    (state,) = workspace.query("SELECT lonely_below FROM outlier_state")
    assert sum(row["nearest_similarity"] < state["lonely_below"] for row in rows) <= 6


def test_a_page_waits_for_the_scores_of_few_images_only(workspace, images):
    with pytest.raises(NotFound, match="take minutes") as error:
        outlier_scores.refresh(workspace, most=119)
    assert error.value.remedy == "Find them with: peakid outliers"
    assert outlier_scores.refresh(workspace)
    decisions.decide(workspace, [Choice(f"{7:064x}", "exclude", reason="blurred")], actor="human:anna")
    assert not outlier_scores.refresh(workspace, most=119)
    assert len(outlier_scores.list_outliers(workspace)) == 120  # As they were.
    assert outlier_scores.refresh(workspace, most=120)
    assert len(outlier_scores.list_outliers(workspace)) == 119
