"""Two copies of one picture are laid over each other, however one of them was changed; strangers are not."""

import io

import numpy as np
import pytest
from PIL import Image, ImageFilter, ImageOps

from peakid.errors import UnreadableImage
from peakid.imaging import keypoints, overlay, views

SIZE = (256, 192)


def textured(seed: int) -> Image.Image:
    """A grey picture with corners at every scale, as photos have them."""
    rng = np.random.default_rng(seed)
    layers = [
        np.asarray(
            Image.fromarray(rng.integers(0, 256, (3 * n, 4 * n), dtype=np.uint8)).resize(
                SIZE, Image.Resampling.BICUBIC
            ),
            dtype=np.float32,
        )
        for n in (2, 4, 8, 16)
    ]
    return Image.fromarray(np.mean(layers, axis=0).astype(np.uint8))


@pytest.fixture(scope="module")
def picture() -> Image.Image:
    return textured(1)


CHANGES = {
    "turned by 40 degrees": lambda image: image.rotate(40, Image.Resampling.BICUBIC),
    "cropped to .6": lambda image: image.crop((90, 60, 243, 175)),
    "mirrored and turned": lambda image: ImageOps.mirror(image).rotate(20, Image.Resampling.BICUBIC),
    "sheared": lambda image: image.transform(
        image.size, Image.Transform.AFFINE, (1, 0.25, -24, 0, 1, 0), Image.Resampling.BICUBIC
    ),
    "darker and blurred": lambda image: image.point([v // 2 for v in range(256)]).filter(
        ImageFilter.GaussianBlur(1)
    ),
    "half the size": lambda image: image.resize((128, 96), Image.Resampling.BICUBIC),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_changed_copy_is_laid_over_its_picture(picture: Image.Image, name: str) -> None:
    found = overlay.between(overlay.Picture.of(picture), overlay.Picture.of(CHANGES[name](picture)))
    assert found is not None
    assert found.n_matches >= 20
    assert found.agreement > 0.7
    assert found.is_mirrored == ("mirrored" in name)


def test_the_matrix_says_where_each_place_of_the_picture_lies_in_the_copy(picture: Image.Image) -> None:
    copy = picture.crop((64, 48, 256, 192))  # Its corner is a quarter from the left and from the top.
    found = overlay.between(overlay.Picture.of(picture), overlay.Picture.of(copy))
    assert found is not None
    corner = found.matrix @ [0.25, 0.25, 1.0]
    middle = found.matrix @ [0.625, 0.625, 1.0]
    assert corner == pytest.approx([0, 0], abs=0.01)
    assert middle == pytest.approx([0.5, 0.5], abs=0.01)
    assert found.overlap == pytest.approx(1, abs=0.05)


def test_strangers_are_not_laid_over_each_other(picture: Image.Image) -> None:
    pictures = [overlay.Picture.of(textured(seed)) for seed in range(2, 8)]
    own = overlay.Picture.of(picture)
    found = [each for other in pictures if (each := overlay.between(own, other)) is not None]
    assert all(each.agreement < 0.4 for each in found)


def test_a_picture_of_one_colour_lies_over_nothing(picture: Image.Image) -> None:
    flat = overlay.Picture.of(Image.new("L", SIZE, 90))
    assert len(flat.points) == 0
    assert overlay.between(flat, overlay.Picture.of(picture)) is None
    assert overlay.between(overlay.Picture.of(picture), flat) is None
    tiny = overlay.Picture.of(Image.new("L", (1, 400), 90))  # No level is large enough for a keypoint.
    assert overlay.between(tiny, tiny) is None


def test_keypoints_of_a_mirror_image_have_the_mirrored_values(picture: Image.Image) -> None:
    upright, mirrored = keypoints.find(picture), keypoints.find(ImageOps.mirror(picture))
    similarity = keypoints.mirrored(upright.values) @ mirrored.values.T
    nearest = similarity.argmax(axis=1)
    same_place = np.abs(upright.xy[:, 0] + mirrored.xy[nearest, 0] - (SIZE[0] - 1)) < 3
    assert same_place.mean() > 0.8
    assert np.median(similarity.max(axis=1)) > 0.9


def test_a_copy_is_drawn_in_the_frame_of_the_other_picture(picture: Image.Image) -> None:
    turned = picture.rotate(25, Image.Resampling.BICUBIC)
    found = overlay.between(overlay.Picture.of(picture), overlay.Picture.of(turned))
    assert found is not None
    out = io.BytesIO()
    turned.save(out, "PNG")
    drawn = Image.open(io.BytesIO(overlay.laid_over(out.getvalue(), found.matrix.tolist(), SIZE))).convert(
        "L"
    )
    assert drawn.size == SIZE
    inside = (slice(40, -40), slice(60, -60))  # Without the corners that the turn has cut off.
    away = np.abs(np.asarray(drawn, float)[inside] - np.asarray(picture, float)[inside])
    assert away.mean() < 6
    with pytest.raises(UnreadableImage):
        overlay.laid_over(b"no image", found.matrix.tolist(), SIZE)


def test_the_views_of_a_picture_hardly_change_with_its_brightness(picture: Image.Image) -> None:
    seen = views.of(picture)
    assert (seen.shape, seen.dtype) == ((len(views.NAMES), views.SIDE_PX, views.SIDE_PX), np.uint8)
    dark = views.of(picture.point([v // 3 for v in range(256)]))
    assert np.abs(seen.astype(float) - dark).mean() < 4
    mirrored = views.of(ImageOps.mirror(picture))
    whole, turned = views.NAMES.index("whole"), views.NAMES.index("whole mirrored")
    assert np.abs(seen[turned].astype(float) - mirrored[whole]).mean() < 2
