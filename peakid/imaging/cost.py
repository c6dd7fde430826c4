"""Estimate from the header of an image how much memory its decoding takes."""

import io

from PIL import Image
from PIL.JpegImagePlugin import JpegImageFile

from peakid.imaging.formats import DAMAGE, FORMATS

# Bytes per pixel that are held at the same time by decoders with buffers of their own, beside Pillow's image.
# Measured with bench/decode_guard.py; the first is always reached, the second never exceeded.
_DECODERS = {"WEBP": (16, 26), "AVIF": (9, 20), "HEIF": (8, 20)}
_SMALL_MODES = {"1": 1, "L": 1, "P": 1, "I;16": 2, "I;16B": 2, "I;16L": 2, "I;16N": 2}
_OUT = 4  # Bytes per pixel of the RGB result in Pillow.


def least_webp_bytes(data: bytes) -> int:
    """Return how much memory decoding a WebP takes at least; 0 for other data."""
    return webp_pixels(data) * _DECODERS["WEBP"][0]


def least_bytes(image: Image.Image) -> int:
    """Return how much memory decoding takes at least, from an image whose header alone was read.

    A JPEG is decoded at a reduced size where that is enough; a progressive one keeps the coefficients of
    its full size even then.
    """
    return image.width * image.height * _per_pixel(image)[0]


def webp_pixels(data: bytes) -> int:
    """Return the number of pixels of a WebP, 0 for other data.

    Pillow takes memory for two pictures as soon as it opens one, so the size is read here (RFC 9649, section
    2.6 and 3.4).
    """
    if data[:4] != b"RIFF" or data[8:12] != b"WEBP":
        return 0
    if data[12:16] == b"VP8X":
        wide, high = (int.from_bytes(data[at : at + 3], "little") + 1 for at in (24, 27))
    elif data[12:16] == b"VP8L":
        bits = int.from_bytes(data[21:25], "little")
        wide, high = (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    else:
        wide, high = (int.from_bytes(data[at : at + 2], "little") & 0x3FFF for at in (26, 28))
    return wide * high


def most_bytes(data: bytes) -> int:
    """Return how much memory decoding takes at most, if the header is right; 0 if it cannot be read."""
    if n_pixels := webp_pixels(data):
        return n_pixels * _DECODERS["WEBP"][1]
    try:
        image = Image.open(io.BytesIO(data), formats=FORMATS)
    except (*DAMAGE, MemoryError):  # Decoding will say what is wrong.
        return 0
    return image.width * image.height * _per_pixel(image)[1]


def _per_pixel(image: Image.Image) -> tuple[int, int]:
    if isinstance(image, JpegImageFile):
        coefficients = 2 * len(image.getbands()) if image.info.get("progressive") else 0
        return coefficients // 2, coefficients + _OUT
    if image.format in _DECODERS:
        return _DECODERS[image.format]
    held = _SMALL_MODES.get(image.mode, 4)
    least = held if image.mode == "RGB" else held + _OUT
    return least, 2 * held + _OUT
