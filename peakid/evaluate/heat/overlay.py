"""A heat map drawn over its image: pixels in, pixels out."""

import numpy as np
from PIL import Image

# Dark violet to yellow, with a steadily rising lightness: cold and hot differ without colour vision, and on
# a light and a dark page. Anchors of matplotlib's "inferno" (Smith and van der Walt 2015), red, green, blue.
ANCHORS = np.array(
    [
        (0, 0, 4),
        (40, 11, 84),
        (101, 21, 110),
        (159, 42, 99),
        (212, 72, 66),
        (245, 125, 21),
        (250, 193, 39),
        (252, 255, 164),
    ],
    dtype=np.float64,
)


def coloured(heat: np.ndarray) -> np.ndarray:
    """Return the colours of values in 0..1, of shape (...): float64 of shape (..., 3), in 0..255."""
    at = np.linspace(0.0, 1.0, len(ANCHORS))
    return np.stack([np.interp(heat, at, ANCHORS[:, channel]) for channel in range(3)], axis=-1)


def blend(pixels: np.ndarray, heat: np.ndarray, opacity: float) -> np.ndarray:
    """Return the image with its map over it: where nothing is hot, the image stays as it is.

    Args:
        pixels: uint8 of shape (H, W, 3).
        heat: uint8 of shape (h, w), over the same area; enlarged to the size of the image.
        opacity: Of the hottest place, in 0..1.

    Returns:
        uint8 of shape (H, W, 3).
    """
    enlarged = Image.fromarray(heat).resize(pixels.shape[1::-1], Image.Resampling.BILINEAR)
    fine = np.asarray(enlarged, dtype=np.float64) / 255  # (H, W)
    share = (opacity * fine)[..., None]
    return np.rint((1 - share) * pixels + share * coloured(fine)).astype(np.uint8)
