"""The index of pieces finds the same pairs as comparing all hashes."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from peakid.curate.duplicates import hash_search
from peakid.curate.duplicates.hash_search import Index


def uniform(seed: int, n: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 2**64, n, dtype=np.uint64)


def clustered(seed: int, n: int, n_flips: int) -> np.ndarray:
    """Clusters of five with up to `n_flips` bits changed: just inside and just outside of the radius."""
    rng = np.random.default_rng(seed)
    hashes = np.repeat(rng.integers(0, 2**64, n // 5 + 1, dtype=np.uint64), 5)[:n]
    for _ in range(n_flips):
        hashes = hashes ^ (np.uint64(1) << rng.integers(0, 64, n, dtype=np.uint64))
    return hashes


def by_python(queries: np.ndarray, table: np.ndarray, radius: int) -> set[tuple[int, int, int]]:
    """The oracle: Python's own integers, a pair at a time."""
    distances = (
        (q, t, (int(a) ^ int(b)).bit_count()) for q, a in enumerate(queries) for t, b in enumerate(table)
    )
    return {found for found in distances if found[2] <= radius}


def as_set(found: hash_search.Found) -> set[tuple[int, int, int]]:
    assert len(set(zip(*map(np.ndarray.tolist, found), strict=True))) == len(found[0])  # Nothing twice.
    return set(zip(*map(np.ndarray.tolist, found), strict=True))


@pytest.mark.slow
@given(seed=st.integers(0, 2**32), n=st.integers(1, 60), n_flips=st.integers(0, 7), radius=st.integers(0, 8))
@settings(max_examples=25, deadline=None)
def test_the_index_finds_the_same_pairs_as_comparing_all(
    seed: int, n: int, n_flips: int, radius: int
) -> None:
    table = np.concatenate([clustered(seed, n, n_flips), uniform(seed, n)])
    queries = np.concatenate([table[::7], uniform(seed + 1, 3)])
    assert as_set(Index(table).near(queries, radius=radius)) == by_python(queries, table, radius)
    every = by_python(table, table, radius)
    assert as_set(Index(table).pairs(radius=radius)) == {(q, t, d) for q, t, d in every if t < q}


@given(seed=st.integers(0, 2**32), n=st.integers(1, 40), radius=st.integers(0, 40))
@settings(max_examples=25, deadline=None)
def test_comparing_all_sums_the_distances_of_both_hashes(seed: int, n: int, radius: int) -> None:
    table = np.stack([clustered(seed, n, 6), clustered(seed + 1, n, 6)], axis=1)
    expected = set()
    for q, (p, d) in enumerate(table.tolist()):
        for t, (other_p, other_d) in enumerate(table.tolist()):
            distance = (p ^ other_p).bit_count() + (d ^ other_d).bit_count()
            if distance <= radius:
                expected.add((q, t, distance))
    assert as_set(hash_search.compare(table, table, radius=radius)) == expected


@pytest.mark.slow
@pytest.mark.parametrize("table", [uniform(0, 20_000), clustered(1, 20_000, 6)], ids=["uniform", "clustered"])
def test_an_index_finds_the_pairs_of_brute_force_in_twenty_thousand(table: np.ndarray) -> None:
    q, t, distance = hash_search.compare(table[:, None], table[:, None], radius=8)
    assert as_set(Index(table).pairs()) == {
        found for found in zip(q.tolist(), t.tolist(), distance.tolist(), strict=True) if found[1] < found[0]
    }


def test_many_equal_hashes_are_found_in_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hash_search, "BLOCK", 64)
    table = np.full(40, 7, dtype=np.uint64)
    assert len(Index(table).pairs()[0]) == 40 * 39 // 2
    assert len(hash_search.compare(table[:, None], table[:, None], radius=0)[0]) == 1600


def test_a_radius_that_would_lose_pairs_is_an_error() -> None:
    with pytest.raises(ValueError, match="9 is over 8"):
        Index(uniform(0, 4)).near(uniform(0, 1), radius=9)


def test_an_empty_search_finds_nothing() -> None:
    empty = np.empty(0, np.uint64)
    assert len(Index(empty).pairs()[0]) == 0
    assert len(Index(uniform(0, 4)).near(empty)[0]) == 0
    assert len(hash_search.compare(empty[:, None], empty[:, None], radius=8)[0]) == 0


@pytest.mark.parametrize("shard", [1, 7, 1000])
def test_the_size_of_a_shard_changes_no_pair(shard: int, monkeypatch: pytest.MonkeyPatch) -> None:
    # Clusters with 0 to 7 changed bits: pairs that one, two or all three pieces lead to.
    table = np.concatenate([clustered(seed, 25, seed) for seed in range(8)])
    expected = {(q, t, d) for q, t, d in by_python(table, table, 8) if t < q}
    monkeypatch.setattr(hash_search, "SHARD", shard)
    monkeypatch.setattr(hash_search, "BLOCK", 500)
    assert as_set(Index(table).pairs()) == expected
    parts = [as_set(each) for each in Index(table).pairs_by_shard()]
    assert sum(map(len, parts)) == len(expected)
    assert set().union(*parts) == expected
    assert as_set(Index(table).near(table[:30])) == by_python(table[:30], table, 8)
