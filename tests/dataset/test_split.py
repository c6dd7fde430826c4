"""Splits: shares, groups, imports, and that images keep their split."""

import random
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from peakid.dataset import split
from peakid.errors import BadFractions
from peakid.records import Group

SHARES = {"train": 0.7, "valid": 0.15, "test": 0.15}


def group(name: str, label: str = "dom", n: int = 1) -> Group:
    digests = tuple(f"{name}{i:02d}" for i in range(n))
    return Group(digests[0], digests, (label,) * n)


def singles(n: int, label: str = "dom", prefix: str = "g") -> list[Group]:
    return [group(f"{prefix}{i:04d}", label) for i in range(n)]


def counted(splits: dict[str, str]) -> dict[str, int]:
    return {name: Counter(splits.values())[name] for name in split.SPLITS}


def deal(groups, held=None, fractions=SHARES, seed=0):
    return split.assign_groups(groups, held or {}, fractions=fractions, seed=seed)


def part(groups, assigned=None, imported=None, fractions=SHARES, seed=0):
    return split.partition(groups, assigned or {}, imported or {}, fractions=fractions, seed=seed)


# One class, worked by hand: shares of N images are .7N / .15N / .15N; each goes to the split furthest below
# its share.
@pytest.mark.parametrize(
    ("n_images", "expected"),
    [
        (1, (1, 0, 0)),
        (2, (2, 0, 0)),  # Missing after the first: .4 / .3 / .3
        (3, (1, 1, 1)),  # By shares 2 / 1 / 0: the smallest of train fills the empty test.
        (4, (2, 1, 1)),  # By shares 3 / 1 / 0.
        (6, (4, 1, 1)),
        (20, (14, 3, 3)),
        (100, (70, 15, 15)),
    ],
)
def test_a_class_is_split_by_its_shares_and_no_split_is_empty_from_three_images_on(n_images, expected):
    assert tuple(counted(deal(singles(n_images))).values()) == expected


def test_every_class_is_split_by_the_shares():
    dealt = deal([*singles(20, "dom", "a"), *singles(6, "weisshorn", "b")])
    assert counted({k: v for k, v in dealt.items() if k.startswith("b")}) == {
        "train": 4,
        "valid": 1,
        "test": 1,
    }


def test_an_empty_split_gets_the_smallest_group():
    dealt = deal([group("a", n=20), group("b"), group("c")])
    assert dealt["a00"] == "train"
    assert sorted([dealt["b00"], dealt["c00"]]) == ["test", "valid"]


def test_a_split_without_a_share_gets_nothing():
    assert counted(deal(singles(10), fractions={"train": 0.8, "valid": 0.2, "test": 0})) == {
        "train": 8,
        "valid": 2,
        "test": 0,
    }


def test_a_group_with_two_labels_counts_for_the_more_frequent_one():
    mixed = Group("m", ("m", "m1", "m2"), ("dom", "weisshorn", "weisshorn"))
    others = singles(5, "weisshorn")
    # As weisshorn: 8 images, shares 5.6 / 1.2 / 1.2, and 5 are in train: most is missing in valid. As dom,
    # alone: train.
    assert deal([mixed, *others], held={each.key: "train" for each in others})["m"] == "valid"


def test_of_equally_frequent_labels_the_alphabetically_first_counts():
    mixed = Group("m", ("m", "m1"), ("weisshorn", "dom"))
    others = singles(5, "dom")
    # As dom: 7 images, shares 4.9 / 1.05 / 1.05, and 5 are in train. As weisshorn, alone: train.
    assert deal([mixed, *others], held={each.key: "train" for each in others})["m"] == "valid"


def test_another_seed_is_another_partition():
    assert deal(singles(40), seed=0) != deal(singles(40), seed=1)


@given(
    st.lists(st.tuples(st.sampled_from("abc"), st.integers(1, 5)), max_size=40),
    st.integers(0, 5),
    st.randoms(),
)
@settings(max_examples=60, deadline=None)
def test_the_order_of_import_does_not_matter(shape, seed, chance):
    groups = [group(f"g{i:03d}", label, n) for i, (label, n) in enumerate(shape)]
    shuffled = list(groups)
    chance.shuffle(shuffled)
    assert deal(groups, seed=seed) == deal(shuffled, seed=seed)


@given(st.lists(st.lists(st.integers(1, 4), max_size=12), min_size=1, max_size=5), st.integers(0, 3))
@settings(max_examples=60, deadline=None)
def test_an_image_keeps_its_split_when_more_images_arrive(arrivals, seed):
    groups: list[Group] = []
    assigned: dict[str, str] = {}
    for i, sizes in enumerate(arrivals):
        groups += [group(f"{i}-{j:03d}", f"class{j % 2}", n) for j, n in enumerate(sizes)]
        now = part(groups, assigned, seed=seed)
        assert {digest: now[digest] for digest in assigned} == assigned
        assigned = now


@given(
    st.lists(st.integers(1, 6), min_size=1, max_size=30),
    st.dictionaries(st.integers(0, 40), st.sampled_from(split.SPLITS)),
    st.integers(0, 3),
)
@settings(max_examples=80, deadline=None)
def test_no_group_is_in_two_splits_whatever_was_assigned_before(sizes, held, seed):
    groups = [group(f"g{i:03d}", n=n) for i, n in enumerate(sizes)]
    digests = [digest for each in groups for digest in each.digests]
    splits = part(groups, {digests[i]: s for i, s in held.items() if i < len(digests)}, seed=seed)
    assert set(splits) == set(digests)
    assert all(len({splits[digest] for digest in each.digests}) == 1 for each in groups)


@given(st.lists(st.integers(1, 5), min_size=30, max_size=120), st.integers(0, 5))
@settings(max_examples=60, deadline=None)
def test_shares_are_met_within_twice_the_largest_group(sizes, seed):
    # A split gets a group only while images are missing there, so it ends at most one group above its share,
    # and what two splits have too much is what the third lacks.
    splits = part([group(f"g{i:03d}", n=n) for i, n in enumerate(sizes)], seed=seed)
    for name, n in counted(splits).items():
        assert abs(n - SHARES[name] * sum(sizes)) <= 2 * max(sizes)


def test_shares_are_met_although_images_arrive_one_by_one():
    assigned: dict[str, str] = {}
    groups = singles(200)
    random.Random(3).shuffle(groups)
    for n in range(1, 201):
        assigned = part(groups[:n], assigned)
    assert counted(assigned) == {"train": 140, "valid": 30, "test": 30}


# settle -------------------------------------------------------------------------------------------


def test_joined_groups_of_different_splits_all_go_to_train():
    joined = group("a", n=3)
    assert set(split.known_splits(joined, {"a00": "test", "a01": "valid"}, {}).values()) == {"train"}


def test_a_new_image_joins_the_split_of_its_near_duplicate():
    assert split.known_splits(group("a", n=2), {"a00": "test"}, {}) == {"a00": "test", "a01": "test"}


def test_an_earlier_assignment_takes_precedence_over_an_import():
    assert split.known_splits(group("a"), {"a00": "train"}, {"a00": "test"}) == {"a00": "train"}


def test_near_duplicates_in_two_imported_splits_stay_there():
    assert split.known_splits(group("a", n=2), {}, {"a00": "train", "a01": "test"}) == {
        "a00": "train",
        "a01": "test",
    }


# imports ------------------------------------------------------------------------------------------


def imported_set() -> tuple[list[Group], dict[str, str]]:
    """20 images in train, 10 in test."""
    train, test = singles(20, prefix="r"), singles(10, prefix="t")
    return [*train, *test], {g.key: "train" for g in train} | {g.key: "test" for g in test}


def test_imported_splits_are_kept():
    groups, imported = imported_set()
    imported |= {g.key: "valid" for g in groups[:4]}
    assert part(groups, imported=imported) == imported


def test_a_missing_valid_is_taken_from_imported_train_and_never_from_test():
    groups, imported = imported_set()
    splits = part(groups, imported=imported)
    # Valid's share of what is not test: .15 / .85 of 20 images = 3.5
    assert counted(splits) in ({"train": 16, "valid": 4, "test": 10}, {"train": 17, "valid": 3, "test": 10})
    assert all(splits[key] == "test" for key, was in imported.items() if was == "test")


def test_a_missing_test_is_taken_from_imported_train_and_never_from_valid():
    groups, imported = imported_set()
    imported = {key: "valid" if was == "test" else was for key, was in imported.items()}
    splits = part(groups, imported=imported)
    assert counted(splits) in ({"train": 16, "valid": 10, "test": 4}, {"train": 17, "valid": 10, "test": 3})


def test_the_valid_images_stay_when_the_import_is_frozen_again():
    groups, imported = imported_set()
    first = part(groups, imported=imported)
    more = singles(5, prefix="u")
    again = part([*groups, *more], first, imported | {g.key: "train" for g in more})
    assert {key: again[key] for key in first} == first


def test_a_group_of_imported_train_images_stays_in_one_split():
    groups = [group(f"r{i}", n=3) for i in range(8)]
    imported = dict.fromkeys((digest for g in groups for digest in g.digests), "train") | {"t00": "test"}
    splits = part([*groups, group("t")], imported=imported)
    assert all(len({splits[digest] for digest in g.digests}) == 1 for g in groups)
    assert "valid" in splits.values()


# fractions ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fractions", "message"),
    [
        ({"train": 0.7, "valid": 0.7, "test": 0.1}, "add up to 1.5"),
        ({"train": 1.2, "valid": -0.2, "test": 0}, "negative"),
        ({"train": float("nan"), "valid": 0.5, "test": 0.5}, "negative"),
        ({"train": 0.5, "dev": 0.5}, "a split other"),
    ],
)
def test_invalid_shares_are_errors_that_name_the_values(fractions, message):
    with pytest.raises(BadFractions, match=message) as raised:
        deal(singles(3), fractions=fractions)
    assert "0.7, 0.15 and 0.15" in raised.value.remedy


def test_a_share_that_is_not_given_is_zero():
    assert split.checked_fractions({"train": 0.8, "valid": 0.2}) == {"train": 0.8, "valid": 0.2, "test": 0.0}
