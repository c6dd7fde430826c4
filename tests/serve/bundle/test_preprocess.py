"""The preprocessing of a bundle gives the same pixels as that of training."""

import io

import numpy as np
import pytest
from PIL import Image

from peakid.imaging import pixels
from peakid.serve.bundle import golden
from peakid.serve.bundle.files import preprocess

PICTURES = golden.pictures()
SIZES = {"crop": 160, "squish": 64, "pad": 97}


@pytest.mark.parametrize("name", PICTURES)
@pytest.mark.parametrize("resize", SIZES)
def test_each_picture_gives_the_same_pixels(name, resize):
    expected = pixels.preprocess(PICTURES[name], size_px=SIZES[resize], resize=resize)
    assert np.array_equal(preprocess.preprocess(PICTURES[name], SIZES[resize], resize), expected)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_orientation_is_turned(orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    out = io.BytesIO()
    Image.open(io.BytesIO(PICTURES["scene0.jpg"])).save(out, "JPEG", exif=exif)
    expected = pixels.preprocess(out.getvalue(), size_px=96, resize="crop")
    assert np.array_equal(preprocess.preprocess(out.getvalue(), 96, "crop"), expected)


@pytest.mark.parametrize("colour", ["white", "grey"])
def test_drawings_on_transparent_ground_are_put_on_the_same_ground(colour):
    drawn = Image.new("RGBA", (80, 60), (0, 0, 0, 0))
    drawn.paste(colour, (10, 10, 40, 40))
    out = io.BytesIO()
    drawn.save(out, "PNG")
    expected = pixels.preprocess(out.getvalue(), size_px=32, resize="squish")
    assert np.array_equal(preprocess.preprocess(out.getvalue(), 32, "squish"), expected)


def test_what_it_does_not_convert_is_refused():
    out = io.BytesIO()
    Image.fromarray(np.full((9, 9), 40_000, dtype=np.uint16)).save(out, "PNG")
    with pytest.raises(ValueError, match="not converted"):
        preprocess.preprocess(out.getvalue(), 8, "crop")


@pytest.mark.slow
def test_the_pictures_are_the_same_every_time():
    assert golden.pictures() == PICTURES
