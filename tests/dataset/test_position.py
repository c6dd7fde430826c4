"""The position of a photo is removed without changing other bytes."""

import io
import struct

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from peakid.dataset import position

GPS, ORIENTATION, CAMERA = 0x8825, 0x0112, 0x0110
LATITUDE = (46.0, 5.0, 31.25)  # degrees, minutes, seconds


def photo(format: str, *, has_position: bool = True, xmp: bytes | None = None) -> bytes:
    exif = Image.Exif()
    exif[ORIENTATION] = 6
    exif[CAMERA] = "A camera with a long name"
    if has_position:
        exif.get_ifd(GPS).update({1: "N", 2: LATITUDE, 3: "E", 4: (7.0, 51.0, 0.5), 29: "2024:07:01"})
    out = io.BytesIO()
    pixels = np.random.default_rng(1).integers(0, 256, (24, 32, 3), dtype=np.uint8)
    options = {"xmp": xmp} if xmp else {}
    if xmp and format == "PNG":
        options = {"pnginfo": PngImagePlugin.PngInfo()}
        options["pnginfo"].add_itxt("XML:com.adobe.xmp", xmp.decode())
    Image.fromarray(pixels).save(out, format, exif=exif.tobytes(), **options)
    return out.getvalue()


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_the_position_is_removed_and_pixels_orientation_and_camera_stay(format):
    data = photo(format)
    assert Image.open(io.BytesIO(data)).getexif().get_ifd(GPS)  # Present before.
    clean = position.remove(data)
    before, after = Image.open(io.BytesIO(data)), Image.open(io.BytesIO(clean))
    assert dict(after.getexif().get_ifd(GPS)) == {}
    assert GPS not in after.getexif()
    assert (after.getexif()[ORIENTATION], after.getexif()[CAMERA]) == (6, "A camera with a long name")
    assert np.array_equal(np.asarray(before), np.asarray(after))
    assert len(clean) == len(data)


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_no_byte_of_the_coordinates_is_left_behind(format):
    # 31.25 seconds as a rational of 125 / 4, in either byte order.
    coded = [struct.pack(f"{order}II", 125, 4) for order in "<>"]
    data = photo(format)
    assert any(each in data for each in coded)
    assert not any(each in position.remove(data) for each in coded)


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "TIFF", "GIF", "BMP"])
def test_a_photo_without_a_position_is_unchanged(format, draw):
    assert position.remove(draw(format=format)) == draw(format=format)
    if format not in ("GIF", "BMP"):
        assert position.remove(photo(format, has_position=False)) == photo(format, has_position=False)


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP"])
def test_the_position_in_xmp_is_removed(format):
    xmp = (
        b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:Description exif:GPSLatitude="46,5.52N" exif:Flash="0">'
        b"<exif:GPSLongitude>7,51.01E</exif:GPSLongitude></rdf:Description></x:xmpmeta>"
    )
    clean = position.remove(photo(format, xmp=xmp))
    assert b"46,5.52N" not in clean
    assert b"7,51.01E" not in clean
    assert b'exif:Flash="0"' in clean
    Image.open(io.BytesIO(clean)).load()  # PNG checks its sums here.


def test_the_position_is_removed_from_every_picture_of_a_file():
    both = photo("JPEG") + photo("JPEG")
    assert struct.pack(">II", 125, 4) not in position.remove(both)
    assert struct.pack("<II", 125, 4) not in position.remove(both)


@pytest.mark.parametrize("cut", [30, 60, 100, 150])
def test_a_damaged_structure_is_not_an_error(cut):
    data = photo("JPEG")
    for rest in (b"", bytes(len(data) - cut), b"\xff" * (len(data) - cut)):
        assert len(position.remove(data[:cut] + rest)) == cut + len(rest)  # Blanked in place, whatever it is.
