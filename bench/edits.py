"""Which edits of a photo are still found as the same picture, and how many strangers are taken for it: `python bench/edits.py`."""

import io
from collections.abc import Callable

import numpy as np
from PIL import Image, ImageDraw, ImageEnhance, ImageFilter, ImageOps

Edit = Callable[[Image.Image, np.random.Generator], Image.Image]


def jpeg(image: Image.Image, quality: int) -> Image.Image:
    out = io.BytesIO()
    image.save(out, "JPEG", quality=quality)
    return Image.open(out).convert("RGB")


def cropped(share: float) -> Edit:
    """Cut `share` off the width and off the height, the rest lying anywhere."""

    def edit(image: Image.Image, rng: np.random.Generator) -> Image.Image:
        wide, high = round(image.width * (1 - share)), round(image.height * (1 - share))
        left, top = int(rng.integers(0, image.width - wide + 1)), int(rng.integers(0, image.height - high + 1))
        return image.crop((left, top, left + wide, top + high))

    return edit


def gamma(image: Image.Image, _rng: np.random.Generator) -> Image.Image:
    return image.point([round(255 * (value / 255) ** 1.7) for value in range(256)] * 3)


def noise(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    pixels = np.asarray(image).astype(np.float32)
    return Image.fromarray(np.clip(pixels + rng.normal(0, 15, pixels.shape), 0, 255).astype(np.uint8))


def watermark(image: Image.Image, _rng: np.random.Generator) -> Image.Image:
    marked = image.copy()
    ImageDraw.Draw(marked).text((image.width // 10, image.height // 2), "PHOTO ARCHIVE", "white", font_size=max(10, image.width // 10))
    return Image.blend(image, marked, 0.6)


def border(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    return ImageOps.expand(image, round(max(image.size) * 0.05), str(rng.choice(["black", "white"])))


EDITS: dict[str, Edit] = {
    "resize to half": lambda image, _: image.resize((image.width // 2, image.height // 2), Image.Resampling.BICUBIC),
    "resize to double": lambda image, _: image.resize((image.width * 2, image.height * 2), Image.Resampling.BICUBIC),
    "recompress q30": lambda image, _: jpeg(image, 30),
    "recompress q10": lambda image, _: jpeg(image, 10),
    "crop 5 %": cropped(0.05),
    "crop 10 %": cropped(0.10),
    "crop 20 %": cropped(0.20),
    "flip": lambda image, _: ImageOps.mirror(image),
    "turn 90": lambda image, _: image.transpose(Image.Transpose.ROTATE_90),
    "turn 180": lambda image, _: image.transpose(Image.Transpose.ROTATE_180),
    "brightness": lambda image, _: ImageEnhance.Brightness(image).enhance(1.5),
    "contrast": lambda image, _: ImageEnhance.Contrast(image).enhance(1.6),
    "gamma": gamma,
    "blur": lambda image, _: image.filter(ImageFilter.GaussianBlur(max(image.size) / 128)),
    "noise": noise,
    "watermark": watermark,
    "border": border,
    "grey": lambda image, _: ImageOps.grayscale(image).convert("RGB"),
    "format change": lambda image, _: Image.open(io.BytesIO(_webp(image))).convert("RGB"),
    "rotate 5": lambda image, _: image.rotate(5, Image.Resampling.BICUBIC),
}


def _webp(image: Image.Image) -> bytes:
    out = io.BytesIO()
    image.save(out, "WEBP", quality=70)
    return out.getvalue()
