import dataclasses

import numpy as np
import pytest
import torch

from peakid.learn.batches import data
from peakid.learn.batches.feed import Feed, placement
from peakid.learn.batches.gather import Pixels
from peakid.learn.batches.loaders import GatherLoader, Rows
from peakid.recipe.recipe import Recipe
from peakid.records import no_report
from tests.learn.colours import images_of

CPU = torch.device("cpu")
PLACEMENTS = ("device", "staged", "plain")
PARTS = [np.array(part) for part in ([5, 0, 3], [1, 1, 7], [6, 2, 4], [8], [9, 10, 11], [5, 4, 3])]


def of_colours(tmp_path, **options):
    """Return the pixels of 12 images at 32 px, and the list of the digests that are read from then on."""
    images, read = images_of([("moss", "train")] * 10 + [("rust", "valid")] * 2), []
    counted = dataclasses.replace(images, read=lambda digest: read.append(digest) or images.read(digest))
    options = {"cache_dir": tmp_path / "cache", "report": no_report, "should_stop": lambda: False, **options}
    given = data.prepare_all(counted, Recipe(image_size_px=32, augment=0), [32], **options)[32].train
    read.clear()
    return given, read


def test_pixels_stay_on_a_gpu_with_enough_memory_and_are_sent_to_one_without():
    gpu_bytes = 24 * 10**9
    assert placement("cuda", n_bytes=12 * 10**9, free_bytes=gpu_bytes) == "device"
    assert placement("cuda", n_bytes=12 * 10**9 + 1, free_bytes=gpu_bytes) == "staged"
    assert placement("cuda", n_bytes=1, free_bytes=0) == "staged"  # After batches had to be halved.
    assert (
        placement("cpu", n_bytes=1, free_bytes=gpu_bytes)
        == placement("mps", n_bytes=1, free_bytes=gpu_bytes)
        == "plain"
    )


@pytest.mark.parametrize("chosen", PLACEMENTS)
@pytest.mark.parametrize("n_held", [0, 5, 12])
def test_every_placement_gives_the_same_batches_in_the_same_order(tmp_path, chosen, n_held):
    pixels, _read = of_colours(tmp_path, budget_bytes=n_held * 32 * 32 * 3)
    feed = Feed(pixels, np.concatenate(PARTS), CPU, chosen)
    for _epoch in range(2):
        batches = list(feed.batches(PARTS))
        assert [batch.dtype for batch in batches] == [torch.uint8] * len(PARTS)
        assert all(
            np.array_equal(batch.numpy(), pixels[at]) for batch, at in zip(batches, PARTS, strict=True)
        )


def test_pixels_on_the_device_are_decoded_in_the_first_epoch_only(tmp_path):
    pixels, read = of_colours(tmp_path, budget_bytes=0)
    feed = Feed(pixels, np.arange(12), CPU, "device")
    parts = [np.arange(0, 6), np.arange(6, 12)]
    list(feed.batches(parts))
    assert len(read) == 12
    list(feed.batches(parts[::-1]))
    assert len(read) == 12


def test_after_an_epoch_that_was_stopped_early_the_device_has_correct_pixels(tmp_path):
    pixels, read = of_colours(tmp_path, budget_bytes=0)
    feed = Feed(pixels, np.arange(12), CPU, "device")
    batches = feed.batches([np.arange(at, at + 2) for at in range(0, 12, 2)])
    next(batches)
    batches.close()
    assert 2 <= len(read) <= 12
    assert all(
        np.array_equal(batch.numpy(), pixels[at])
        for batch, at in zip(feed.batches(PARTS), PARTS, strict=True)
    )


def test_images_are_decoded_ahead_of_their_use_but_not_far(tmp_path):
    pixels, read = of_colours(tmp_path, budget_bytes=0)
    calls = []
    batches = pixels.batches(calls.append(i) or np.array([i]) for i in range(12))
    next(batches)
    assert calls == [0, 1, 2, 3]  # The one that was needed and three ahead.
    batches.close()
    assert len(read) <= 4


@pytest.mark.parametrize("chosen", PLACEMENTS)
def test_loaders_give_the_same_epoch_from_everywhere(chosen):
    pixels = Pixels.of(np.arange(11 * 8 * 8 * 3, dtype=np.uint8).reshape(11, 8, 8, 3))
    at, labels = np.array([9, 2, 4, 0, 7, 5]), np.arange(6)
    loader = GatherLoader(
        Rows(Feed(pixels, at, CPU, chosen), at, labels, 0), bs=4, shuffle=True, num_workers=0
    )
    loader.begin_epoch(3, skip=0)
    order = np.random.default_rng((0, 3)).permutation(6)  # Of seed 0.
    for part, (x, y) in zip((order[:4], order[4:]), loader, strict=True):
        assert y.tolist() == part.tolist()
        assert np.array_equal(x.permute(0, 2, 3, 1).numpy(), pixels[at[part]])
