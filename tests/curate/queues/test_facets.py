"""What a queue is made of: counts by class, source, split and issue, and histograms of measures."""

import pytest

from peakid.curate.queues import facets, ranges
from peakid.curate.queues.filters import Filters


@pytest.fixture
def five(workspace, plant):
    """Images a-c: dom; d, e: eiger; all but e measured, with sharpness 0.1 to 0.4."""
    digests = plant({name: "dom" if name < "d" else "eiger" for name in "abcde"})
    with workspace.transaction() as connection:
        for image_id in range(1, 5):
            connection.execute(
                "INSERT INTO image_measure VALUES (?, .5, .9, .1, .2, ?, 7, 40, 1, 0, NULL, NULL, 1, NULL)",
                (image_id, image_id / 10),
            )
        connection.executemany(
            "INSERT INTO image_issue_score VALUES ('dark', ?, ?)", [(0.1, 1), (0.2, 2), (0.5, 3)]
        )
    return digests


def counted(found, name):
    return [(each.value, each.n) for each in found.values[name]]


def histogram(found, name):
    return next(each for each in found.histograms if each.measure == name)


def test_the_images_of_a_queue_are_counted_by_value(workspace, five):
    found = facets.of_queue(workspace, "all")
    assert (found.n_images, found.is_part) == (5, False)
    assert counted(found, "class") == [("dom", 3), ("eiger", 2)]
    assert counted(found, "source") == [("folder", 5)]
    assert counted(found, "split") == []
    assert counted(found, "issue") == [("dark", 2)]  # Below the threshold of .32.


def test_filters_narrow_what_is_counted(workspace, five):
    found = facets.of_queue(workspace, "all", filters=Filters(ranges="sharpness=0.15..0.45"))
    assert counted(found, "class") == [("dom", 2), ("eiger", 1)]


def test_a_measure_is_spread_over_bins(workspace, five):
    (sharpness,) = [
        each for each in facets.of_queue(workspace, "all").histograms if each.measure == "sharpness"
    ]
    assert sum(sharpness.counts) == 4
    assert (sharpness.edges[0], sharpness.edges[-1]) == (0.1, 0.4)
    assert len(sharpness.edges) == len(sharpness.counts) + 1
    assert list(sharpness.edges) == sorted(sharpness.edges)


def test_the_same_value_everywhere_is_one_bin(workspace, five):
    brightness = histogram(facets.of_queue(workspace, "all"), "brightness")
    assert sorted(brightness.counts)[-2:] == [0, 4]
    assert set(brightness.edges) == {0.5}


def test_what_else_could_be_chosen_is_counted_beside_the_choice(workspace, five):
    found = facets.of_queue(workspace, "all", filters=Filters(class_name="eiger", ranges="sharpness=..0.4"))
    assert found.n_images == 1
    assert counted(found, "class") == [("dom", 3), ("eiger", 1)]
    assert sum(histogram(found, "sharpness").counts) == 1
    narrow = facets.of_queue(workspace, "all", filters=Filters(ranges="sharpness=..0.1"))
    assert sum(histogram(narrow, "sharpness").counts) == 4
    assert sum(histogram(narrow, "contrast").counts) == 1


def test_sizes_are_in_megapixels_and_unknown_measures_are_left_out(workspace, five):
    found = {each.measure: each for each in facets.of_queue(workspace, "all").histograms}
    assert "confidence" not in found
    assert found["megapixels"].edges[0] == 12 / 1e6


def test_of_a_full_queue_the_first_images_are_counted(workspace, five, monkeypatch):
    monkeypatch.setattr(facets, "MOST_COUNTED", 2)
    found = facets.of_queue(workspace, "all")
    assert (found.n_images, found.is_part) == (2, True)
    assert counted(found, "class") == [("dom", 2)]


def test_an_empty_queue_has_no_counts(workspace):
    found = facets.of_queue(workspace, "all")
    assert (found.n_images, found.histograms) == (0, ())


def test_one_range_is_changed_and_the_others_stay():
    changed = ranges.with_range("sharpness=..0.3,contrast=1..", ranges.Range("sharpness", 0.1, 0.2))
    assert changed == "contrast=1..,sharpness=0.1..0.2"
    assert ranges.with_range("sharpness=..0.3", ranges.Range("sharpness", None, None)) is None
    assert ranges.with_range(None, ranges.Range("contrast", None, 2.5)) == "contrast=..2.5"
