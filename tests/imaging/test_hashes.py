"""Hashes are those of imagehash, and the hashes of an orientation are those of the turned image."""

from collections.abc import Callable
from io import BytesIO

import imagehash
import numpy as np
import pytest
from PIL import Image, ImageOps

from peakid.imaging import hashes

# Bits of workspaces that exist: a change would make every stored image look different from every new one.
STORED_BITS = [
    ("fc9848e313c4ae3b", "b0b3362c4c4727a5"),
    ("8ce3d8b83acbc534", "1986c6663f353178"),
    ("fc6c8d47db2420da", "7227a69619c6e633"),
    ("dd79e29cd5ee0011", "2093db723435634e"),
    ("9141a6a6c2857f7b", "ce9a9ad8f9743e9d"),
    ("ce62f0fed33a00c5", "8da5a149686d6792"),
]


def smooth(seed: int) -> Image.Image:
    """Draw a grey image whose size and grey values depend on `seed`."""
    coarse = np.random.default_rng(seed).integers(0, 256, (6, 8, 3), dtype=np.uint8)
    size = (60 + seed % 97, 40 + seed % 53)
    return Image.fromarray(coarse).resize(size, Image.Resampling.BICUBIC).convert("L")


@pytest.fixture(params=range(6))
def grey(request: pytest.FixtureRequest, draw: Callable[..., bytes]) -> Image.Image:
    data = draw(request.param, size=(200 + 7 * request.param, 150), format="PNG")
    return Image.open(BytesIO(data)).convert("L")


def upright(grey: Image.Image) -> list[int]:
    return [int(value) for value in hashes.unpack([hashes.of(grey)[0]])[0, 0]]


def test_hashes_of_existing_workspaces_do_not_change() -> None:
    for seed, (phash, dhash) in enumerate(STORED_BITS):
        packed, _ = hashes.of(smooth(seed))
        assert (packed[:8].hex(), packed[8:16].hex()) == (phash, dhash)


def test_the_upright_hashes_of_many_images_are_those_of_imagehash() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (60, 45, 80), dtype=np.uint8)
    flat = [Image.new("L", (50, 30), value) for value in (0, 1, 128, 254, 255)]
    for image in [*map(smooth, range(200)), *map(Image.fromarray, noise), *flat]:
        whole, parts = hashes.of(image)
        expected = f"{imagehash.phash(image)}{imagehash.dhash(image)}"
        assert whole[:16].hex() == expected
        if hashes.without_rim(image) is None:
            assert parts[-16:].hex() == expected


def test_a_hash_is_an_imagehash_that_compares_with_packed_ones() -> None:
    found = [hashes.phash(smooth(seed)) for seed in range(20)]
    assert all(isinstance(each, imagehash.ImageHash) for each in found)
    packed = hashes.pack(found)  # (20,)
    assert packed[0] == int(STORED_BITS[0][0], 16)
    assert hashes.distances(found[0], packed).tolist() == [found[0] - each for each in found]
    from_hex = imagehash.hex_to_hash(STORED_BITS[0][1])
    assert hashes.dhash(smooth(0)) == from_hex
    both = hashes.unpack([hashes.of(smooth(0))[0]])  # (1, 8, 2)
    assert hashes.distances(from_hex, both)[0, 0, 1] == 0


def test_every_orientation_has_the_hashes_of_the_turned_image(grey: Image.Image) -> None:
    found = hashes.unpack([hashes.of(grey)[0]])[0]
    for orientation in range(hashes.N_ORIENTATIONS):
        p, d = upright(hashes.turned(grey, orientation))
        # Shrinking rounds, and the turned dhash skips pixels; a bit may differ if two neighbours are nearly
        # equal.
        assert (int(found[orientation, 0]) ^ p).bit_count() <= 2
        assert (int(found[orientation, 1]) ^ d).bit_count() <= 5


def part_distances(grey: Image.Image, other: Image.Image) -> list[int]:
    parts = hashes.unpack([hashes.of(grey)[1]], n_hashes=hashes.N_PARTS)[0]
    return np.bitwise_count(parts ^ np.array(upright(other), np.uint64)).sum(axis=1).tolist()


@pytest.mark.parametrize(("place", "part"), [((0, 0), 0), ((0.5, 0.5), 4), ((1, 0), 2), ((1, 1), 8)])
def test_a_crop_of_a_fifth_resembles_the_part_that_was_kept(
    grey: Image.Image, place: tuple[float, float], part: int
) -> None:
    wide, high = grey.width * 0.82, grey.height * 0.82
    left, top = (grey.width - wide) * place[0], (grey.height - high) * place[1]
    box = (round(left), round(top), round(left + wide), round(top + high))
    distances = part_distances(grey, grey.crop(box))
    assert distances[part] <= 12  # Both hashes, 128 bits; unrelated images are about 64 bits apart.
    assert distances[part] == min(distances)


def test_a_frame_is_cut_off(grey: Image.Image) -> None:
    framed = ImageOps.expand(grey, (20, 11, 7, 0), 255)
    assert part_distances(framed, grey)[-1] == 0
    assert hashes.without_rim(grey) is None


def test_the_last_part_of_an_image_without_a_frame_is_the_whole_image(grey: Image.Image) -> None:
    assert part_distances(grey, grey)[-1] == 0


@pytest.mark.parametrize("colour", [0, 255])
def test_nothing_is_cut_off_a_blank_image(colour: int) -> None:
    assert hashes.without_rim(Image.new("L", (60, 40), colour)) is None


def test_the_eight_orientations_are_all_different(grey: Image.Image) -> None:
    turned = [hashes.turned(grey, orientation) for orientation in range(hashes.N_ORIENTATIONS)]
    assert len({np.asarray(each).tobytes() for each in turned}) == hashes.N_ORIENTATIONS
