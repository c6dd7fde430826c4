"""Prediction sets: the exact quantile, the level in every class, and classes with too few images."""

import numpy as np
import pytest

from peakid.evaluate.trust import conformal
from tests import scored


def calibration_images(n, *, groups=None):
    """Images of class 0 whose label has the probabilities .01, .02, ... and one image of class 1."""
    label = np.arange(1, n + 1) / 100
    probabilities = np.stack([label, 1 - label], axis=1)
    return scored.images(
        [*probabilities, (0.5, 0.5)], [0] * n + [1], groups=None if groups is None else [*groups, 10_000]
    )


def test_the_quantile_is_the_exact_one_of_finite_samples():
    # Of 19 scores at 90 %: the ceil(20 * .9) = 18th smallest of .99, .98, ... .81, which is .98.
    limits = conformal.fit(calibration_images(19), 0.9)
    assert limits.quantile[0] == pytest.approx(0.98)
    assert limits.n_calibration.tolist() == [19, 1]
    # Of 9: the 9th of 9, the largest; of 8 there is none.
    assert conformal.fit(calibration_images(9), 0.9).quantile[0] == pytest.approx(0.99)
    assert np.isinf(conformal.fit(calibration_images(8), 0.9).quantile[0])


@pytest.mark.parametrize(("level", "n_needed"), [(0.8, 4), (0.9, 9), (0.95, 19), (0.99, 99)])
def test_a_class_needs_so_many_images_for_a_level(level, n_needed):
    assert conformal.fit(calibration_images(30), level).n_needed == n_needed
    for n in (n_needed - 1, n_needed):
        images = scored.images([[0.6, 0.4]] * n + [[0.4, 0.6]], [0] * n + [1])
        assert np.isfinite(conformal.fit(images, level).quantile[0]) == (n == n_needed)


def test_near_duplicates_count_as_one_calibration_image():
    assert conformal.fit(calibration_images(18, groups=np.arange(18) // 2), 0.9).n_calibration[0] == 9


def test_every_class_holds_its_level():
    covered, seen = np.zeros(3), np.zeros(3)
    for seed in range(150):
        limits = conformal.fit(scored.drawn(120, n_classes=3, seed=seed), 0.9)
        fresh = scored.drawn(60, n_classes=3, seed=seed + 1000)
        is_covered = conformal.sets(fresh.pred_probs, limits)[np.arange(60), fresh.given]
        covered += np.bincount(fresh.given, weights=is_covered, minlength=3)
        seen += np.bincount(fresh.given, minlength=3)
    share = covered / seen
    # With n calibration images the expected share is ceil((n + 1) .9) / (n + 1): .90 to .92 for about 40.
    assert (share > 0.885).all()
    assert (share < 0.935).all()


def test_a_report_counts_coverage_and_sizes_class_by_class():
    valid, test = scored.drawn(300, seed=1, split="valid"), scored.drawn(200, seed=2)
    found = conformal.report(test, valid, 0.9)
    inside = conformal.sets(test.pred_probs, conformal.fit(valid, 0.9))
    assert found.coverage == pytest.approx(inside[np.arange(200), test.given].mean())
    assert found.mean_size == pytest.approx(inside.sum(axis=1).mean())
    assert sum(found.sizes) == 200
    assert sum(each.n_images for each in found.classes) == 200
    assert found.scheme == "valid"
    assert all(each.is_limited for each in found.classes)


def test_a_class_with_too_few_images_is_in_every_set_and_said_so():
    probabilities = [[0.9, 0.1]] * 20 + [[0.1, 0.9]]
    valid = scored.images(probabilities, [0] * 20 + [1], split="valid")
    found = conformal.report(scored.images([[0.9, 0.1]] * 4, [0] * 4), valid, 0.9)
    assert [each.is_limited for each in found.classes] == [True, False]
    assert found.n_needed == 9
    assert found.sizes == (0, 0, 4)  # Class 1 is in every set.
    assert found.classes[1].coverage is None


def test_without_other_images_each_fifth_has_limits_from_the_other_four():
    found = conformal.report(scored.drawn(200, split="valid"), None, 0.9)
    assert found.scheme == "cross-fitted"
    assert 0.84 < found.coverage < 0.97
