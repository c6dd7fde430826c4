import dataclasses

import numpy as np
import pytest

from peakid.errors import ClassTooSmall, SplitMissing, TooFewClasses, UnreadableImage
from peakid.imaging import pixels
from peakid.learn.batches import data
from peakid.recipe.recipe import Recipe
from tests.learn.colours import images_of, prepare


def prepared(images, tmp_path, should_stop=lambda: False, **settings):
    recipe = Recipe(**{"image_size_px": 32, **settings})
    return prepare(images, recipe, tmp_path / "cache", should_stop=should_stop)


def test_the_cached_pixels_are_those_that_every_export_will_see(colours, tmp_path):
    cache = prepared(colours, tmp_path)
    expected = np.stack(
        [pixels.preprocess(colours.read(digest), size_px=32, resize="crop") for digest in colours.digests]
    )
    assert np.array_equal(cache.canonical, expected)
    assert cache.train.shape == (26, 37, 37, 3)  # 32 px x 1.15 = 36.8.
    larger = np.stack(
        [pixels.preprocess(colours.read(digest), size_px=37, resize="crop") for digest in colours.digests]
    )
    assert np.array_equal(cache.train, larger)


def test_without_augmentation_training_sees_the_canonical_size(colours, tmp_path):
    given = prepared(colours, tmp_path, augment=0)
    assert np.array_equal(given.train, given.canonical)
    assert [folder.name for folder in (tmp_path / "cache").iterdir()] == [
        f"pixels-{pixels.VERSION}-32-crop"
    ]  # Kept once, not twice.


def test_a_second_run_reads_the_cache_and_no_image(colours, tmp_path):
    first = prepared(colours, tmp_path)
    blind = dataclasses.replace(colours, read=lambda digest: pytest.fail("an image was read again"))
    rows = colours.rows("train")
    assert np.array_equal(prepared(blind, tmp_path).train[rows], first.train[rows])


def test_another_size_or_policy_has_its_own_cache(colours, tmp_path):
    crop, squish = prepared(colours, tmp_path), prepared(colours, tmp_path, resize="squish")
    assert not np.array_equal(crop.canonical, squish.canonical)
    assert prepared(colours, tmp_path, image_size_px=40).canonical.shape[1] == 40


def test_images_decoded_before_a_stop_are_kept(colours, tmp_path):
    calls = []
    with pytest.raises(data.Stopped):
        prepared(colours, tmp_path, should_stop=lambda: len(calls) == 5 or calls.append(1))
    read = []
    rest = dataclasses.replace(colours, read=lambda digest: read.append(digest) or colours.read(digest))
    prepared(rest, tmp_path)
    assert len(read) <= 26 - 4  # It is called once after each image.


def test_an_image_that_cannot_be_decoded_is_named(colours, tmp_path):
    bad = dataclasses.replace(
        colours, read=lambda digest: b"noise" if digest == "image-3" else colours.read(digest)
    )
    with pytest.raises(UnreadableImage, match="Image image-3 cannot be decoded"):
        prepared(bad, tmp_path)


def test_a_single_class_is_refused():
    with pytest.raises(TooFewClasses, match="only the class 'moss'"):
        data.check(images_of([("moss", "train"), ("moss", "valid")]))


@pytest.mark.parametrize("split", ["train", "valid"])
def test_an_empty_split_is_named(split):
    other = "valid" if split == "train" else "train"
    with pytest.raises(SplitMissing, match=f"No image of the snapshot is in {split}"):
        data.check(images_of([("moss", other), ("rust", other)]))


def test_a_class_without_a_training_image_is_refused_by_name():
    rows = [("moss", "train"), ("sky", "train"), ("moss", "valid"), ("rust", "valid"), ("rust", "valid")]
    with pytest.raises(ClassTooSmall, match=r"Class 'rust' has no image in train \(2 in valid\)"):
        data.check(images_of(rows))


def test_a_class_missing_in_valid_or_with_one_training_image_is_a_warning():
    warnings = data.check(
        images_of([("moss", "train"), ("moss", "train"), ("rust", "train"), ("moss", "valid")])
    )
    assert {warning.kind for warning in warnings} == {"small_class"}
    assert [warning.text for warning in warnings] == [
        "Class 'rust' has no validation image: the score does not cover it.",
        "Class 'rust' has only 1 training image.",
    ]


def test_many_small_classes_are_named_in_one_warning():
    names = ("moss", "rust", "sky")
    warnings = data.check(images_of([(name, split) for name in names for split in ("train", "valid")]))
    assert [warning.text for warning in warnings] == [
        "3 classes ('moss', 'rust', 'sky') have only 1 training image."
    ]
