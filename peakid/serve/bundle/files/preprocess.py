"""Make the pixels that the model takes from the bytes of a photo. Needs Pillow and NumPy only.

The same steps as in training: EXIF rotation, a JPEG decoded at reduced size where that is enough, transparent
pictures on white (or on black, when they show nothing on white), then an antialiased resize.
"""

import io

import numpy as np
from PIL import Image

TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
ORIENTATION = 0x0112  # EXIF 2.3, section 4.6.4.
FLAT = 8.0  # Standard deviation, of 255, below which a picture on white shows nothing.


def preprocess(data: bytes, size_px: int, resize: str) -> np.ndarray:
    """Return uint8 of shape (size_px, size_px, 3).

    Args:
        resize: `crop` (the middle square), `squish` or `pad`, as in card.json.

    Raises:
        ValueError: For pictures of 16 bits per channel, which this file does not convert.
        OSError: If the bytes are no picture.
    """
    image = Image.open(io.BytesIO(data))
    shrink = 2 * size_px / (max(image.size) if resize == "pad" else min(image.size))
    image.draft(image.mode, tuple(max(1, round(side * min(shrink, 1))) for side in image.size))
    image.load()
    turn = TURNS.get(image.getexif().get(ORIENTATION, 1))
    upright = image.transpose(turn) if turn is not None else image
    return _fit(_rgb(upright), size_px, resize)


def _rgb(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I") or image.mode in ("F", "LAB"):
        raise ValueError(f"Pictures of mode {image.mode} are not converted here.")
    if image.has_transparency_data and image.convert("RGBA").getchannel("A").getextrema() != (255, 255):
        on_white = _on(image, "white")
        if _contrast(on_white) >= FLAT:
            return on_white
        on_black = _on(image, "black")
        return on_black if _contrast(on_black) > _contrast(on_white) else on_white
    return image.convert("RGB")


def _on(image: Image.Image, ground: str) -> Image.Image:
    flat = Image.new("RGBA", image.size, ground)
    return Image.alpha_composite(flat, image.convert("RGBA")).convert("RGB")


def _contrast(image: Image.Image) -> float:
    return float(np.asarray(image, dtype=np.float64).reshape(-1, 3).std(axis=0).max())


def _fit(image: Image.Image, size_px: int, resize: str) -> np.ndarray:
    square = (size_px, size_px)
    if resize == "crop":
        side = min(image.size)
        left, top = (image.width - side) / 2, (image.height - side) / 2
        box = (left, top, left + side, top + side)
        return np.asarray(image.resize(square, Image.Resampling.BICUBIC, box=box))
    if resize == "squish":
        return np.asarray(image.resize(square, Image.Resampling.BICUBIC))
    scale = size_px / max(image.size)
    inner_size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    inner = image.resize(inner_size, Image.Resampling.BICUBIC)
    canvas = Image.new("RGB", square)
    canvas.paste(inner, ((size_px - inner.width) // 2, (size_px - inner.height) // 2))
    return np.asarray(canvas)
