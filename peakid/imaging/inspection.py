"""Inspect an image with one reduced decode: digest, size, hashes, measures and thumbnail."""

import contextlib
import hashlib
import io
from dataclasses import replace

import PIL.Image
from PIL.JpegImagePlugin import JpegImageFile

from peakid import printable
from peakid.errors import UnreadableImage
from peakid.imaging import exif, hashes, measures, pixels
from peakid.imaging.records import Inspection, Measures

THUMBNAIL_PX = 256  # Sharp at the largest size in the grid; 11 KB as JPEG.
THUMBNAIL_QUALITY = 80
THUMBNAIL_BYTES = 256 * 1024  # More than 256 x 256 pixels of noise take.
# Share of rows of a truncated JPEG. More than pixels.decode needs, so that an imported image is readable at
# any scale.
LEAST_READABLE = 0.9


def inspect(data: bytes) -> Inspection:
    """Inspect an image with one reduced decode.

    Decoding a JPEG at a quarter or an eighth of its size takes 8 ms instead of 28 ms for a photo of several
    megapixels. The perceptual hashes are computed from the pixels of the thumbnail: for photos, phash equals
    that of the whole image in 94 of 100 cases and dhash in 78; both are within 2 bits in 99.

    Raises:
        UnreadableImage: With the reason of the rejection.
    """
    decoded = pixels.decode_at_least(data, THUMBNAIL_PX, THUMBNAIL_PX)
    if decoded.readable_share < LEAST_READABLE:
        raise UnreadableImage(
            "unreadable",
            f"truncated {decoded.format}: {printable.percent(decoded.readable_share)} of its rows are"
            " present",
        )
    small = _small(decoded.image)
    orientations, parts = hashes.of(small.convert("L"))
    return Inspection(
        digest=digest_of(data),
        format=decoded.format,
        n_bytes=len(data),
        width_px=decoded.width_px,
        height_px=decoded.height_px,
        phash=orientations[:8].hex(),
        dhash=orientations[8:16].hex(),
        orientations=orientations,
        parts=parts,
        thumbnail=_as_jpeg(small),
        measures=_measures(decoded, small),
    )


def grey_thumbnail(data: bytes) -> PIL.Image.Image:
    """Decode a thumbnail to grey. Thousands are compared, so they are decoded in this process.

    That is safe because whatever is not as small as a thumbnail is refused before it is decoded.

    Raises:
        UnreadableImage: If it is not a JPEG of the size of a thumbnail, or damaged.
    """
    try:
        if len(data) > THUMBNAIL_BYTES:
            raise UnreadableImage("unreadable", f"a thumbnail of {len(data):,} bytes")
        opened = JpegImageFile(io.BytesIO(data))
        if max(opened.size) > THUMBNAIL_PX or opened.info.get("progressive"):
            raise UnreadableImage("unreadable", f"a thumbnail of {opened.width} x {opened.height} pixels")
        return opened.convert("L")
    except (*pixels.DAMAGE, MemoryError) as error:
        raise UnreadableImage("unreadable", f"a damaged thumbnail: {error}") from error


def digest_of(data: bytes) -> str:
    """Return the digest that identifies an image: SHA-256 of its bytes, 64 lower-case hex digits."""
    return hashlib.sha256(data).hexdigest()


def _small(image: PIL.Image.Image) -> PIL.Image.Image:
    """Shrink to thumbnail size; halving plus a short filter is as sharp as bicubic and four times as fast."""
    scale = THUMBNAIL_PX / max(image.size)
    if scale >= 1:
        return image
    size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    return image.resize(size, PIL.Image.Resampling.HAMMING, reducing_gap=1.0)


def _as_jpeg(small: PIL.Image.Image) -> bytes:
    out = io.BytesIO()
    small.save(out, "JPEG", quality=THUMBNAIL_QUALITY, comment=b"")  # Pillow would keep the comment.
    return out.getvalue()


def _measures(decoded: pixels.Decoded, small: PIL.Image.Image) -> Measures:
    taken_at = name = None
    if decoded.exif:
        with contextlib.suppress(*pixels.DAMAGE):  # Damaged EXIF does not damage pixels.
            taken_at, name = exif.taken_at(decoded.exif), exif.name(decoded.exif)
    return replace(
        measures.measure(small),
        readable_share=decoded.readable_share,
        is_animated=decoded.is_animated,
        taken_at=taken_at,
        camera=name,
        grey_range=decoded.grey_range,
    )
