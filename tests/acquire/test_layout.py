"""Folders give class and split, in every common arrangement of data sets."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from peakid.acquire import layout
from peakid.acquire.layout import Place


def places(*paths: str) -> list[tuple[str | None, str | None]]:
    found = layout.places(paths)
    return [(found[path].label, found[path].split) for path in paths]


def test_a_folder_is_a_class_and_a_file_outside_one_is_unlabelled() -> None:
    assert places("river/1.jpg", "sea/2.jpg", "3.jpg") == [("river", None), ("sea", None), (None, None)]


def test_deeper_folders_belong_to_their_class() -> None:
    assert places("dom/2019/a.jpg", "dom/2020/raw/b.jpg", "eiger/c.jpg") == [
        ("dom", None),
        ("dom", None),
        ("eiger", None),
    ]


@pytest.mark.parametrize(
    ("folder", "split"),
    [
        ("train", "train"),
        ("valid", "valid"),
        ("val", "valid"),
        ("validation", "valid"),
        ("test", "test"),
        ("Train", "train"),
        ("seg_train", "train"),
        ("seg_val", "valid"),
        ("seg_test", "test"),
    ],
)
def test_split_folders_are_known_by_name(folder: str, split: str) -> None:
    assert places(f"{folder}/dom/1.jpg", f"{folder}/eiger/2.jpg", f"{folder}/3.jpg") == [
        ("dom", split),
        ("eiger", split),
        (None, split),
    ]


def test_images_to_predict_have_no_label_and_no_split() -> None:
    assert places("seg_train/sea/1.jpg", "seg_pred/2.jpg", "seg_pred/seg_pred/3.jpg") == [
        ("sea", "train"),
        (None, None),
        (None, None),
    ]


def test_a_folder_nested_in_one_of_its_own_name_counts_once() -> None:
    paths = "seg_train/seg_train/sea/1.jpg", "seg_train/seg_train/street/2.jpg", "seg_test/seg_test/sea/3.jpg"
    assert places(*paths) == [("sea", "train"), ("street", "train"), ("sea", "test")]


def test_a_single_folder_around_everything_is_ignored() -> None:
    assert places("archive/photos/dom/1.jpg", "archive/photos/eiger/2.jpg", "LICENSE") == [
        ("dom", None),
        ("eiger", None),
        (None, None),
    ]
    assert places("archive/train/dom/1.jpg", "archive/notes.txt") == [("dom", "train"), (None, None)]


def test_a_single_class_folder_is_not_taken_for_a_wrapper() -> None:
    assert places("dom/1.jpg", "dom/2.jpg") == [("dom", None), ("dom", None)]


def test_a_folder_train_next_to_other_classes_is_a_class() -> None:
    assert places("train/1.jpg", "plane/2.jpg") == [("train", None), ("plane", None)]


def test_a_class_folder_next_to_split_folders_has_no_split() -> None:
    assert places("train/dom/1.jpg", "test/dom/2.jpg", "extra/3.jpg") == [
        ("dom", "train"),
        ("dom", "test"),
        ("extra", None),
    ]


def test_ordinals_are_removed_if_every_class_has_one() -> None:
    assert places("00.Haleakala_National_Park/1.jpg", "01.Mt_Rainier/2.jpg") == [
        ("Haleakala_National_Park", None),
        ("Mt_Rainier", None),
    ]
    assert places("train/1_dom/1.jpg", "train/2_eiger/2.jpg", "test/1_dom/3.jpg") == [
        ("dom", "train"),
        ("eiger", "train"),
        ("dom", "test"),
    ]


def test_ordinals_are_kept_if_a_class_has_none_or_names_would_collide() -> None:
    assert places("00.Dom/1.jpg", "Eiger/2.jpg") == [("00.Dom", None), ("Eiger", None)]
    assert places("1-star/1.jpg", "2-star/2.jpg") == [("1-star", None), ("2-star", None)]
    assert places("2019/1.jpg", "2020/2.jpg") == [("2019", None), ("2020", None)]


@pytest.mark.parametrize(
    ("path", "part"),
    [
        (".DS_Store", ".DS_Store"),
        ("sea/Thumbs.db", "sea/Thumbs.db"),
        ("__MACOSX/sea/._1.jpg", "__MACOSX"),
        ("a/.git/x", "a/.git"),
        ("sea/1.jpg", None),
        ("sea/dom.DS_Store.jpg", None),
        ("../sea/1.jpg", None),
    ],
)
def test_hidden_parts_are_named(path: str, part: str | None) -> None:
    assert layout.hidden_part(path) == part


NAMES = st.sampled_from(["train", "test", "seg_pred", "val", "dom", "eiger", "00.a", "01.b", "x"]) | st.text(
    string.ascii_letters, min_size=1, max_size=3
)
PATHS = st.lists(NAMES, min_size=1, max_size=5).map(lambda parts: "/".join(parts) + ".jpg")


@given(st.lists(PATHS, max_size=12, unique=True))
def test_every_file_has_one_place_whatever_the_order(paths: list[str]) -> None:
    places = layout.places(paths)
    assert set(places) == set(paths)
    assert places == layout.places(paths[::-1])
    for path, place in places.items():
        # A label is always a folder that the file lies in, with or without its ordinal.
        folders = path.split("/")[:-1]
        assert place.label is None or any(
            folder == place.label or folder.endswith(place.label) for folder in folders
        )
        assert place.split is None or any(layout.split_named(folder) == place.split for folder in folders)


@given(st.lists(st.text(string.ascii_lowercase, min_size=4, max_size=6), min_size=2, max_size=5, unique=True))
def test_a_wrapper_and_a_split_folder_do_not_change_labels(classes: list[str]) -> None:
    if any(name in layout.SPLIT_NAMES for name in classes):
        return
    plain = layout.places([f"{name}/1.jpg" for name in classes])
    wrapped = layout.places([f"data/{name}/1.jpg" for name in classes])
    split = layout.places([f"test/{name}/1.jpg" for name in classes])
    assert [place.label for place in plain.values()] == classes == [place.label for place in wrapped.values()]
    assert list(split.values()) == [Place(name, "test") for name in classes]
