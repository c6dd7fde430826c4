"""The one way from bytes to pixels: what is an image, which way is up, what RGB it has, how it is brought to size."""

import importlib
import importlib.util
import io
import struct
import warnings
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image, UnidentifiedImageError, features
from PIL.JpegImagePlugin import JpegImageFile

from peakid import settings
from peakid.errors import UnreadableImage
from peakid.records import Resize

# Counts up when the same bytes would give other pixels: caches and exports of two versions are never mixed.
VERSION = 1

# An MPO, two JPEGs in one file, opens as a JPEG. A Pillow built without AVIF says so of each such file.
FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", *(["AVIF"] if features.check("avif") else []))
FRAMED = ("GIF", "PNG", "WEBP", "TIFF", "AVIF", "HEIF")  # May hold several pictures; the first is taken.
# Of a JPEG's rows; what a broken download lost at its end may be less than the rest of it is worth.
LEAST_READABLE = 0.85
ORIENTATION_TAG = 0x0112  # EXIF 2.3, section 4.6.4.

# Our own cap is checked from the header, before anything is decoded; Pillow's lower one would warn or refuse first.
Image.MAX_IMAGE_PIXELS = None
# Damaged metadata beside good pixels is no news to anyone; damaged pixels become a rejection.
warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\.")

# What Pillow's decoders raise on damaged bytes, each by a different format.
DAMAGE = (
    *(
        OSError,
        SyntaxError,
        ValueError,
        TypeError,
        LookupError,
        AttributeError,
        EOFError,
        struct.error,
        zlib.error,
    ),
    *(MemoryError, ArithmeticError, RuntimeError, AssertionError),
)

_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_SWAPPING = (
    Image.Transpose.TRANSPOSE,
    Image.Transpose.ROTATE_270,
    Image.Transpose.TRANSVERSE,
    Image.Transpose.ROTATE_90,
)

HEIC_BRANDS = (
    b"heic",
    b"heix",
    b"heim",
    b"heis",
    b"hevc",
    b"hevx",
    b"mif1",
    b"msf1",
)  # ISO/IEC 23008-12, annex B.
JPEG_END = b"\xff\xd9"

_OTHER_CONTENT = {
    b"PK\x03\x04": "a zip archive; unpack it first",
    b"%PDF": "a PDF document",
    b"\x1f\x8b": "a gzip archive; unpack it first",
    b"<": "a web page, an SVG or another text with tags",
}


@dataclass(frozen=True)
class Decoded:
    """Pixels and what the header said. `width_px` and `height_px` are the whole image's, after the EXIF turn.

    `readable_share` is the share of rows that a truncated JPEG still has, 1 for everything else.
    """

    image: Image.Image
    format: str
    width_px: int
    height_px: int
    readable_share: float = 1.0
    is_animated: bool = False
    exif: Image.Exif | None = None


def decode(data: bytes) -> Image.Image:
    """Decode bytes to RGB with 8 bits a channel, turned upright as its EXIF says.

    Transparency is laid on white, 16 bits are scaled to 8 (Pillow alone would clip them), of an animation the
    first frame is taken. CMYK is converted without a colour profile. A JPEG that lacks a few of its last rows is
    decoded with those in one colour.

    Raises:
        UnreadableImage: With the reason a rejection gets.
    """
    return decode_at_least(data, 0, 0).image


def decode_at_least(data: bytes, width_px: int, height_px: int) -> Decoded:
    """Decode as `decode`, allowing a JPEG decoder to skip detail above the given size (before the turn).

    A JPEG can be decoded at 1/2, 1/4 or 1/8 for a fraction of the work; the result is never smaller than asked
    for unless the image is. 0 x 0 decodes in full.

    Raises:
        UnreadableImage: With the reason a rejection gets.
    """
    return _decoded(_opened(data), width_px, height_px)


def preprocess(data: bytes, *, size_px: int, resize: Resize) -> np.ndarray:
    """Bring an image to the square that a model sees: uint8 of shape (size_px, size_px, 3).

    Training, evaluation and the exported model's predictor all call this; a second implementation that resized
    a little differently cost 6 points of accuracy when measured.

    Raises:
        UnreadableImage: With the reason a rejection gets.
    """
    return preprocess_many(data, [size_px], resize=resize)[0]


def preprocess_many(data: bytes, sizes_px: Sequence[int], *, resize: Resize) -> list[np.ndarray]:
    """Bring an image to several sizes as `preprocess` does, decoding once where all need the same detail.

    Decoding is nearly all of the work: two sizes that are close cost little more than one.

    Raises:
        UnreadableImage: With the reason a rejection gets.
    """
    found, decoded = [], {}
    for size_px in sizes_px:
        image = _opened(data)
        # Twice the target keeps what the resampling filter needs (Pillow documents reducing_gap 2.0 likewise).
        shrink = 2 * size_px / (max(image.size) if resize == "pad" else min(image.size))
        least = [max(1, round(side * min(shrink, 1))) for side in image.size]
        detail = _detail(image, *least)
        if detail not in decoded:
            decoded[detail] = _decoded(image, *least).image
        found.append(fit(decoded[detail], size_px=size_px, resize=resize))
    return found


def fit(image: Image.Image, *, size_px: int, resize: Resize) -> np.ndarray:
    """Resize an upright RGB image to uint8 of shape (size_px, size_px, 3), antialiased."""
    square = (size_px, size_px)
    if resize == "crop":
        return np.asarray(image.resize(square, Image.Resampling.BICUBIC, box=_middle(image.size)))
    if resize == "squish":
        return np.asarray(image.resize(square, Image.Resampling.BICUBIC))
    scale = size_px / max(image.size)
    inner = image.resize(
        (max(1, round(image.width * scale)), max(1, round(image.height * scale))), Image.Resampling.BICUBIC
    )
    canvas = Image.new("RGB", square)
    canvas.paste(inner, ((size_px - inner.width) // 2, (size_px - inner.height) // 2))
    return np.asarray(canvas)


def _detail(image: Image.Image, width_px: int, height_px: int) -> int:
    """Answer the divisor 8, 4, 2 or 1 that a JPEG decoder skips detail by, as Pillow's `draft` chooses it; others decode in full."""
    if not isinstance(image, JpegImageFile):
        return 1
    scale = min(image.width // width_px, image.height // height_px)
    return next((divisor for divisor in (8, 4, 2) if scale >= divisor), 1)


def _middle(size: tuple[int, int]) -> tuple[float, float, float, float]:
    wide, high = size
    side = min(wide, high)
    left, top = (wide - side) / 2, (high - side) / 2
    return left, top, left + side, top + side


def _opened(data: bytes) -> Image.Image:
    """Read the header only, and refuse what must not be decoded."""
    if not data:
        raise UnreadableImage("empty", "0 bytes")
    try:
        image = Image.open(io.BytesIO(data), formats=(*FORMATS, *_optional_formats(data)))
    except UnidentifiedImageError:
        raise _unidentified(data) from None
    except DAMAGE as error:
        raise UnreadableImage("unreadable", f"its header is damaged: {error}") from error
    n_pixels, cap = image.width * image.height, settings.current().max_image_pixels
    if n_pixels > cap:
        raise UnreadableImage(
            "too_many_pixels", f"{image.width} x {image.height} is over the cap of {cap:,} pixels"
        )
    return image


def _optional_formats(data: bytes) -> list[str]:
    """Load the reader of HEIC photos, of which an iPhone makes millions, where one is installed and needed."""
    if not _is_heic(data):
        return []
    if importlib.util.find_spec("pillow_heif") is None:
        raise UnreadableImage(
            "unsupported_format", "HEIC; to read it: pip install pillow-heif, then import again"
        )
    importlib.import_module("pillow_heif").register_heif_opener(thumbnails=False)
    return ["HEIF"]


def _is_heic(data: bytes) -> bool:
    return data[4:8] == b"ftyp" and data[8:12] in HEIC_BRANDS


def _unidentified(data: bytes) -> UnreadableImage:
    if _is_heic(data):  # Its reader was asked and did not know what to do with it.
        return UnreadableImage("unreadable", "HEIC whose header or pixels are damaged")
    for magic, name in _OTHER_CONTENT.items():
        if data.lstrip().startswith(magic):
            return UnreadableImage("not_an_image", name)
    try:
        with Image.open(io.BytesIO(data)) as image:
            return UnreadableImage("unsupported_format", f"{image.format}; Peakid reads {', '.join(FORMATS)}")
    except DAMAGE:
        return UnreadableImage("not_an_image", f"no known image format; begins with {data[:12]!r}")


def _decoded(image: Image.Image, width_px: int, height_px: int) -> Decoded:
    format, full_size, source = image.format or "", image.size, getattr(image, "fp", None)
    try:
        is_animated = format in FRAMED and bool(getattr(image, "is_animated", False))
        if width_px and height_px:
            image.draft(image.mode, (width_px, height_px))
        is_reduced = image.size != full_size
        image, readable_share = _loaded(image, source)
        exif = _exif(image)
        turn = _TURNS.get(exif.get(ORIENTATION_TAG, 1)) if exif else None
        size = full_size if is_reduced else image.size  # A TIFF turns itself while it loads.
        rgb = _to_rgb(image if turn is None else image.transpose(turn))
    except DAMAGE as error:
        raise UnreadableImage(
            "unreadable", f"{format} that cannot be decoded to the end: {error or type(error).__name__}"
        ) from error
    width, height = reversed(size) if turn in _SWAPPING else size
    return Decoded(rgb, format, width, height, readable_share, is_animated, exif)


def _loaded(image: Image.Image, source: Any) -> tuple[Image.Image, float]:
    """Decode the pixels; answer them and the share of rows that there are."""
    try:
        image.load()  # verify() would let a truncated JPEG pass.
        return image, 1.0
    except OSError as error:
        if image.format != "JPEG" or image.info.get("progressive") or "truncated" not in str(error):
            raise  # A progressive JPEG lacks detail everywhere instead of rows.
        mended, share = _mended(source.getvalue(), image)
        if share < LEAST_READABLE:
            raise OSError(f"{error}; {share:.0%} of its rows are there") from error
        return mended, share


def _mended(data: bytes, broken: Image.Image) -> tuple[Image.Image, float]:
    """Decode a truncated JPEG by giving it an end; the decoder fills the missing rows with one colour.

    Pillow's own switch for truncated files is one for the whole process; other threads would feel it.
    """
    mended = Image.open(io.BytesIO(data + JPEG_END), formats=("JPEG",))
    mended.draft(broken.mode, broken.size)
    mended.load()
    edge = np.asarray(mended)[:, -1].reshape(
        mended.height, -1
    )  # (H, channels): a row is whole where its right end is.
    is_filled = (edge == edge[-1]).all(axis=1)
    n_filled = mended.height if is_filled.all() else int(np.argmin(is_filled[::-1]))
    return mended, min(1 - n_filled / mended.height, 0.999)


def _exif(image: Image.Image) -> Image.Exif | None:
    try:
        return image.getexif()
    except DAMAGE:  # Damaged EXIF says nothing of the direction; the pixels are still good.
        return None


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I") or image.mode == "F":
        return _from_deep(image)
    if image.has_transparency_data:
        flat = Image.new("RGBA", image.size, "white")
        return Image.alpha_composite(flat, image.convert("RGBA")).convert("RGB")
    return image.convert("RGB")


def _from_deep(image: Image.Image) -> Image.Image:
    """Scale a grey image of more than 8 bits by its whole range: 0..1 for floats, else 0..65535, or wider where its pixels are."""
    values = np.nan_to_num(np.asarray(image).astype(np.float64))
    top = max(1.0 if image.mode == "F" else 65535.0, values.max())
    low = min(0.0, values.min())
    return Image.fromarray(((values - low) * (255.0 / (top - low))).round().astype(np.uint8)).convert("RGB")
