"""Measures of an image equal values computed by hand."""

import numpy as np
import pytest
from PIL import Image, ImageFilter

from peakid.imaging import measures

GREY = np.tile(np.array([0, 255], dtype=np.uint8), (40, 20))  # 40 x 40, black and white columns in turn.


def rgb(values: np.ndarray) -> Image.Image:
    return Image.fromarray(values).convert("RGB")


def test_black_and_white_columns_have_the_measures_computed_by_hand() -> None:
    found = measures.measure(rgb(GREY))
    assert (found.brightness, found.contrast, found.entropy_bits) == pytest.approx((0.5, 0.5, 1.0))
    assert (found.shadow, found.highlight, found.colourfulness) == (0.0, 1.0, 0.0)
    # Every pixel differs from both neighbours in its row by 255: the Laplacian is +510 or -510,
    # 4 times a contrast of 127.5.
    assert found.sharpness == pytest.approx(4.0)


@pytest.mark.parametrize("grey", [0, 100, 255])
def test_one_colour_has_no_contrast_no_information_and_no_blur(grey: int) -> None:
    found = measures.measure(Image.new("RGB", (30, 20), (grey, grey, grey)))
    assert (found.contrast, found.entropy_bits, found.sharpness) == (0.0, 0.0, 1.0)
    assert found.brightness == found.shadow == found.highlight == pytest.approx(grey / 255)


def test_colourfulness_follows_hasler_and_suesstrunk() -> None:
    # Half pure red, half pure blue. red - green: 255 and 0, so mean and deviation 127.5;
    # (red + green) / 2 - blue: 127.5 and -255, so mean -63.75 and deviation 191.25.
    values = np.zeros((8, 8, 3), dtype=np.uint8)
    values[:4, :, 0] = values[4:, :, 2] = 255
    expected = np.hypot(127.5, 191.25) + 0.3 * np.hypot(127.5, 63.75)
    assert measures.measure(Image.fromarray(values)).colourfulness == pytest.approx(expected, rel=1e-5)


def test_highlight_ignores_one_percent_and_shadow_five_percent() -> None:
    values = np.full(1000, 100, dtype=np.uint8)
    values[:9], values[-49:] = 255, 0  # Less than 1 % white and less than 5 % black.
    found = measures.measure(rgb(values.reshape(20, 50)))
    assert (found.shadow, found.highlight) == pytest.approx((100 / 255, 100 / 255))


def test_blur_lowers_sharpness_and_darkness_does_not() -> None:
    noise = Image.fromarray(np.random.default_rng(2).integers(0, 256, (100, 100, 3), dtype=np.uint8))
    sharp = measures.measure(noise).sharpness
    assert measures.measure(noise.filter(ImageFilter.GaussianBlur(3))).sharpness < 0.2 * sharp
    dark = noise.point([value // 4 for value in range(256)] * 3)
    assert measures.measure(dark).sharpness == pytest.approx(sharp, rel=0.02)


@pytest.mark.parametrize("size", [(1, 1), (1, 200), (2, 2), (3, 3)])
def test_the_smallest_images_can_be_measured(size: tuple[int, int]) -> None:
    assert np.isfinite(measures.measure(Image.new("RGB", size, "red")).sharpness)
