import dataclasses

import numpy as np
import pytest

from peakid.learn import fraction
from tests.learn.colours import images_of


@pytest.fixture
def many():
    """40 train images of moss, 8 of rust; 4 of each in valid and in test."""
    sizes = [("moss", "train", 40), ("rust", "train", 8)] + [
        (name, split, 4) for name in ("moss", "rust") for split in ("valid", "test")
    ]
    return images_of([(name, split) for name, split, n in sizes for _ in range(n)])


def counts(images):
    return {
        (images.class_names[k], split): int(
            ((images.labels == k) & (np.asarray(images.splits) == split)).sum()
        )
        for k in (0, 1)
        for split in ("train", "valid", "test")
    }


def test_a_quarter_takes_a_quarter_of_every_class_and_all_that_is_scored_by(many):
    part = fraction.take(many, 0.25, seed=0)
    assert counts(part) == {
        ("moss", "train"): 10, ("rust", "train"): 2,
        ("moss", "valid"): 4, ("rust", "valid"): 4, ("moss", "test"): 4, ("rust", "test"): 4,
    }  # fmt: skip
    whole = dict(zip(many.digests, many.labels, strict=True))
    assert all(whole[digest] == label for digest, label in zip(part.digests, part.labels, strict=True))


def test_a_larger_share_holds_the_smaller_one_and_another_seed_takes_others(many):
    tenth, half = (set(fraction.take(many, share, seed=0).digests) for share in (0.1, 0.5))
    assert tenth < half < set(many.digests)
    assert set(fraction.take(many, 0.1, seed=1).digests) != tenth


def test_no_class_is_lost_to_a_small_share(many):
    assert counts(fraction.take(many, 0.01, seed=0))["rust", "train"] == 1


def test_look_alikes_come_or_stay_out_together(many):
    pairs = [f"group-{row // 2}" for row in range(len(many.digests))]
    part = fraction.take(dataclasses.replace(many, groups=pairs), 0.3, seed=0)
    of_group = [part.groups.count(group) for group in part.groups]
    assert set(of_group) == {2}
    assert len(part.groups) == len(part.digests) == len(part.labels) == len(part.splits)


def test_folds_take_a_share_of_all_images_because_each_has_its_turn(many):
    part = fraction.take(many, 0.5, seed=0, is_folded=True)
    assert len(part.digests) == 32  # Half of 48 moss and of 16 rust.


def test_the_whole_is_left_as_it_is(many):
    assert fraction.take(many, 1.0, seed=0) is many
