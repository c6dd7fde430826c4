import numpy as np
import pytest
from scipy import stats

from peakid.evaluate.heat import heat_shares

GRID = heat_shares.GRID


def even():
    return np.full((GRID, GRID), 100, dtype=np.uint8)


def corner(value=200):
    heat = np.zeros((GRID, GRID), dtype=np.uint8)
    heat[-4:, -4:] = value
    return heat


def test_an_even_map_has_in_each_region_the_share_of_its_area():
    found = heat_shares.shares_of(even())
    # Border: 1 - (24 / 32)^2. Outside the centre: 1 - (16 / 32)^2. Third: 11 of 32 rows. Corner: (8 / 32)^2.
    assert found["border"] == pytest.approx(0.4375)
    assert found["outside centre"] == pytest.approx(0.75)
    assert found["top"] == found["bottom"] == pytest.approx(11 / 32)
    assert found["top left"] == found["bottom right"] == pytest.approx(1 / 16)
    assert heat_shares.shares_of(np.zeros((GRID, GRID), dtype=np.uint8)) == found


def test_heat_in_a_corner_is_in_that_corner_at_the_border_and_nowhere_else():
    found = heat_shares.shares_of(corner())
    hot = {region for region, share in found.items() if share == 1}
    assert hot == {"border", "outside centre", "bottom", "bottom right"}
    assert all(share == 0 for region, share in found.items() if region not in hot)


def noisy(n, seed, base):
    rng = np.random.default_rng(seed)
    return [(base + rng.integers(0, 60, (GRID, GRID))).clip(0, 255).astype(np.uint8) for _ in range(n)]


def test_a_class_that_looks_at_a_corner_is_named_and_the_others_are_not():
    maps = [*noisy(8, 0, even() // 2), *noisy(8, 1, corner(190).astype(int))]
    found = heat_shares.of_classes(maps, [0] * 8 + [1] * 8, range(16))
    named = {(each.class_index, each.region) for each in found if each.is_shortcut}
    assert (1, "bottom right") in named
    assert not any(class_index == 0 for class_index, _ in named)
    assert found[0].class_index == 1


def test_share_interval_and_p_are_those_of_students_t_with_holms_correction():
    maps = noisy(7, 3, np.zeros((GRID, GRID), dtype=int)) + noisy(6, 4, corner(30).astype(int))
    found = heat_shares.of_classes(maps, [0] * 7 + [1] * 6, range(13))
    raw = []
    for each in found:
        rows = range(7) if each.class_index == 0 else range(7, 13)
        values = [heat_shares.shares_of(maps[n])[each.region] for n in rows]
        raw.append(stats.ttest_1samp([*values, 0.0], each.even, alternative="greater").pvalue)
        interval = stats.ttest_1samp([*values, 0.0, 1.0], each.even).confidence_interval(0.95)
        assert each.share == pytest.approx(np.mean(values))
        assert each.interval == pytest.approx((max(0, interval.low), min(1, interval.high)))
    # Holm: the i-th smallest of m times m - i, never below one before it.
    steps = np.sort(raw) * np.arange(len(raw), 0, -1)
    assert [each.p for each in found] == pytest.approx(np.minimum(1, np.maximum.accumulate(steps)))
    assert len(raw) == 2 * len(heat_shares.REGIONS)


def test_near_duplicates_count_once():
    maps = noisy(6, 5, corner(50).astype(int))
    once = heat_shares.of_classes(maps, [0] * 6, range(6))
    twice = heat_shares.of_classes([*maps, maps[0]], [0] * 7, [*range(6), 0])
    assert once == twice


def test_few_maps_say_nothing():
    assert heat_shares.of_classes([corner()] * 4, [0] * 4, range(4)) == []
    assert heat_shares.of_classes([], [], []) == []


def test_a_few_maps_that_are_all_the_same_prove_little():
    found = heat_shares.of_classes([corner()] * 6, [0] * 6, range(6))
    # One more map without any heat there is counted.
    assert {each.region for each in found if each.is_shortcut} == {
        "bottom",
        "bottom right",
    }


@pytest.mark.slow
def test_maps_without_a_preference_name_a_place_in_at_most_five_of_a_hundred_collections():
    rng, n_named = np.random.default_rng(11), 0
    for _ in range(300):
        maps = []
        for _ in range(
            3 * 8
        ):  # A hot spot at a random place, in the round: no place has more than any other.
            heat = np.zeros((GRID, GRID))
            heat[:9, :9] = 200
            maps.append(np.roll(heat, rng.integers(0, GRID, 2), axis=(0, 1)))
        found = heat_shares.of_classes(maps, np.repeat([0, 1, 2], 8).tolist(), range(24))
        n_named += any(each.is_shortcut for each in found)
    assert n_named / 300 <= 0.07


@pytest.mark.slow
def test_the_intervals_cover_the_true_share():
    rng, regions = np.random.default_rng(12), ("border", "top", "outside centre")
    covered = dict.fromkeys(regions, 0)
    rows, columns = np.mgrid[:GRID, :GRID]

    def maps(n):  # A round spot of heat around a place near the centre, over an even ground.
        for _ in range(n):
            row, column, width = rng.normal(16, 6), rng.normal(16, 6), rng.uniform(4, 9)
            yield 20 + 230 * np.exp(-((rows - row) ** 2 + (columns - column) ** 2) / (2 * width**2))

    many = [heat_shares.shares_of(each) for each in maps(4000)]
    truth = {region: np.mean([each[region] for each in many]) for region in regions}
    for _ in range(400):
        for each in heat_shares.of_classes(list(maps(15)), [0] * 15, range(15)):
            if each.region in regions:
                covered[each.region] += each.interval[0] <= truth[each.region] <= each.interval[1]
    assert all(n / 400 >= 0.93 for n in covered.values()), covered
