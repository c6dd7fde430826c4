"""What one reduced decode of an image's bytes tells: digest, size, hashes, measures and a thumbnail."""

import contextlib
import hashlib
import io
from dataclasses import replace

import PIL.Image

from peakid.errors import UnreadableImage
from peakid.imaging import exif, hashes, measures, pixels
from peakid.imaging.records import Inspection, Measures

THUMBNAIL_PX = 256  # Sharp at the gallery's largest size; 11 KB as JPEG.
THUMBNAIL_QUALITY = 80
# Of a truncated JPEG's rows. More than pixels.decode asks for: what was taken in is readable at every scale.
LEAST_READABLE = 0.9


def inspect(data: bytes) -> Inspection:
    """Take from one reduced decode everything that is stored about an image.

    Working on a quarter or an eighth of a JPEG costs 8 ms instead of 28 ms for a photo of some megapixels. The
    perceptual hashes are those of the thumbnail's pixels: on photos phash is the whole image's in 94 of 100, dhash in
    78, and either within 2 bits in 99.

    Raises:
        UnreadableImage: With the reason a rejection gets.
    """
    decoded = pixels.decode_at_least(data, THUMBNAIL_PX, THUMBNAIL_PX)
    if decoded.readable_share < LEAST_READABLE:
        raise UnreadableImage(
            "unreadable", f"truncated {decoded.format}: {decoded.readable_share:.0%} of its rows are there"
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


def digest_of(data: bytes) -> str:
    """Name an image: SHA-256 of its bytes, 64 lower-case hex digits."""
    return hashlib.sha256(data).hexdigest()


def _small(image: PIL.Image.Image) -> PIL.Image.Image:
    """Shrink to the thumbnail's size. Halving first and a short filter give bicubic's sharpness at a quarter of its cost."""
    scale = THUMBNAIL_PX / max(image.size)
    if scale >= 1:
        return image
    size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    return image.resize(size, PIL.Image.Resampling.HAMMING, reducing_gap=1.0)


def _as_jpeg(small: PIL.Image.Image) -> bytes:
    out = io.BytesIO()
    small.save(out, "JPEG", quality=THUMBNAIL_QUALITY)
    return out.getvalue()


def _measures(decoded: pixels.Decoded, small: PIL.Image.Image) -> Measures:
    taken_at = name = None
    if decoded.exif:
        with contextlib.suppress(*pixels.DAMAGE):  # Damaged EXIF beside good pixels.
            taken_at, name = exif.taken_at(decoded.exif), exif.name(decoded.exif)
    return replace(
        measures.measure(small),
        readable_share=decoded.readable_share,
        is_animated=decoded.is_animated,
        taken_at=taken_at,
        camera=name,
    )
