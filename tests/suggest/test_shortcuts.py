"""A property that predicts the label is found, one that does not is not."""

import numpy as np
import pytest

from peakid.suggest import shortcuts
from peakid.suggest.shortcuts import Property


def halves(n: int = 200) -> np.ndarray:
    return np.arange(n) % 2


def test_a_planted_source_is_found_with_what_it_says() -> None:
    labels = halves()
    source = ["web" if label else "camera" for label in labels]
    source[:6] = ["web", "camera"][::-1] * 3 if labels[0] else ["web", "camera"] * 3  # Six are swapped.
    noise = np.random.default_rng(1).normal(size=200)
    found = shortcuts.check([Property("Noise", noise), Property("Source", source)], labels, np.arange(200), 2)
    assert [each.title for each in found] == ["Source", "Noise"]
    assert [each.is_shortcut for each in found] == [True, False]
    assert (found[0].accuracy, found[0].majority, found[0].n_images) == (0.97, 0.5, 200)
    assert found[0].p_value == pytest.approx(2 / 2000)  # The smallest of 1,999 shuffles, of two properties.
    assert found[0].interval[0] == pytest.approx(0.936, abs=0.001)
    best = found[0].examples[0]
    assert (best.value, best.label) in (("web", 1), ("camera", 0))
    assert (best.n_images, best.share) == (100, 0.97)


def test_a_measure_is_cut_into_ranges_with_its_unit() -> None:
    labels = halves()
    width = np.where(labels == 1, 640.0, 1024.0)
    (found,) = shortcuts.check([Property("Width", width, " px")], labels, np.arange(200), 2)
    assert found.accuracy == 1
    assert {each.value for each in found.examples} == {"below 1,024 px", "1,024 px and more"}


@pytest.mark.parametrize("seed", range(5))
def test_without_a_shortcut_none_is_reported(seed: int) -> None:
    random = np.random.default_rng(seed)
    labels = random.integers(0, 3, 300)
    properties = [Property(f"p{n}", random.normal(size=300)) for n in range(8)]
    properties.append(Property("words", [f"w{n}" for n in random.integers(0, 40, 300)]))
    found = shortcuts.check(properties, labels, np.arange(300), 3)
    assert len(found) == 9
    assert not any(each.is_shortcut for each in found)


def test_copies_of_one_picture_count_once() -> None:
    """30 pictures with a property of their own, each ten times: cross-validation alone would believe it."""
    random = np.random.default_rng(0)
    labels = np.repeat(random.integers(0, 2, 30), 10)
    own = np.repeat(random.normal(size=30), 10)
    groups = np.repeat(np.arange(30), 10)
    (grouped,) = shortcuts.check([Property("own", own)], labels, groups, 2)
    assert grouped.n_images == 30
    assert not grouped.is_shortcut
    (alone,) = shortcuts.check([Property("own", own)], labels, np.arange(300), 2)
    assert alone.is_shortcut


def test_unknown_values_can_tell_the_label_too() -> None:
    labels = halves()
    taken = np.where(labels == 1, np.nan, 2020.0)
    camera = ["" if label else "Canon" for label in labels]
    found = shortcuts.check([Property("Year", taken), Property("Camera", camera)], labels, np.arange(200), 2)
    assert [each.accuracy for each in found] == [1, 1]
    assert "unknown" in {example.value for each in found for example in each.examples}


def test_a_property_that_all_images_share_is_left_out() -> None:
    labels = halves()
    same = [Property("a", np.ones(200)), Property("b", ["x"] * 200), Property("c", np.full(200, np.nan))]
    assert shortcuts.check(same, labels, np.arange(200), 2) == []


def test_too_few_images_or_one_class_give_no_finding() -> None:
    few, one = halves(10), np.zeros(200, np.int64)
    assert shortcuts.check([Property("a", few.astype(float))], few, np.arange(10), 2) == []
    assert shortcuts.check([Property("a", np.arange(200.0))], one, np.arange(200), 2) == []


def test_many_values_are_one_more_value() -> None:
    labels = halves(400)
    words = [f"w{n:03}" for n in range(400)]
    (found,) = shortcuts.check([Property("name", words)], labels, np.arange(400), 2)
    assert not found.is_shortcut


def test_p_values_are_corrected_for_their_number() -> None:
    # Holm: 3 * .01, then 2 * .02, then .5; never lower than the one before.
    assert shortcuts._holm([0.5, 0.01, 0.02]) == pytest.approx([0.5, 0.03, 0.04])
    assert shortcuts._holm([0.01, 0.012]) == pytest.approx([0.02, 0.02])
