"""Arrays to draw with: colours, blending, soft edges and fractal noise.

A picture is float32 of shape (3, H, W), RGB in 0..1, with one plane per colour: four times as fast as
pixel by pixel.
"""

import numpy as np
from PIL import Image

Array = np.ndarray
Colour = tuple[float, float, float]
"""RGB in 0..1."""


def rgb(colour: Colour) -> Array:
    """Return a colour as an array of shape (3, 1, 1)."""
    return np.array(colour, dtype=np.float32).reshape(3, 1, 1)


def mix(under: Array, over: Array, share: Array | float) -> Array:
    """Blend two pictures or colours; `share` is that of `over`, in 0..1."""
    mixed = (over - under) * share
    mixed += under
    return mixed


def smooth_step(value: Array, low: Array | float, high: Array | float) -> Array:
    """Rise smoothly from 0 at `low` to 1 at `high`."""
    t = np.clip((value - low) / (high - low), 0, 1)
    return t * t * (3 - 2 * t)


def below(y: Array, line: Array) -> Array:
    """Return the share of each pixel below a line of rows (W,): shape (H, W), edges antialiased."""
    return np.clip(y - line[None, :].astype(np.float32) + 0.5, 0, 1)


def noise(
    rng: np.random.Generator, height: int, width: int, *, cells: float, stretch: float, octaves: int
) -> Array:
    """Return fractal value noise of shape (height, width) in 0..1.

    Args:
        cells: Across the width, in the first octave.
        stretch: Width of a cell as a multiple of its height.
    """
    total, weight = np.zeros((height, width), dtype=np.float32), 0.0
    for n in range(octaves):
        across = cells * 2**n
        shape = (max(2, round(across * stretch * height / width) + 1), max(2, round(across) + 1))
        if shape[1] > width:
            break
        coarse = Image.fromarray(rng.random(shape, dtype=np.float32))
        total += np.asarray(coarse.resize((width, height), Image.Resampling.BICUBIC)) * 0.5**n
        weight += 0.5**n
    field = total / max(weight, 1e-6)
    return np.clip((field - 0.5) * 1.5 + 0.5, 0, 1)  # Sums of octaves concentrate around .5.


def crest_line(rng: np.random.Generator, n: int, *, cells: float, octaves: int = 5) -> Array:
    """Return fractal noise of shape (n,) in 0..1 with sharp crests, like a ridge."""
    total, weight = np.zeros(n, dtype=np.float32), 0.0
    at = np.linspace(0, 1, n)
    for octave in range(octaves):
        knots = max(3, round(cells * 2**octave) + 1)
        shifted = at + rng.uniform(-0.2, 0.2) / knots
        total += (
            np.interp(shifted, np.linspace(0, 1, knots), rng.random(knots)).astype(np.float32) * 0.5**octave
        )
        weight += 0.5**octave
    return np.clip((total / weight - 0.5) * 1.5 + 0.5, 0, 1)
