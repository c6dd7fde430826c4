"""Properties as slices: words, measures in ranges, years, two of them crossed."""

import numpy as np
import pytest

from peakid.evaluate.slices import clusters, property
from peakid.evaluate.slices.property import UNKNOWN


def test_words_come_by_frequency_and_rare_ones_are_one_slice():
    words = ["web"] * 3 + ["disk"] * 5 + [""] * 2
    found = property.of_words("source", "Source", words)
    assert found.values == ("disk", "web", UNKNOWN)
    assert found.members.sum(axis=1).tolist() == [5, 3, 2]
    many = property.of_words("tag", "Tag", [f"t{n % 30:02}" for n in range(300)])
    assert len(many.values) == property.MOST_VALUES + 1
    assert many.members.sum() == 300


def test_a_measure_is_cut_at_its_quartiles_whose_edges_are_told():
    found = property.of_numbers("size", "Size", np.arange(100.0), " px")
    assert found.edges == (24, 49, 74)
    assert found.values == ("below 24 px", "24 to 49 px", "49 to 74 px", "74 px and more")
    assert found.members.sum(axis=1).tolist() == [24, 25, 25, 26]
    assert (found.members.sum(axis=0) == 1).all()


def test_unknown_numbers_are_a_slice_and_equal_numbers_are_not_cut():
    found = property.of_numbers("size", "Size", np.array([1.0] * 60 + [2.0] * 30 + [np.nan] * 10))
    assert found.values == ("below 2", "2 and more", UNKNOWN)
    assert found.members.sum(axis=1).tolist() == [60, 30, 10]
    same = property.of_numbers("size", "Size", np.ones(50))
    assert same.values == ("every value",)
    nothing = property.of_numbers("size", "Size", np.full(3, np.nan))
    assert nothing.values == (UNKNOWN,)


def test_few_images_make_two_ranges():
    assert len(property.of_numbers("size", "Size", np.arange(20.0)).values) == 2


def test_each_year_is_a_slice_and_many_years_are_ranges():
    found = property.of_years("year", "Year taken", np.array([2019.0, 2019, 2021, np.nan]))
    assert found.values == ("2019", "2021", UNKNOWN)
    many = property.of_years("year", "Year taken", np.repeat(np.arange(1990.0, 2020), 4))
    assert many.values == ("before 1997", "1997 to 2003", "2004 to 2011", "2012 and later")


def test_crossed_properties_leave_out_empty_slices():
    a = property.of_words("source", "Source", ["web", "web", "disk"])
    b = property.of_words("class", "Class", ["dom", "eiger", "dom"])
    found = property.crossed(a, b)
    assert dict(zip(found.values, found.members.sum(axis=1).tolist(), strict=True)) == {
        "web, dom": 1,
        "web, eiger": 1,
        "disk, dom": 1,
    }


def test_clusters_are_the_planted_ones():
    random = np.random.default_rng(0)
    truth = np.repeat([0, 1, 2], [60, 40, 30])
    features = 4 * np.eye(16)[truth] + 0.1 * random.normal(size=(130, 16))
    found = clusters.assign(features.astype(np.float16))
    # Five clusters for 130 images: each of them within one planted cluster.
    assert len(np.unique(found)) == 5
    assert all(len(np.unique(truth[found == each])) == 1 for each in np.unique(found))
    assert np.array_equal(found, clusters.assign(features.astype(np.float16)))
    sizes = np.bincount(found)
    assert (np.diff(sizes) <= 0).all()


@pytest.mark.parametrize("n", [0, 1, 49])
def test_few_images_are_one_cluster(n):
    assert (clusters.assign(np.ones((n, 8), np.float16)) == 0).all()


def test_identical_images_are_one_cluster():
    assert (clusters.assign(np.ones((100, 8), np.float16)) == 0).all()
