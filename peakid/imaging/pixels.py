"""Decode bytes to pixels: formats, EXIF rotation and resizing.

Only the guarded process calls these functions, through `peakid.imaging.gate` or an import.
"""

import contextlib
import hashlib
import importlib
import importlib.util
import io
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image, UnidentifiedImageError
from PIL.JpegImagePlugin import JpegImageFile

from peakid import printable, settings
from peakid.errors import UnreadableImage
from peakid.imaging import colour, cost, png
from peakid.imaging.formats import DAMAGE, FORMATS
from peakid.records import Resize

# Increase when the same bytes give different pixels: the caches of two versions are never mixed.
# 2: grey values of 12 bits in 16 and the like are stretched; white art on transparent ground is put on black.
VERSION = 2
# An export of these versions is used with the present one: 2 differs for the pictures above only, which
# were nearly black or empty in version 1.
USABLE_VERSIONS = (1, 2)

FRAMED = (
    "GIF",
    "PNG",
    "WEBP",
    "TIFF",
    "AVIF",
    "HEIF",
)  # May have several frames or pages; the first is used.
LEAST_READABLE = (
    0.85  # Share of rows that a truncated JPEG must have; broken downloads often lack only the last.
)
ORIENTATION_TAG = 0x0112  # EXIF 2.3, section 4.6.4.

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

# ISO/IEC 23008-12, annex B.
HEIC_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")
JPEG_START, JPEG_END = b"\xff\xd8\xff", b"\xff\xd9"

_OTHER_CONTENT = {
    b"PK\x03\x04": "a zip archive; unpack it first",
    b"%PDF": "a PDF document",
    b"\x1f\x8b": "a gzip archive; unpack it first",
    b"<": "a web page, an SVG or another markup file",
}


@dataclass(frozen=True)
class Decoded:
    """Decoded pixels and the header. `width_px` and `height_px` are of the full image, after EXIF rotation.

    `readable_share` is the share of rows that a truncated JPEG still has, 1 for all other images.
    `grey_range` is as in `peakid.imaging.colour.Converted`.
    """

    image: Image.Image
    format: str
    width_px: int
    height_px: int
    readable_share: float = 1.0
    is_animated: bool = False
    exif: Image.Exif | None = None
    grey_range: str | None = None


def decode(data: bytes) -> Image.Image:
    """Decode bytes to RGB with 8 bits per channel, rotated according to EXIF.

    `peakid.imaging.colour` says how transparent images and those of more than 8 bits are converted. The first
    frame of an animation is used. CMYK is converted without a colour profile. If a JPEG lacks a few of its
    last rows, those are filled with one colour. A JPEG that holds a second picture (MPO) is a JPEG.

    Raises:
        UnreadableImage: With the reason of the rejection.
    """
    return decode_at_least(data, 0, 0).image


def decode_at_least(data: bytes, width_px: int, height_px: int) -> Decoded:
    """Decode as `decode` does, but let a JPEG decoder skip detail above the given size (before rotation).

    A JPEG can be decoded at 1/2, 1/4 or 1/8 of its size for a fraction of the work. The result is at least as
    large as the given size, or the full image if that is smaller. 0 x 0 decodes in full.

    Raises:
        UnreadableImage: With the reason of the rejection.
    """
    return _decoded(_opened(data), width_px, height_px)


def as_jpeg(data: bytes, *, longest_px: int, quality: int = 90) -> bytes:
    """Return an image as an upright JPEG whose long side has at most `longest_px`, for a browser.

    Raises:
        UnreadableImage: With the reason of the rejection.
    """
    image = _opened(data)
    scale = longest_px / max(image.size)
    least = [max(1, round(side * min(scale, 1))) for side in image.size]
    shown = _decoded(image, *least).image
    if scale < 1:
        shown.thumbnail((longest_px, longest_px), Image.Resampling.BICUBIC)
    out = io.BytesIO()
    shown.save(out, "JPEG", quality=quality)
    return out.getvalue()


def as_png(data: bytes) -> bytes:
    """Return the upright pixels of an image as a PNG that holds nothing else.

    Raises:
        UnreadableImage: With the reason of the rejection.
    """
    upright, out = decode(data), io.BytesIO()
    upright.info.clear()  # Pillow would write a comment or a profile again.
    upright.save(out, "PNG")
    return out.getvalue()


def digest(data: bytes) -> str:
    """Return the SHA-256 of the decoded pixels, which says whether two images are exactly the same picture.

    The opacity counts: two pictures that look the same on white may differ on another ground.

    Raises:
        UnreadableImage: With the reason of the rejection.
    """
    image, found = _opened(data), hashlib.sha256()
    with _rejecting(image.format):
        for part in colour.pixel_bytes(_upright(image, 0, 0).image):
            found.update(part)
    return found.hexdigest()


def preprocess(data: bytes, *, size_px: int, resize: Resize) -> np.ndarray:
    """Decode and resize an image to the input of a model: uint8 of shape (size_px, size_px, 3).

    Training, evaluation and the predictor of an exported model all use this function. A second implementation
    with slightly different resizing cost 6 points of accuracy in a measurement.

    Raises:
        UnreadableImage: With the reason of the rejection.
    """
    return preprocess_many(data, [size_px], resize=resize)[0]


def preprocess_many(data: bytes, sizes_px: Sequence[int], *, resize: Resize) -> list[np.ndarray]:
    """Preprocess an image at several sizes, decoding it only once for sizes that need the same detail.

    Decoding is nearly all of the work: two similar sizes cost little more than one.

    Raises:
        UnreadableImage: With the reason of the rejection.
    """
    found, decoded = [], {}
    for size_px in sizes_px:
        image = _opened(data)
        # The resampling filter needs twice the target size (Pillow's documentation of reducing_gap says 2.0).
        shrink = 2 * size_px / (max(image.size) if resize == "pad" else min(image.size))
        least = [max(1, round(side * min(shrink, 1))) for side in image.size]
        detail = _detail(image, *least)
        if detail not in decoded:
            decoded[detail] = _decoded(image, *least).image
        found.append(fit(decoded[detail], size_px=size_px, resize=resize))
    return found


def fit(image: Image.Image, *, size_px: int, resize: Resize) -> np.ndarray:
    """Resize an upright RGB image to uint8 of shape (size_px, size_px, 3), with antialiasing."""
    square = (size_px, size_px)
    if resize == "crop":
        return np.asarray(image.resize(square, Image.Resampling.BICUBIC, box=_middle(image.size)))
    if resize == "squish":
        return np.asarray(image.resize(square, Image.Resampling.BICUBIC))
    scale = size_px / max(image.size)
    inner_size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    inner = image.resize(inner_size, Image.Resampling.BICUBIC)
    canvas = Image.new("RGB", square)
    canvas.paste(inner, ((size_px - inner.width) // 2, (size_px - inner.height) // 2))
    return np.asarray(canvas)


def _detail(image: Image.Image, width_px: int, height_px: int) -> int:
    """Return the divisor (8, 4, 2 or 1) that Pillow's `draft` chooses for a JPEG; 1 for all other formats."""
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
    """Read the header only, and raise an error for a file that must not be decoded."""
    if not data:
        raise UnreadableImage("empty", "0 bytes")
    limits = settings.current()
    if cost.least_webp_bytes(data) > limits.decode_limit_bytes:
        raise _too_much_memory("this WEBP")
    image = _header(data)
    if image.width * image.height > limits.max_image_pixels:
        detail = f"{image.width} x {image.height} is over the limit of {limits.max_image_pixels:,} pixels"
        raise UnreadableImage("too_many_pixels", detail)
    if cost.least_bytes(image) > limits.decode_limit_bytes:
        raise _too_much_memory(f"{image.width} x {image.height} {image.format}")
    return image


def _header(data: bytes) -> Image.Image:
    try:
        if data.startswith(JPEG_START):  # Without Pillow's search for further pictures, which may be cut off.
            return JpegImageFile(io.BytesIO(data))
        return Image.open(io.BytesIO(data), formats=(*FORMATS, *_optional_formats(data)))
    except DAMAGE as error:
        if data.startswith(png.SIGNATURE) and len(bare := png.pixels_only(data)) < len(data):
            return _header(bare)
        if isinstance(error, UnidentifiedImageError):
            raise _unidentified(data) from None
        raise UnreadableImage("unreadable", f"its header is damaged: {error}") from error


def _too_much_memory(what: str) -> UnreadableImage:
    limit_mb = settings.current().decode_limit_bytes / 2**20
    detail = f"{what} takes more than {limit_mb:,.0f} MB of memory to decode; save it smaller"
    return UnreadableImage("too_much_memory", detail)


@contextlib.contextmanager
def _rejecting(format: str | None) -> Generator[None]:
    """Raise UnreadableImage for whatever a decoder raises."""
    try:
        yield
    except MemoryError as error:
        raise _too_much_memory(f"this {format}") from error
    except DAMAGE as error:
        detail = f"{format} that cannot be decoded to the end: {error or type(error).__name__}"
        raise UnreadableImage("unreadable", detail) from error


def _optional_formats(data: bytes) -> list[str]:
    """Return the name of the HEIC format if the bytes need it; its reader is an optional package."""
    if not _is_heic(data):
        return []
    if importlib.util.find_spec("pillow_heif") is None:
        detail = "HEIC; to read it: pip install pillow-heif, then import again"
        raise UnreadableImage("unsupported_format", detail)
    importlib.import_module("pillow_heif").register_heif_opener(thumbnails=False)
    return ["HEIF"]


def _is_heic(data: bytes) -> bool:
    return data[4:8] == b"ftyp" and data[8:12] in HEIC_BRANDS


def _unidentified(data: bytes) -> UnreadableImage:
    if _is_heic(data):  # The HEIC reader has already refused it.
        return UnreadableImage("unreadable", "HEIC with a damaged header or damaged pixels")
    for magic, name in _OTHER_CONTENT.items():
        if data.lstrip().startswith(magic):
            return UnreadableImage("not_an_image", name)
    try:
        with Image.open(io.BytesIO(data)) as image:
            return UnreadableImage("unsupported_format", f"{image.format}; Peakid reads {', '.join(FORMATS)}")
    except DAMAGE:
        return UnreadableImage("not_an_image", f"not a known image format; starts with {_beginning(data)}")


def _beginning(data: bytes) -> str:
    """Return the first bytes of a file as text where they are, else as hexadecimal numbers."""
    first = data[:12]
    text = first.decode("ascii", "replace")
    return f'"{text}"' if text.isascii() and text.isprintable() else f"the bytes {first.hex(' ')}"


@dataclass(frozen=True)
class _Upright:
    """A loaded image after EXIF rotation, in its own mode. `size` is that of the full image."""

    image: Image.Image
    size: tuple[int, int]
    readable_share: float
    exif: Image.Exif | None


def _decoded(image: Image.Image, width_px: int, height_px: int) -> Decoded:
    format = image.format or ""
    with _rejecting(format):
        is_animated = format in FRAMED and bool(getattr(image, "is_animated", False))
        is_deep = colour.is_sixteen_bit(getattr(image, "tile", ()))
        upright = _upright(image, width_px, height_px)
        converted = colour.to_rgb(upright.image, is_deep=is_deep)
    return Decoded(
        converted.image,
        format,
        *upright.size,
        readable_share=upright.readable_share,
        is_animated=is_animated,
        exif=upright.exif,
        grey_range=converted.grey_range,
    )


def _upright(image: Image.Image, width_px: int, height_px: int) -> _Upright:
    full_size, source = image.size, getattr(image, "fp", None)
    if width_px and height_px:
        image.draft(image.mode, (width_px, height_px))
    is_reduced = image.size != full_size
    image, readable_share = _loaded(image, source)
    exif = _exif(image)
    turn = _TURNS.get(exif.get(ORIENTATION_TAG, 1)) if exif else None
    size = full_size if is_reduced else image.size  # Pillow rotates a TIFF while it loads it.
    if turn is not None:
        image = image.transpose(turn)
    return _Upright(image, size[::-1] if turn in _SWAPPING else size, readable_share, exif)


def _loaded(image: Image.Image, source: Any) -> tuple[Image.Image, float]:
    """Decode the pixels; return the image and the share of its rows that are present."""
    try:
        image.load()  # verify() would let a truncated JPEG pass.
        return image, 1.0
    except DAMAGE as error:
        if image.format == "PNG" and len(bare := png.pixels_only(data := source.getvalue())) < len(data):
            return _loaded(_header(bare), io.BytesIO(bare))
        # A truncated progressive JPEG has all rows, but lacks detail everywhere.
        if image.format != "JPEG" or image.info.get("progressive") or "truncated" not in str(error):
            raise
        repaired, share = _repaired(source.getvalue(), image)
        if share < LEAST_READABLE:
            raise OSError(f"{error}; {printable.percent(share)} of its rows are present") from error
        return repaired, share


def _repaired(data: bytes, broken: Image.Image) -> tuple[Image.Image, float]:
    """Decode a truncated JPEG by appending an end marker; the decoder fills the missing rows with one colour.

    Pillow's own switch for truncated files is global; it would affect other threads.
    """
    repaired = JpegImageFile(io.BytesIO(data + JPEG_END))
    repaired.draft(broken.mode, broken.size)
    repaired.load()
    # A row is complete if its right end is.
    edge = np.asarray(repaired)[:, -1].reshape(repaired.height, -1)  # (H, channels)
    is_filled = (edge == edge[-1]).all(axis=1)
    n_filled = repaired.height if is_filled.all() else int(np.argmin(is_filled[::-1]))
    return repaired, min(1 - n_filled / repaired.height, 0.999)


def _exif(image: Image.Image) -> Image.Exif | None:
    try:
        return image.getexif()
    except DAMAGE:  # The rotation is unknown, but the pixels are good.
        return None
