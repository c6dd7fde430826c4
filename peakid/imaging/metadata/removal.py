"""Remove everything from an image file that can hold the position where a photo was taken."""

from collections.abc import Callable

from peakid.imaging.metadata import bmp, boxes, gif, jpeg, png, tiff, webp
from peakid.imaging.metadata.parts import Cleaned, NotUnderstood

__all__ = ["Cleaned", "NotUnderstood", "clean"]

_TIFF_STARTS = (b"II*\x00", b"MM\x00*", b"II+\x00", b"MM\x00+")


def clean(data: bytes) -> Cleaned:
    """Return an image file with its pixels, orientation and colours only.

    Every reader copies a list of known parts: a camera, a drone or a program can write a position into any
    other part, in ways that no list of positions has. Pixels are not encoded again. A file that has nothing
    else is returned unchanged.

    Raises:
        NotUnderstood: If the file does not follow its format, so that its parts cannot be told apart.
    """
    return _reader(data)(data)


def _reader(data: bytes) -> Callable[[bytes], Cleaned]:
    if data.startswith(b"\xff\xd8\xff"):
        return jpeg.clean
    if data.startswith(png.SIGNATURE):
        return png.clean
    if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        return webp.clean
    if data.startswith((b"GIF87a", b"GIF89a")):
        return gif.clean
    if data.startswith(b"BM"):
        return bmp.clean
    if data.startswith(_TIFF_STARTS):
        return tiff.clean
    if data[4:8] == b"ftyp":
        return boxes.clean
    raise NotUnderstood("an unknown format")
