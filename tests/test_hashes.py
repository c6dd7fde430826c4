"""Hashes agree with the imagehash package bit by bit, and a picture's turns are hashed as if it had been turned first."""

from collections.abc import Callable
from io import BytesIO

import imagehash
import numpy as np
import pytest
from PIL import Image

from peakid import hashes


@pytest.fixture(params=range(6))
def grey(request: pytest.FixtureRequest, draw: Callable[..., bytes]) -> Image.Image:
    return Image.open(BytesIO(draw(request.param, size=(200 + 7 * request.param, 150), format="PNG"))).convert("L")


def test_hashes_are_those_of_imagehash(grey: Image.Image) -> None:
    assert hashes.phash(grey) == str(imagehash.phash(grey))
    assert hashes.dhash(grey) == str(imagehash.dhash(grey))


def test_the_first_orientation_is_the_picture_as_it_stands(grey: Image.Image) -> None:
    upright = hashes.unpack([hashes.orientations(grey)])[0, 0]
    assert [f"{int(value):016x}" for value in upright] == [hashes.phash(grey), hashes.dhash(grey)]


def test_every_orientation_has_the_hashes_of_the_turned_picture(grey: Image.Image) -> None:
    found = hashes.unpack([hashes.orientations(grey)])[0]
    for orientation in range(hashes.N_ORIENTATIONS):
        turned = hashes.turned(grey, orientation)
        # Shrinking rounds; where two neighbours are equal but for that, a bit may differ.
        assert (int(found[orientation, 0]) ^ int(hashes.phash(turned), 16)).bit_count() <= 2
        assert (int(found[orientation, 1]) ^ int(hashes.dhash(turned), 16)).bit_count() <= 2


def test_the_eight_orientations_are_all_different(grey: Image.Image) -> None:
    pixels = {np.asarray(hashes.turned(grey, orientation)).tobytes() for orientation in range(hashes.N_ORIENTATIONS)}
    assert len(pixels) == hashes.N_ORIENTATIONS
