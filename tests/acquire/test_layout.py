"""Folders give class and split, in every common arrangement of data sets."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from peakid.acquire import folder_names, layout
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
    "names",
    [
        ("1.5", "2.5", "3.5"),
        ("1.1", "2.2", "3.3"),
        ("1-door", "2-door coupe", "3-door hatch"),
        ("2-door", "4-wheel"),
        ("1 dog", "2 dogs", "3 cats"),
        ("7up", "cola"),
        ("2D", "3D"),
        ("1_fir", "3_elm"),
        ("1_fir", "2.elm"),
        ("2019_trip", "2020_party"),
        ("1. fir",),
    ],
)
def test_a_number_that_does_not_count_the_classes_belongs_to_their_names(names: tuple[str, ...]) -> None:
    assert places(*(f"set/{name}/1.jpg" for name in names)) == [(name, None) for name in names]


@pytest.mark.parametrize(
    "names",
    [
        ("1. fir", "2. elm"),
        ("01 fir", "02 elm"),
        ("01-fir", "07-elm"),
        ("0) fir", "1) elm"),
        ("1 - fir", "2 - elm"),
    ],
)
def test_numbers_that_count_the_classes_are_removed_and_said(names: tuple[str, ...]) -> None:
    found = layout.read([f"{name}/1.jpg" for name in names])
    assert [place.label for place in found.places.values()] == ["fir", "elm"]
    assert [note.kind for note in found.notes] == ["ordinals"]
    assert "'fir'" in found.notes[0].message


@pytest.mark.parametrize(
    ("train", "valid", "test"),
    [
        ("training", "validation", "testing"),
        ("TRAIN", "Val", "Test"),
        ("train", "dev", "test"),
        ("train", "val", "eval"),
        ("train", "dev", "holdout"),
        ("train_set", "valid_set", "test_set"),
        ("trainset", "valset", "testset"),
        ("train_images", "val_images", "test_images"),
        ("images_train", "images_valid", "images_test"),
        ("Training Data", "Validation Data", "Test Data"),
        ("train2017", "val2017", "test2017"),
        ("data-train", "data-dev", "data-eval"),
        ("cats_train", "cats_val", "cats_test"),
        ("1_train", "2_valid", "3_test"),
    ],
)
def test_split_words_in_use_elsewhere_are_known(train: str, valid: str, test: str) -> None:
    names = {train: "train", valid: "valid", test: "test"}
    assert places(*(f"{name}/{label}/1.jpg" for name in names for label in ("dom", "eiger"))) == [
        (label, split) for split in names.values() for label in ("dom", "eiger")
    ]


def test_eval_is_the_validation_unless_there_is_another_one() -> None:
    assert places("train/dom/1.jpg", "eval/dom/2.jpg") == [("dom", "train"), ("dom", "valid")]
    assert places("train/dom/1.jpg", "eval/dom/2.jpg", "test/dom/3.jpg") == [
        ("dom", "train"),
        ("dom", "valid"),
        ("dom", "test"),
    ]


def test_a_word_that_may_be_a_class_is_a_split_only_beside_another_split() -> None:
    assert places("dev/a/1.jpg", "sea/b/2.jpg") == [("dev", None), ("sea", None)]
    assert places("train_station/a/1.jpg", "test_tube/b/2.jpg") == [
        ("train_station", None),
        ("test_tube", None),
    ]
    assert places("bullet train/1.jpg", "freight train/2.jpg") == [
        ("bullet train", None),
        ("freight train", None),
    ]
    assert places("test/1.jpg", "plane/2.jpg", "train/3.jpg") == [
        ("test", None),
        ("plane", None),
        ("train", None),
    ]


def test_a_folder_beside_splits_with_splits_of_its_own_is_looked_into_and_said() -> None:
    paths = [
        f"{top}{split}/{name}/1.jpg"
        for top in ("", "sample/")
        for split in ("train", "valid")
        for name in ("cat", "dog")
    ]
    found = layout.read([*paths, "test1/1.jpg"])
    assert {place.label for place in found.places.values()} == {"cat", "dog", None}
    assert found.places["sample/valid/dog/1.jpg"] == Place("dog", "valid")
    assert found.places["test1/1.jpg"] == Place(None, "test")
    assert [note.kind for note in found.notes] == ["split_word", "inner_splits"]
    assert "'sample'" in found.notes[1].message


def test_two_data_sets_beside_each_other_keep_their_splits() -> None:
    paths = "a/train/cat/1.jpg", "a/test/cat/2.jpg", "b/train/dog/3.jpg", "b/val/cow/4.jpg"
    assert places(*paths) == [("cat", "train"), ("cat", "test"), ("dog", "train"), ("cow", "valid")]


def test_splits_inside_class_folders_are_read() -> None:
    paths = "cat/train/1.jpg", "cat/test/2.jpg", "dog/train/3.jpg", "dog/test/4.jpg", "cow/5.jpg"
    assert places(*paths) == [
        ("cat", "train"),
        ("cat", "test"),
        ("dog", "train"),
        ("dog", "test"),
        ("cow", None),
    ]
    assert places("cat/test/1.jpg", "dog/2.jpg") == [("cat", None), ("dog", None)]


def test_data_sets_nested_without_end_do_not_stop_the_import() -> None:
    paths = [f"{'a/' * n}train/cat/{n}.jpg" for n in range(300)] + ["b/" * 5000 + "1.jpg"]
    assert set(layout.places(paths)) == set(paths)


@pytest.mark.parametrize(
    "folder",
    [
        "data",
        "images",
        "Photos",
        "DCIM/100CANON",
        "DCIM/101MSDCF",
        "set/images",
        "JPEGImages",
        "DCIM/Camera",
        "data/images",
    ],
)
def test_the_only_folder_is_not_a_class_if_its_name_says_nothing(folder: str) -> None:
    found = layout.read([f"{folder}/1.jpg", f"{folder}/2.jpg", "README.md"])
    assert set(found.places.values()) == {layout.OUTSIDE}
    assert [note.kind for note in found.notes][:1] == ["container"]


def test_folders_of_a_camera_card_are_not_classes_and_folders_in_a_container_are() -> None:
    assert places("DCIM/100CANON/1.jpg", "DCIM/101CANON/1.jpg", "MISC/x.xml") == [(None, None)] * 3
    assert places("images/cat/1.jpg", "images/2.jpg", "docs/a.md") == [
        ("cat", None),
        (None, None),
        (None, None),
    ]
    assert places("train/images/1.jpg", "train/labels/1.txt", "val/images/2.jpg") == [
        (None, "train"),
        (None, "train"),
        (None, "valid"),
    ]
    assert places("data/1.jpg", "cat/2.jpg") == [("data", None), ("cat", None)]
    assert places("train/data/1.jpg", "train/cat/2.jpg", "test/data/3.jpg")[2] == ("data", "test")


@pytest.mark.parametrize(
    "name", ["_unlabeled", "unlabelled", "Unlabeled", "unlabeled_images", "unsup", "unsorted"]
)
def test_a_folder_of_unlabelled_images_is_not_a_class(name: str) -> None:
    assert places("dam/1.jpg", "lake/2.jpg", f"{name}/3.jpg") == [("dam", None), ("lake", None), (None, None)]
    assert places("train/dam/1.jpg", f"train/{name}/2.jpg")[1] == (None, "train")


def test_composed_and_decomposed_names_and_different_blanks_are_one_class() -> None:
    assert places("S\u00e4ntis/1.jpg", "Sa\u0308ntis/2.jpg") == [("S\u00e4ntis", None)] * 2
    assert (
        places("Mont Blanc/1.jpg", "Mont\u00a0Blanc/2.jpg", "Mont  Blanc /3.jpg")
        == [("Mont Blanc", None)] * 3
    )


@pytest.mark.parametrize(
    ("path", "part"),
    [
        (".DS_Store", ".DS_Store"),
        ("sea/Thumbs.db", "sea/Thumbs.db"),
        ("__MACOSX/sea/._1.jpg", "__MACOSX"),
        ("a/.git/x", "a/.git"),
        ("sea/1.jpg", None),
        ("sea/dom.DS_Store.jpg", None),
        ("sea/@eaDir/1.jpg/SYNOPHOTO_THUMB_S.jpg", "sea/@eaDir"),
        ("#recycle/1.jpg", "#recycle"),
        ("@Recycle/1.jpg", "@Recycle"),
        ("sea/.@__thumb/1.jpg", "sea/.@__thumb"),
        ("lost+found/1.jpg", "lost+found"),
        ("FOUND.000/1.jpg", "FOUND.000"),
        ("$RECYCLE.BIN/1.jpg", "$RECYCLE.BIN"),
        ("System Volume Information/1.jpg", "System Volume Information"),
        ("sea/.ipynb_checkpoints/1-checkpoint.jpg", "sea/.ipynb_checkpoints"),
        (".Trash-1000/files/1.jpg", ".Trash-1000"),
        (".picasaoriginals/1.jpg", ".picasaoriginals"),
        (".stversions/1.jpg", ".stversions"),
        ("@home/1.jpg", None),
        ("#1/1.jpg", None),
        ("found/1.jpg", None),
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
    meanings = (folder_names.split_of, folder_names.is_container, folder_names.is_unlabelled)
    if any(means(name) for name in classes for means in meanings):
        return
    plain = layout.places([f"{name}/1.jpg" for name in classes])
    wrapped = layout.places([f"data/{name}/1.jpg" for name in classes])
    split = layout.places([f"test/{name}/1.jpg" for name in classes])
    assert [place.label for place in plain.values()] == classes == [place.label for place in wrapped.values()]
    assert list(split.values()) == [Place(name, "test") for name in classes]
