"""Which album a photo goes to."""

import numpy as np
import pytest

from peakid.errors import BadInput
from peakid.serve.albums import plan
from peakid.serve.albums.photos import PredictedFolder
from peakid.serve.albums.plan import AlbumRules
from tests import hostile_names

CLASSES = ("glacier", "mountain", "street")


def found(rows, *, hashes=None, detail=None):
    """A folder of photos a, b, c ... with these probabilities."""
    n = len(rows)
    far = np.array([[(0x9E3779B97F4A7C15 * (k + 1)) % 2**64] * 2 for k in range(n)], dtype=np.uint64)
    return PredictedFolder(
        folder=None,
        class_names=CLASSES,
        paths=tuple("abcdefghij"[:n]),
        probabilities=np.array(rows, dtype=np.float32).reshape(n, len(CLASSES)),
        hashes=far if hashes is None else np.array(hashes, dtype=np.uint64),
        has_detail=np.ones(n, dtype=bool) if detail is None else np.array(detail),
        unreadable=(),
    )


def albums(predicted, **rules):
    return [each.album for each in plan.make(predicted, AlbumRules(**rules)).placements]


def test_a_photo_goes_to_its_most_probable_class_or_to_other():
    rows = [[0.8, 0.1, 0.1], [0.3, 0.3, 0.4]]
    assert albums(found(rows)) == ["glacier", "street"]
    assert albums(found(rows), threshold=0.5) == ["glacier", "other"]


def test_a_group_of_classes_has_the_sum_of_their_probabilities():
    rows = [[0.3, 0.3, 0.4], [0.1, 0.2, 0.7], [0.9, 0.05, 0.05]]
    groups = {"mountain and glacier": ("mountain", "glacier")}
    assert albums(found(rows), groups=groups, threshold=0.5) == [
        "mountain and glacier",
        "street",
        "mountain and glacier",
    ]
    nested = albums(found(rows), groups=groups, threshold=0.5, is_nested=True)
    assert nested == ["mountain and glacier", "street", "mountain and glacier/glacier"]


def test_near_twins_go_to_the_album_of_their_mean():
    rows = [[0.9, 0.05, 0.05], [0.4, 0.6, 0.0], [0.0, 1.0, 0.0]]
    hashes = [[0, 0], [0xFFF, 0xFFF], [2**64 - 1, 2**64 - 1]]  # The first two differ in 24 bits.
    made = plan.make(found(rows, hashes=hashes), AlbumRules())
    assert [each.album for each in made.placements] == ["glacier", "glacier", "mountain"]
    assert [each.twin_of for each in made.placements] == ["a", "a", ""]
    assert [each.label for each in made.placements] == ["glacier", "mountain", "mountain"]
    assert made.n_twins == 2
    assert albums(found(rows, hashes=hashes), keeps_twins=False) == ["glacier", "mountain", "mountain"]
    further = [[0, 0], [0xFFF, 0x1FFF], [2**64 - 1, 2**64 - 1]]
    assert plan.make(found(rows, hashes=further), AlbumRules()).n_twins == 0


def test_a_photo_that_a_person_placed_takes_its_near_twins_along():
    rows = [[0.9, 0.05, 0.05], [0.4, 0.6, 0.0], [0.0, 1.0, 0.0]]
    predicted = found(rows, hashes=[[0, 0], [0xFFF, 0xFFF], [2**64 - 1, 2**64 - 1]])
    assert albums(predicted, placed={"b": "street"}) == ["street", "street", "mountain"]
    assert albums(predicted, placed={"b": "street", "a": "glacier"}) == ["glacier", "street", "mountain"]
    assert albums(predicted, placed={"b": "street"}, keeps_twins=False) == ["glacier", "street", "mountain"]
    assert albums(predicted, placed={"c": "other", "a": "unknown"}) == [
        "glacier",
        "glacier",
        "other",
    ]
    groups = {"high": ("mountain", "glacier")}
    assert albums(predicted, placed={"c": "glacier"}, groups=groups)[2] == "high"
    assert albums(predicted, placed={"c": "glacier"}, groups=groups, is_nested=True)[2] == "high/glacier"
    made = plan.make(predicted, AlbumRules(placed={"c": "glacier"}))
    assert [each.placed for each in made.placements] == ["", "", "glacier"]


def test_pictures_of_one_colour_are_no_twins():
    rows = [[0.9, 0.05, 0.05], [0.0, 1.0, 0.0]]
    made = plan.make(found(rows, hashes=[[0, 0], [0, 0]], detail=[False, False]), AlbumRules())
    assert made.n_twins == 0


def test_an_index_finds_the_same_twins_as_all_pairs(monkeypatch):
    rng = np.random.default_rng(3)
    hashes = rng.integers(0, 2**63, (300, 2), dtype=np.uint64)
    hashes[150:] = hashes[:150] ^ np.uint64(0b10101)  # Three bits in each.
    predicted = PredictedFolder(
        None,
        CLASSES,
        tuple(map(str, range(300))),
        np.full((300, 3), 1 / 3, dtype=np.float32),
        hashes,
        np.ones(300, dtype=bool),
        (),
    )
    whole = plan.make(predicted, AlbumRules())
    monkeypatch.setattr(plan, "EXACT_UP_TO", 10)
    assert plan.make(predicted, AlbumRules()) == whole
    assert whole.n_twins == 300


def test_counts_are_sorted_and_an_empty_folder_has_none():
    assert plan.make(found([[1, 0, 0], [0, 1, 0], [0, 1, 0]]), AlbumRules()).counts() == {
        "mountain": 2,
        "glacier": 1,
    }
    assert plan.make(found([]), AlbumRules()).counts() == {}


@pytest.mark.parametrize(
    ("groups", "words"),
    [
        ({"x": ("glaciers",)}, "no class 'glaciers'"),
        ({"x": ("glacier",), "y": ("glacier",)}, "'x' and 'y'"),
    ],
)
def test_groups_that_do_not_fit_are_named(groups, words):
    with pytest.raises(BadInput, match=words):
        plan.make(found([[1, 0, 0]]), AlbumRules(groups=groups))


def test_every_name_becomes_a_folder_name_of_its_own():
    long = ["x" * 500, "x" * 501, "é" * 80]
    names = [*hostile_names.NAMES, "a/b", "a:b", "A_b", "..", ".", "con", "CON.txt", *long]
    found = plan.folder_names(dict.fromkeys(names))
    assert len({each.casefold() for each in found.values()}) == len(found)
    for each in found.values():
        assert each
        assert not set(each) & set('/\\:*?"<>|\0\n')
        assert each not in (".", "..")
        assert not each.endswith((".", " "))
        assert len(each.encode()) <= 130
    assert found["con"] == "con_"
