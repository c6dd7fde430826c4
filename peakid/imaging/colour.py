"""Convert decoded pixels to RGB with 8 bits: transparent pictures, grey ones of many bits, and all others.

Large images are converted strip by strip, so that only the image and its result are held.
"""

import functools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageCms

STRIP_PIXELS = 2**20
# Standard deviation, of 255, below which a picture on white shows nothing; JPEG noise stays below 3.
FLAT = 8.0
SAMPLE_PIXELS = 2**20  # The range of grey values is found from about so many pixels.
# Percentiles. A few hot or dead pixels of a sensor do not count.
LOW, HIGH = 0.1, 99.9
# The largest value of a format, smallest first: shares, 8 bits, 16 bits.
_TOPS = {"F": (1.0, 255.0, 65535.0), "I": (255.0, 65535.0)}
_TOPS_16 = (65535.0,)

Box = tuple[int, int, int, int]


@dataclass(frozen=True)
class Converted:
    """An RGB image. `grey_range` is the range of values that was stretched to 0..255, None if none was."""

    image: Image.Image
    grey_range: str | None = None


def to_rgb(image: Image.Image, *, is_deep: bool = False) -> Converted:
    """Convert an image to RGB.

    Transparent pictures are put on white; one that shows nearly nothing there, such as a white logo, on
    black. Grey values of more than 8 bits are scaled from the range of their format, or from their own range
    where they use less than half of it: cameras with 12 bits write 0..4095 into 16.

    Args:
        is_deep: Whether the file has 16 bits per channel, of which Pillow has kept the upper 8.
    """
    if image.mode.startswith("I") or image.mode == "F":
        return _from_deep(image)
    if is_transparent(image):
        image = _on_ground(image)
    elif image.mode == "LAB":
        image = _by_strips(image, lambda strip: ImageCms.applyTransform(strip, _from_lab()) or strip)
    elif image.mode != "RGB":
        image = image.convert("RGB")
    return _brightened(image) if is_deep else Converted(image)


def is_transparent(image: Image.Image) -> bool:
    """Return whether some pixel is not opaque."""
    if not image.has_transparency_data:
        return False
    strips = (strip.convert("RGBA").getchannel("A") for _, strip in _strips(image))
    return any(strip.getextrema() != (255, 255) for strip in strips)


def pixel_bytes(image: Image.Image) -> Iterator[bytes]:
    """Yield the pixels of an upright image strip by strip: RGBA multiplied by its opacity, or RGB."""
    is_clear = is_transparent(image)
    yield f"{image.width}x{image.height} {'RGBa' if is_clear else 'RGB'}\n".encode()
    shown = image if is_clear else to_rgb(image).image
    for _, strip in _strips(shown):
        yield (strip.convert("RGBA").convert("RGBa") if is_clear else strip).tobytes()


def _on_ground(image: Image.Image) -> Image.Image:
    on_white = _composite(image, "white")
    contrast = _contrast(on_white)
    if contrast >= FLAT:
        return on_white
    on_black = _composite(image, "black")
    return on_black if _contrast(on_black) > contrast else on_white


def _composite(image: Image.Image, ground: str) -> Image.Image:
    def composite(strip: Image.Image) -> Image.Image:
        flat = Image.new("RGBA", strip.size, ground)
        return Image.alpha_composite(flat, strip.convert("RGBA")).convert("RGB")

    return _by_strips(image, composite)


def _contrast(image: Image.Image) -> float:
    """Return the largest standard deviation of a channel, of 255."""
    values = np.arange(256.0)
    deviations = []
    for counts in np.reshape(image.histogram(), (-1, 256)):
        mean = counts @ values / counts.sum()
        deviations.append(float(counts @ (values - mean) ** 2 / counts.sum()) ** 0.5)
    return max(deviations)


def _from_deep(image: Image.Image) -> Converted:
    """Scale a grey image of more than 8 bits to 8 bits."""
    low, high = _grey_range(image)
    scale = 255.0 / (high - low)

    def scaled(strip: Image.Image) -> Image.Image:
        values = np.nan_to_num(np.asarray(strip).astype(np.float64), nan=low, posinf=high, neginf=low)
        grey = ((values.clip(low, high) - low) * scale).round().astype(np.uint8)
        return Image.fromarray(grey).convert("RGB")

    usual = 1.0 if image.mode == "F" else 65535.0
    is_usual = (low, high) == (0.0, usual)
    return Converted(_by_strips(image, scaled), None if is_usual else f"{low:.6g} to {high:.6g}")


def _grey_range(image: Image.Image) -> tuple[float, float]:
    """Return the grey values that become black and white."""
    sample = _sample(image)
    if not len(sample):
        return 0.0, 1.0
    least, most = float(sample.min()), float(sample.max())
    top = next((top for top in _TOPS.get(image.mode, _TOPS_16) if least >= 0 and most <= top), None)
    low, high = (float(value) for value in np.percentile(sample, (LOW, HIGH)))
    if low == high:  # Nearly all of it is one value; there may be a small object.
        low, high = least, most
    if top is not None and (high >= top / 2 or low == high):
        return 0.0, top
    return (low, high) if low < high else (low - 1, high)


def _sample(image: Image.Image) -> np.ndarray:
    """Return finite grey values from all parts of an image, float64 of shape (n,)."""
    step = max(1, int((image.width * image.height / SAMPLE_PIXELS) ** 0.5))
    parts = []
    for (_, top, _, _), strip in _strips(image):
        values = np.asarray(strip)[-top % step :: step, ::step].astype(np.float64).ravel()
        parts.append(values[np.isfinite(values)])
    return np.concatenate(parts)


def _brightened(image: Image.Image) -> Converted:
    """Stretch an image of 16 bits per channel whose values end below half of that."""
    counts = np.reshape(image.histogram(), (-1, 256)).sum(axis=0)
    top = int(np.searchsorted(np.cumsum(counts), counts.sum() * HIGH / 100))
    if not 0 < top < 128:
        return Converted(image)
    table = [min(255, round(value * 255 / top)) for value in range(256)]
    return Converted(image.point(table * 3), f"0 to {top * 256 + 255}")


@functools.cache
def _from_lab() -> ImageCms.ImageCmsTransform:
    """Return the conversion from CIE L*a*b*, which `Image.convert` would take for RGB."""
    lab, srgb = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
    return ImageCms.buildTransform(lab, srgb, "LAB", "RGB")


def _by_strips(image: Image.Image, convert: Callable[[Image.Image], Image.Image]) -> Image.Image:
    out = Image.new("RGB", image.size)
    for box, strip in _strips(image):
        out.paste(convert(strip), box)
    return out


def _strips(image: Image.Image) -> Iterator[tuple[Box, Image.Image]]:
    """Yield boxes of full width from top to bottom, each with its part of the image."""
    height = max(1, STRIP_PIXELS // image.width)
    for top in range(0, image.height, height):
        box = (0, top, image.width, min(top + height, image.height))
        yield box, image.crop(box)


def is_sixteen_bit(tiles: Sequence[tuple[object, ...]]) -> bool:
    """Return whether the tiles of an image that is not loaded yet have 16 bits per channel."""
    return any(";16" in str(tile[3:]) for tile in tiles)
