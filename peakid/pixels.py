"""The one way from bytes to pixels: what is an image, which way is up, what RGB it has, how it is brought to size."""

import io
import struct
import warnings
import zlib
from dataclasses import dataclass

import numpy as np
from PIL import Image, UnidentifiedImageError

from peakid import settings
from peakid.errors import UnreadableImage
from peakid.records import Resize

# Counts up when the same bytes would give other pixels: caches and exports of two versions are never mixed.
VERSION = 1

FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF")  # An MPO, two JPEGs in one file, opens as a JPEG.
ORIENTATION_TAG = 0x0112  # EXIF 2.3, section 4.6.4.

# Our own cap is checked from the header, before anything is decoded; Pillow's lower one would warn or refuse first.
Image.MAX_IMAGE_PIXELS = None
# Damaged metadata beside good pixels is no news to anyone; damaged pixels become a rejection.
warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\.")

# What Pillow's decoders raise on damaged bytes, each by a different format.
DAMAGE = (
    *(OSError, SyntaxError, ValueError, TypeError, LookupError, AttributeError, EOFError, struct.error, zlib.error),
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
_SWAPPING = (Image.Transpose.TRANSPOSE, Image.Transpose.ROTATE_270, Image.Transpose.TRANSVERSE, Image.Transpose.ROTATE_90)

_OTHER_CONTENT = {
    b"PK\x03\x04": "a zip archive; unpack it first",
    b"%PDF": "a PDF document",
    b"\x1f\x8b": "a gzip archive; unpack it first",
    b"<": "a web page, an SVG or another text with tags",
}


@dataclass(frozen=True)
class Decoded:
    """Pixels and what the header said. `width_px` and `height_px` are the whole image's, after the EXIF turn."""

    image: Image.Image
    format: str
    width_px: int
    height_px: int


def decode(data: bytes) -> Image.Image:
    """Decode bytes to RGB with 8 bits a channel, turned upright as its EXIF says.

    Transparency is laid on white, 16 bits are scaled to 8 (Pillow alone would clip them), of an animation the
    first frame is taken. CMYK is converted without a colour profile.

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
    image = _opened(data)
    # Twice the target keeps what the resampling filter needs (Pillow documents reducing_gap 2.0 likewise).
    shrink = 2 * size_px / (max(image.size) if resize == "pad" else min(image.size))
    least = [max(1, round(side * min(shrink, 1))) for side in image.size]
    return fit(_decoded(image, *least).image, size_px=size_px, resize=resize)


def fit(image: Image.Image, *, size_px: int, resize: Resize) -> np.ndarray:
    """Resize an upright RGB image to uint8 of shape (size_px, size_px, 3), antialiased."""
    square = (size_px, size_px)
    if resize == "crop":
        return np.asarray(image.resize(square, Image.Resampling.BICUBIC, box=_middle(image.size)))
    if resize == "squish":
        return np.asarray(image.resize(square, Image.Resampling.BICUBIC))
    scale = size_px / max(image.size)
    inner = image.resize((max(1, round(image.width * scale)), max(1, round(image.height * scale))), Image.Resampling.BICUBIC)
    canvas = Image.new("RGB", square)
    canvas.paste(inner, ((size_px - inner.width) // 2, (size_px - inner.height) // 2))
    return np.asarray(canvas)


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
        image = Image.open(io.BytesIO(data), formats=FORMATS)
    except UnidentifiedImageError:
        raise _unidentified(data) from None
    except DAMAGE as error:
        raise UnreadableImage("unreadable", f"its header is damaged: {error}") from error
    n_pixels, cap = image.width * image.height, settings.current().max_image_pixels
    if n_pixels > cap:
        raise UnreadableImage("too_many_pixels", f"{image.width} x {image.height} is over the cap of {cap:,} pixels")
    return image


def _unidentified(data: bytes) -> UnreadableImage:
    for magic, name in _OTHER_CONTENT.items():
        if data.lstrip().startswith(magic):
            return UnreadableImage("not_an_image", name)
    try:
        with Image.open(io.BytesIO(data)) as image:
            return UnreadableImage("unsupported_format", f"{image.format}; Peakid reads {', '.join(FORMATS)}")
    except DAMAGE:
        return UnreadableImage("not_an_image", f"no known image format; begins with {data[:12]!r}")


def _decoded(image: Image.Image, width_px: int, height_px: int) -> Decoded:
    format, full_size = image.format or "", image.size
    try:
        if width_px and height_px:
            image.draft(image.mode, (width_px, height_px))
        is_reduced = image.size != full_size
        image.load()  # verify() would let a truncated JPEG pass.
        turn = _turn(image)
        size = full_size if is_reduced else image.size  # A TIFF turns itself while it loads.
        rgb = _to_rgb(image if turn is None else image.transpose(turn))
    except DAMAGE as error:
        raise UnreadableImage("unreadable", f"{format} that cannot be decoded to the end: {error or type(error).__name__}") from error
    width, height = reversed(size) if turn in _SWAPPING else size
    return Decoded(rgb, format, width, height)


def _turn(image: Image.Image) -> Image.Transpose | None:
    try:
        return _TURNS.get(image.getexif().get(ORIENTATION_TAG, 1))
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
