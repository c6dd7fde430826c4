"""The views of a photo whose features are averaged for the live head."""

import numpy as np
from PIL import Image

from peakid.imaging import pixels

# Of views, as a setting may have them: 2 found as many more label errors as 4; 4 gave a lower log-loss
# (bench/RESULTS.md, "Several views of a photo").
NUMBERS = (1, 2, 4)
SHARE = 0.8  # Of the short side: the side of the squares that are parts of a photo.


def preprocess(data: bytes, *, size_px: int, n_views: int) -> np.ndarray:
    """Decode a photo and return its views: uint8 of shape (n_views, size_px, size_px, 3).

    One view is the middle square, as `pixels.preprocess` crops it. Two are a closer look at the middle and
    the whole photo on black, four also squares at both ends of its long side.

    Args:
        n_views: One of NUMBERS.

    Raises:
        UnreadableImage: With the reason of the rejection.
    """
    if n_views == 1:
        return pixels.preprocess(data, size_px=size_px, resize="crop")[None]
    # The resampling filter needs twice the target size (Pillow's documentation of reducing_gap says 2.0).
    least = round(2 * size_px / SHARE)
    photo = pixels.decode_at_least(data, least, least).image
    views = [_square(photo, size_px, 0.5, 0.5), pixels.fit(photo, size_px=size_px, resize="pad")]
    ends = ((0.0, 0.5), (1.0, 0.5)) if photo.width >= photo.height else ((0.5, 0.0), (0.5, 1.0))
    views += [_square(photo, size_px, *end) for end in ends[: n_views - len(views)]]
    return np.stack(views)


def _square(photo: Image.Image, size_px: int, across: float, down: float) -> np.ndarray:
    """Return a square at this part of what it leaves of the width and the height; 0 = left and top."""
    side = SHARE * min(photo.size)
    left, top = across * (photo.width - side), down * (photo.height - side)
    box = (left, top, left + side, top + side)
    return np.asarray(photo.resize((size_px, size_px), Image.Resampling.BICUBIC, box=box))
