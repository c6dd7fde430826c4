"""Occlusion maps: the cells that a prediction depends on are the ones whose hiding lowers it."""

import numpy as np
import pytest

from peakid.serve import occlusion


def blue_share(batch):
    """The model of the tests: the probability of a colour is its share of the mean values."""
    means = batch.reshape(len(batch), -1, 3).mean(axis=1)
    return (means / means.sum(axis=1, keepdims=True)).astype(np.float32)


@pytest.mark.parametrize("size_px", [8, 20, 37, 224])
def test_the_map_shows_the_only_blue_part(size_px):
    photo = np.full((size_px, size_px, 3), (200, 30, 0), dtype=np.uint8)
    photo[: size_px // 4, -(size_px // 4) :] = (0, 0, 255)  # At the top right.
    found = occlusion.explain(photo, ["red", "green", "blue"], "blue", blue_share)
    falls = np.array(found.rows)
    assert falls.shape == (8, 8)
    assert np.unravel_index(falls.argmax(), falls.shape) in [(0, 6), (0, 7), (1, 6), (1, 7)]
    assert falls[4:, :4].max() < falls[0, 7] / 4
    assert found.probability == pytest.approx(blue_share(photo[None])[0, 2])


def test_a_photo_of_one_colour_depends_on_no_part():
    photo = np.full((16, 16, 3), (200, 30, 20), dtype=np.uint8)
    found = occlusion.explain(photo, ["red", "green", "blue"], None, blue_share)
    assert found.label == "red"
    assert np.abs(found.rows).max() < 1e-6


def test_each_window_is_hidden_once_and_nothing_else_changes():
    photo = np.random.default_rng(0).integers(0, 255, (16, 16, 3), dtype=np.uint8)
    copies = occlusion.hidden(photo)
    mean = photo.reshape(-1, 3).mean(axis=0).round()
    assert len(copies) == 49
    assert (copies[0, :4, :4] == mean).all()
    assert (copies[0, 4:] == photo[4:]).all()
    assert (copies[-1, 12:, 12:] == mean).all()
