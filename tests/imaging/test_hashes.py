"""Hashes agree with the imagehash package bit by bit, and a picture's turns are hashed as if it had been turned first."""

from collections.abc import Callable
from io import BytesIO

import imagehash
import numpy as np
import pytest
from PIL import Image, ImageOps

from peakid.imaging import hashes


@pytest.fixture(params=range(6))
def grey(request: pytest.FixtureRequest, draw: Callable[..., bytes]) -> Image.Image:
    return Image.open(
        BytesIO(draw(request.param, size=(200 + 7 * request.param, 150), format="PNG"))
    ).convert("L")


def upright(grey: Image.Image) -> list[int]:
    return [int(value) for value in hashes.unpack([hashes.of(grey)[0]])[0, 0]]


def test_hashes_are_those_of_imagehash(grey: Image.Image) -> None:
    assert upright(grey) == [int(str(imagehash.phash(grey)), 16), int(str(imagehash.dhash(grey)), 16)]


def test_every_orientation_has_the_hashes_of_the_turned_picture(grey: Image.Image) -> None:
    found = hashes.unpack([hashes.of(grey)[0]])[0]
    for orientation in range(hashes.N_ORIENTATIONS):
        p, d = upright(hashes.turned(grey, orientation))
        # Shrinking rounds, and the turned dhash skips pixels; where two neighbours are nearly equal a bit may differ.
        assert (int(found[orientation, 0]) ^ p).bit_count() <= 2
        assert (int(found[orientation, 1]) ^ d).bit_count() <= 5


def part_distances(grey: Image.Image, other: Image.Image) -> list[int]:
    parts = hashes.unpack([hashes.of(grey)[1]], n_hashes=hashes.N_PARTS)[0]
    return np.bitwise_count(parts ^ np.array(upright(other), np.uint64)).sum(axis=1).tolist()


@pytest.mark.parametrize(("place", "part"), [((0, 0), 0), ((0.5, 0.5), 4), ((1, 0), 2), ((1, 1), 8)])
def test_a_crop_of_a_fifth_resembles_the_part_that_it_left(
    grey: Image.Image, place: tuple[float, float], part: int
) -> None:
    wide, high = grey.width * 0.82, grey.height * 0.82
    left, top = (grey.width - wide) * place[0], (grey.height - high) * place[1]
    distances = part_distances(
        grey, grey.crop((round(left), round(top), round(left + wide), round(top + high)))
    )
    assert distances[part] <= 12  # Both hashes, 128 bits; strangers are 64 apart.
    assert distances[part] == min(distances)


def test_a_frame_is_cut_off(grey: Image.Image) -> None:
    framed = ImageOps.expand(grey, (20, 11, 7, 0), 255)
    assert part_distances(framed, grey)[-1] == 0
    assert hashes.without_rim(grey) is None


def test_a_picture_without_a_frame_has_itself_as_the_last_part(grey: Image.Image) -> None:
    assert part_distances(grey, grey)[-1] == 0


@pytest.mark.parametrize("colour", [0, 255])
def test_of_a_blank_picture_nothing_is_cut_off(colour: int) -> None:
    assert hashes.without_rim(Image.new("L", (60, 40), colour)) is None


def test_the_eight_orientations_are_all_different(grey: Image.Image) -> None:
    pixels = {
        np.asarray(hashes.turned(grey, orientation)).tobytes() for orientation in range(hashes.N_ORIENTATIONS)
    }
    assert len(pixels) == hashes.N_ORIENTATIONS
