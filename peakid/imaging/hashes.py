"""What a picture looks like in 128 bits, phash beside dhash: upright, in its seven other flips and turns, and its parts."""

from collections.abc import Iterable

import numpy as np
import PIL.Image
from scipy import fftpack

HASH_SIDE = 8  # 8 x 8 = 64 bits.
PHASH_PX = 32  # The imagehash package: 4 times the hash's side.
N_ORIENTATIONS = 8  # Four turns, each also mirrored.
N_PARTS = 14
HASH_BYTES = 16
# A crop of a fifth lies within 5 % of one of nine such windows, one of a tenth within 5 % of a corner. (share of a side, places)
WINDOWS = ((0.82, (0, 0.5, 1)), (0.9, (0, 1)))
RIM_GREYS = 32  # How much a one-coloured rim may vary in a JPEG.
LEAST_INSIDE = 0.5  # Of a side; where less is left, the rim is the picture.
_FLIPS = (
    None,
    PIL.Image.Transpose.FLIP_LEFT_RIGHT,
    PIL.Image.Transpose.FLIP_TOP_BOTTOM,
    PIL.Image.Transpose.ROTATE_180,
)


def of(grey: PIL.Image.Image) -> tuple[bytes, bytes]:
    """Hash a picture's flips and turns, and its parts; `unpack` reads both.

    Returns:
        Twice n times 16 bytes, phash then dhash, each big-endian. First the eight orientations, the upright one first,
        its bits those of the imagehash package. Then what may be left of the picture in a crop or be in it inside a
        frame: nine windows of .82 of its sides, four corners of .9, and the picture without a one-coloured rim (the
        whole picture where there is none).
    """
    square = np.asarray(grey.resize((PHASH_PX, PHASH_PX), PIL.Image.Resampling.LANCZOS))
    whole = _orientations(grey, square)
    inner = without_rim(grey)
    rimless = whole[:HASH_BYTES] if inner is None else of(inner)[0][:HASH_BYTES]
    return whole, _parts(square) + rimless


def _orientations(grey: PIL.Image.Image, square: np.ndarray) -> bytes:
    """Hash eight pictures for hardly more than one: turning and shrinking can change places, and mirroring
    changes the sign of every other frequency."""
    # A matmul DCT would differ from imagehash's on flat images.
    low = fftpack.dct(fftpack.dct(square, axis=0), axis=1)[:HASH_SIDE, :HASH_SIDE]
    wide = np.asarray(grey.resize((HASH_SIDE + 1, HASH_SIDE), PIL.Image.Resampling.LANCZOS))
    # The turned hash is compared with others' upright ones and need not be exact to the bit: most pixels are skipped.
    high = np.asarray(grey.resize((HASH_SIDE, HASH_SIDE + 1), PIL.Image.Resampling.LANCZOS, reducing_gap=3.0))
    sign = np.where(np.arange(HASH_SIDE) % 2, -1.0, 1.0)
    lows = [
        turned * down * across
        for turned in (low, low.T)
        for down in (1.0, sign[:, None])
        for across in (1.0, sign)
    ]
    greys = [side[::down, ::across] for side in (wide, high.T) for down in (1, -1) for across in (1, -1)]
    return _joined(np.array(lows), np.array(greys))


def _parts(square: np.ndarray) -> bytes:
    pixels = square.astype(np.float64)
    lows = (_FREQUENCIES @ pixels)[:, None] @ _FREQUENCIES.transpose(
        0, 2, 1
    )  # (windows down, windows across, 8, 8)
    greys = (_ROWS @ pixels)[:, None] @ _COLUMNS.transpose(0, 2, 1)  # (windows down, windows across, 8, 9)
    return _joined(lows[_OF_ONE_SHARE], greys[_OF_ONE_SHARE])


def without_rim(grey: PIL.Image.Image) -> PIL.Image.Image | None:
    """Cut a one-coloured rim off; None where there is none, or hardly anything inside it."""
    values = np.asarray(grey)
    top, bottom = _inside(values)
    left, right = _inside(values.T)
    if (bottom - top, right - left) == values.shape:
        return None
    if bottom - top < LEAST_INSIDE * len(values) or right - left < LEAST_INSIDE * values.shape[1]:
        return None
    return grey.crop((left, top, right, bottom))


def turned(grey: PIL.Image.Image, orientation: int) -> PIL.Image.Image:
    """Bring a picture into one of the eight orientations, numbered as `orientations` orders them."""
    transposed = grey.transpose(PIL.Image.Transpose.TRANSPOSE) if orientation >= 4 else grey
    flip = _FLIPS[orientation % 4]
    return transposed if flip is None else transposed.transpose(flip)


def unpack(blobs: Iterable[bytes], *, n_hashes: int = N_ORIENTATIONS) -> np.ndarray:
    """Read what `of` wrote: uint64 of shape (N, n_hashes, 2), the last axis phash and dhash."""
    return np.frombuffer(b"".join(blobs), dtype=">u8").astype(np.uint64).reshape(-1, n_hashes, 2)


def _joined(lows: np.ndarray, greys: np.ndarray) -> bytes:
    """Turn low frequencies (n, 8, 8) and greys (n, 8, 9) into n hashes of 16 bytes."""
    flat = lows.reshape(len(lows), -1)
    p = flat > np.median(flat, axis=1)[:, None]
    d = (greys[:, :, 1:] > greys[:, :, :-1]).reshape(len(greys), -1)
    return np.packbits(np.concatenate([p, d], axis=1), axis=1).tobytes()


def _inside(values: np.ndarray) -> tuple[int, int]:
    """Answer the first row that is not of one colour, and the one behind the last."""
    busy = np.flatnonzero(np.ptp(values, axis=1) > RIM_GREYS)
    return (int(busy[0]), int(busy[-1]) + 1) if len(busy) else (0, 0)


def _windows() -> list[tuple[float, float]]:
    """Answer begin and end, in pixels of the square, of every window along one side."""
    return [
        ((1 - share) * place * PHASH_PX, ((1 - share) * place + share) * PHASH_PX)
        for share, places in WINDOWS
        for place in places
    ]


def _shrinking(n_pixels: int) -> np.ndarray:
    """Answer what shrinks each window of a square to so many pixels: float64 of shape (windows, n_pixels, 32)."""
    units = PIL.Image.fromarray(np.eye(PHASH_PX, dtype=np.float32))
    return np.array([_resized(units, window, n_pixels) for window in _windows()]).astype(np.float64)


def _resized(units: PIL.Image.Image, window: tuple[float, float], n_pixels: int) -> np.ndarray:
    box = (window[0], 0, window[1], PHASH_PX)
    return np.asarray(units.resize((n_pixels, PHASH_PX), PIL.Image.Resampling.LANCZOS, box=box)).T


def _same_share() -> np.ndarray:
    share = [share for share, places in WINDOWS for _ in places]
    return np.equal.outer(share, share)


_FREQUENCIES = fftpack.dct(np.eye(PHASH_PX), axis=0)[:HASH_SIDE] @ _shrinking(PHASH_PX)  # (windows, 8, 32)
_ROWS, _COLUMNS = _shrinking(HASH_SIDE), _shrinking(HASH_SIDE + 1)  # (windows, 8, 32), (windows, 9, 32)
_OF_ONE_SHARE = _same_share()  # (windows, windows): a window down and a window across that make one part.
