"""A search that skips pairs inside large groups finds the groups that comparing every pair finds."""

from collections.abc import Iterable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from peakid.curate.duplicates import aligned, find, group_search, hash_search, pair_search
from peakid.curate.duplicates.group_search import GroupSearch
from peakid.curate.duplicates.pair_search import Comparison, HashSet, Pair
from peakid.imaging import hashes

Rows = set[frozenset[int]]


def gone(_row: int, _orientation: int) -> None:
    """Read no picture, so that the distance of the hashes alone decides."""


def bursts(seed: int, n: int, n_flips: int) -> np.ndarray:
    """Hashes in a few chains: each has some bits of an earlier one changed. uint64 of shape (n, 8, 2)."""
    rng = np.random.default_rng(seed)
    found = rng.integers(0, 2**64, (n, 2), dtype=np.uint64)
    for row in range(3, n):
        found[row] = found[rng.integers(0, row)]
        for _ in range(n_flips):
            found[row, rng.integers(0, 2)] ^= np.uint64(1) << np.uint64(rng.integers(0, 64))
    turned = rng.integers(0, 2**64, (n, 8, 2), dtype=np.uint64)
    turned[:, 0] = rng.permutation(found)  # So that later rows often connect groups of earlier ones.
    return turned


def parts_of(pairs: Iterable[tuple[int, int]], n: int) -> Rows:
    """The oracle: the connected components of some pairs."""
    label = find.components(list(range(n)), np.array(sorted(pairs), dtype=np.int64).reshape(-1, 2))
    return {frozenset(np.flatnonzero(np.array(label) == each).tolist()) for each in set(label)}


def ends(pairs: Iterable[Pair]) -> set[tuple[int, int]]:
    return {(pair.row, pair.earlier) for pair in pairs}


def searched(
    table: HashSet,
    turned: np.ndarray,
    read: pair_search.PictureReader,
    *,
    stored: set[tuple[int, int]] | None = None,
    apart: frozenset[int] = frozenset(),
) -> set[tuple[int, int]]:
    """Return the stored pairs after a search. All pairs within `apart` are different."""
    n, known = len(turned), stored or set()
    counted = np.array([pair for pair in sorted(known) if not apart.issuperset(pair)], dtype=np.int64)
    labels = np.array(find.components(list(range(n)), counted.reshape(-1, 2)))
    central = group_search.central(np.array(sorted(known), dtype=np.int64).reshape(-1, 2), n)
    search = GroupSearch(
        labels,
        central,
        Comparison(read, table.upright),
        lambda row, others: (
            np.isin(others, list(apart)) if row in apart else np.zeros(len(others), dtype=bool)
        ),
    )
    return known | ends(pair for found in table.candidates(0, n, turned) for pair in search.add(found))


@pytest.fixture
def small_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Call a group large from five images on, so that small sets show what holds for large ones."""
    monkeypatch.setattr(group_search, "WHOLE_UP_TO", 4)
    monkeypatch.setattr(group_search, "N_NEAREST", 2)
    monkeypatch.setattr(group_search, "N_LOOKS", 3)


@pytest.mark.slow
@pytest.mark.usefixtures("small_limits")
def test_the_groups_are_those_of_all_pairs_also_after_some_are_called_different() -> None:
    @given(
        seed=st.integers(0, 2**32),
        n=st.integers(1, 70),
        n_flips=st.integers(0, 14),
        apart=st.sets(st.integers(0, 69), max_size=30),
    )
    @settings(max_examples=25, deadline=None)
    def compared(seed: int, n: int, n_flips: int, apart: set[int]) -> None:
        turned = bursts(seed, n, n_flips)
        table = HashSet(np.ascontiguousarray(turned[:, 0]))
        everything = ends(table.pairs(0, n, turned, gone))
        stored = searched(table, turned, gone)
        assert stored <= everything
        assert parts_of(stored, n) == parts_of(everything, n)
        # The next scan, after a person called all pairs among some images different.
        different = frozenset(row for row in apart if row < n)
        again = searched(table, turned, gone, stored=stored, apart=different)
        assert parts_of(without(again, different), n) == parts_of(without(everything, different), n)

    compared()


@pytest.mark.usefixtures("small_limits")
def test_a_row_connects_a_group_and_an_image_that_is_not_among_its_nearest() -> None:
    def hashed(n_bits: int) -> int:
        return 0x5555_5555_5555_5555 ^ ((1 << n_bits) - 1)

    # Row 9 is equal to the group of rows 1 to 8 and 15 bits from row 0, which is 26 bits from the group.
    rows = [hashed(15)] + [hashed(0)] * 8 + [hashed(0)]
    upright = np.array([(0x5555_5555_5555_5555, each) for each in rows], dtype=np.uint64)
    upright[1:9, 0] ^= np.uint64(0b11111111111 << 40)
    upright[9, 0] ^= np.uint64(1 << 40)
    turned = np.random.default_rng(4).integers(0, 2**64, (10, 8, 2), dtype=np.uint64)
    turned[:, 0] = upright
    stored = searched(HashSet(upright), turned, gone)
    assert (9, 0) in stored
    assert parts_of(stored, 10) == {frozenset(range(10))}


def without(pairs: set[tuple[int, int]], apart: frozenset[int]) -> set[tuple[int, int]]:
    return {pair for pair in pairs if not apart.issuperset(pair)}


@pytest.mark.usefixtures("small_limits")
def test_a_burst_is_shown_by_one_central_image_and_has_few_pairs() -> None:
    turned = bursts(1, 300, 0)  # Three pictures, each about a hundred times.
    table = HashSet(np.ascontiguousarray(turned[:, 0]))
    stored = searched(table, turned, gone)
    assert len(ends(table.pairs(0, 300, turned, gone))) > 10_000
    assert len(stored) <= 300 * (1 + group_search.N_NEAREST)
    degrees = np.bincount(np.array(sorted(stored)).ravel())
    for part in parts_of(stored, 300):
        # Every other image of the group has a pair with the central one.
        assert max(degrees[sorted(part)]) == len(part) - 1


def drawn(kind: str, n: int) -> list[Image.Image]:
    """Pictures that resemble each other: shifted frames of one scene, or flat ones with a faint mark."""
    rng = np.random.default_rng(5)
    scene = np.asarray(
        Image.fromarray(rng.integers(0, 256, (9, 12), dtype=np.uint8)).resize(
            (150, 120), Image.Resampling.BICUBIC
        )
    ).astype(float)
    found = []
    for _ in range(n):
        x, y = rng.integers(0, 20, 2)
        pixels = (
            scene[y : y + 96, x : x + 128] if kind == "frames" else np.full((96, 128), rng.uniform(80, 200))
        )
        if kind == "flat":
            pixels[y : y + 30, x : x + 60] += rng.uniform(4, 12)
        found.append(
            Image.fromarray((pixels + rng.normal(0, 1.5, pixels.shape)).clip(0, 255).astype(np.uint8))
        )
    return found


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["frames", "flat"])
@pytest.mark.usefixtures("small_limits")
def test_the_groups_of_drawn_pictures_are_those_of_all_pairs(kind: str) -> None:
    greys = drawn(kind, 40)
    whole, parts = zip(*(hashes.of(each) for each in greys), strict=True)
    turned = hashes.unpack(whole)
    table = HashSet(np.ascontiguousarray(turned[:, 0]), hashes.unpack(parts, n_hashes=hashes.N_PARTS))
    pictures = {
        (row, orientation): aligned.ComparedPicture(hashes.turned(greys[row], orientation))
        for row in range(40)
        for orientation in range(8)
    }

    def read(row: int, orientation: int) -> aligned.ComparedPicture:
        return pictures[row, orientation]

    everything = ends(table.pairs(0, 40, turned, read))
    assert len(everything) > 40
    assert parts_of(searched(table, turned, read), 40) == parts_of(everything, 40)


def test_many_comparisons_at_once_agree_with_one_after_the_other() -> None:
    pictures = [aligned.ComparedPicture(each) for kind in ("frames", "flat") for each in drawn(kind, 6)]
    together = aligned.resemblances(pictures[0], pictures)
    alone = [aligned.resemblance(pictures[0], each) for each in pictures]
    assert together == pytest.approx(np.array(alone), abs=1e-4)
    assert together[0] == pytest.approx([1, 1], abs=1e-4)


def test_the_nearest_hash_of_each_set_has_the_smallest_distance() -> None:
    rng = np.random.default_rng(2)
    queries = rng.integers(0, 2**64, (3, 2), dtype=np.uint64)
    sets = rng.integers(0, 2**64, (4, 5, 2), dtype=np.uint64)
    expected = [
        [
            min(sum((int(a) ^ int(b)).bit_count() for a, b in zip(q, s, strict=True)) for s in each)
            for each in sets
        ]
        for q in queries
    ]
    assert hash_search.nearest(queries, sets).tolist() == expected
