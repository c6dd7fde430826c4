"""Measure brightness, contrast, sharpness, information and colourfulness of a thumbnail."""

import numpy as np
import PIL.Image

from peakid.imaging.records import Measures

COLOUR_PX = 64  # Long side, roughly: colour needs no detail.
N_GREYS = 256


def measure(small: PIL.Image.Image) -> Measures:
    """Measure an upright RGB thumbnail of about 256 px in a quarter of a millisecond.

    The thumbnail is enough: artificially blurred photos were separated from sharp ones without an error, at a
    hundredth of the cost of the full image. It also makes values comparable between images of different
    sizes.
    """
    grey = small.convert("L")
    shares = np.array(grey.histogram()) / (grey.width * grey.height)  # (256,)
    greys = np.arange(N_GREYS) / (N_GREYS - 1)
    mean = float(shares @ greys)
    contrast = float(np.sqrt(max(shares @ (greys - mean) ** 2, 0.0)))
    shadow, highlight = greys[np.searchsorted(np.cumsum(shares), (0.05, 0.99 - 1e-9))]
    some = shares[shares > 0]
    return Measures(
        brightness=mean,
        highlight=float(highlight),
        shadow=float(shadow),
        contrast=contrast,
        sharpness=_sharpness(grey, contrast),
        entropy_bits=float(max(0.0, -(some * np.log2(some)).sum())),
        colourfulness=_colourfulness(small),
    )


def _sharpness(grey: PIL.Image.Image, contrast: float) -> float:
    """Return the strength of edges divided by the contrast; 1 for a flat image (empty, not blurred)."""
    if contrast == 0 or min(grey.size) < 3:
        return 1.0
    values = np.asarray(grey).astype(np.int16)  # (H, W)
    vertical = values[:-2, 1:-1] + values[2:, 1:-1]
    horizontal = values[1:-1, :-2] + values[1:-1, 2:]
    edges = (4 * values[1:-1, 1:-1] - vertical - horizontal).astype(np.float32)
    # Takes half the time of std().
    variance = max(float((edges * edges).mean()) - float(edges.mean()) ** 2, 0.0)
    return variance**0.5 / ((N_GREYS - 1) * contrast)


def _colourfulness(small: PIL.Image.Image) -> float:
    """Return the colourfulness of Hasler and Suesstrunk 2003, section 4, from two opponent colours."""
    some = small.reduce(max(1, max(small.size) // COLOUR_PX))
    red, green, blue = np.asarray(some).astype(np.float32).reshape(-1, 3).T  # (4,096,) each, or so
    across, up = red - green, (red + green) / 2 - blue
    return float(np.hypot(across.std(), up.std()) + 0.3 * np.hypot(across.mean(), up.mean()))
