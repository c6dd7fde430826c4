"""What an image is like, in numbers: brightness, contrast, sharpness, information and colour of one small picture."""

import numpy as np
import PIL.Image

from peakid.imaging.records import Measures

COLOUR_PX = 64  # Long side, roughly: colour needs no detail.
N_GREYS = 256


def measure(small: PIL.Image.Image) -> Measures:
    """Measure an upright RGB picture of some 256 px; a quarter of a millisecond.

    The small picture is measured, not the whole: on it the planted blur of photos was told apart without an error,
    at a hundredth of the work, and figures of images of different size can be compared.
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
    """Divide the strength of edges by the contrast; a picture without either is not blurred, there is nothing in it."""
    if contrast == 0 or min(grey.size) < 3:
        return 1.0
    values = np.asarray(grey).astype(np.int16)  # (H, W)
    edges = (
        4 * values[1:-1, 1:-1] - values[:-2, 1:-1] - values[2:, 1:-1] - values[1:-1, :-2] - values[1:-1, 2:]
    )
    flat = edges.astype(np.float32)
    variance = max(
        float((flat * flat).mean()) - float(flat.mean()) ** 2, 0.0
    )  # Half the time that std() takes.
    return variance**0.5 / ((N_GREYS - 1) * contrast)


def _colourfulness(small: PIL.Image.Image) -> float:
    """Hasler and Suesstrunk 2003, section 4: spread and offset of two opponent colours."""
    some = small.reduce(max(1, max(small.size) // COLOUR_PX))
    red, green, blue = np.asarray(some).astype(np.float32).reshape(-1, 3).T  # (4,096,) each, or so
    across, up = red - green, (red + green) / 2 - blue
    return float(np.hypot(across.std(), up.std()) + 0.3 * np.hypot(across.mean(), up.mean()))
