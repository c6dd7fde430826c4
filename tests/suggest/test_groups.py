"""Which images the live head follows where there are too many."""

import numpy as np

from peakid.suggest import groups


def test_a_sample_has_whole_groups_and_the_preferred_ones_first():
    rng = np.random.default_rng(0)
    image_ids = np.arange(1, 10_001)
    of = np.repeat(np.arange(4_000), rng.permuted(np.repeat([1, 4], [2_000, 2_000])))
    is_first = np.zeros(len(of), dtype=bool)
    is_first[[3, 5_000, 9_999]] = True
    chosen = groups.sampled(image_ids, of, is_first, 2_500)
    assert 2_490 <= chosen.sum() <= 2_500
    for group in np.unique(of[chosen]):
        assert chosen[of == group].all()
    assert chosen[is_first].all()
    assert 0.2 < chosen[:5_000].mean() < 0.3  # Drawn at random, not the oldest.


def test_images_that_are_added_change_little_of_a_sample():
    before = groups.sampled(np.arange(1, 10_001), np.arange(10_000), np.zeros(10_000, dtype=bool), 1_000)
    after = groups.sampled(np.arange(1, 10_101), np.arange(10_100), np.zeros(10_100, dtype=bool), 1_000)
    assert (before & after[:10_000]).sum() > 950
