"""Read a photo for a model and hash what the model sees, from one decode."""

import io
from dataclasses import dataclass

import numpy as np
import PIL.Image

from peakid.imaging import hashes, pixels
from peakid.records import Resize

THUMBNAIL_QUALITY = 80
LEAST_DEVIATION = 4.0  # Of grey values in 0..255: below it a picture is nearly one colour.


@dataclass(frozen=True)
class HashedPhoto:
    """Attributes:
    pixels: uint8 of shape (S, S, 3), as the model takes them.
    hashes: uint64 of shape (2,): phash and dhash of these pixels.
    thumbnail: These pixels as a JPEG; b"" unless it was asked for.
    """

    pixels: np.ndarray
    hashes: np.ndarray
    has_detail: bool
    thumbnail: bytes = b""


def read(data: bytes, *, size_px: int, resize: Resize, has_thumbnail: bool = False) -> HashedPhoto:
    """Return what sorting needs of a photo, from one decode.

    Args:
        has_thumbnail: Also what a page shows of it.

    Raises:
        UnreadableImage: With the reason of the rejection.
    """
    square = pixels.preprocess(data, size_px=size_px, resize=resize)
    picture = PIL.Image.fromarray(square)
    grey = picture.convert("L")
    found = hashes.pack([hashes.phash(grey), hashes.dhash(grey)])
    return HashedPhoto(
        square,
        found,
        has_detail=float(np.asarray(grey).std()) >= LEAST_DEVIATION,
        thumbnail=_as_jpeg(picture) if has_thumbnail else b"",
    )


def _as_jpeg(picture: PIL.Image.Image) -> bytes:
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=THUMBNAIL_QUALITY)
    return out.getvalue()
