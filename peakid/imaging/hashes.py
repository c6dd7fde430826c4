"""Perceptual hashes: phash and dhash of an image, of its eight orientations and of its parts.

One hash is an `imagehash.ImageHash`. Millions of hashes are numpy arrays: `pack` and `distances` connect the
two.
"""

from collections.abc import Iterable

import imagehash
import numpy as np
import PIL.Image
from imagehash import ImageHash
from scipy import fftpack

HASH_SIDE = 8  # 8 x 8 = 64 bits.
PHASH_PX = 32  # As in imagehash: 4 times the side of the hash.
N_ORIENTATIONS = 8  # Four rotations, each also mirrored.
N_PARTS = 14
HASH_BYTES = 16  # phash and dhash.
# (share of a side, positions): a crop of 20 % is within 5 % of one of nine windows, one of 10 % within 5 % of
# a corner.
WINDOWS = ((0.82, (0, 0.5, 1)), (0.9, (0, 1)))
RIM_GREYS = 32  # The largest range of grey values in a one-coloured rim of a JPEG.
LEAST_INSIDE = 0.5  # Share of a side; if less is left inside the rim, nothing is cut off.
_FLIPS = (
    None,
    PIL.Image.Transpose.FLIP_LEFT_RIGHT,
    PIL.Image.Transpose.FLIP_TOP_BOTTOM,
    PIL.Image.Transpose.ROTATE_180,
)


def phash(image: PIL.Image.Image) -> ImageHash:
    """Return the perceptual hash of an image: 64 bits from the low frequencies of its 32 px square."""
    return imagehash.phash(image, hash_size=HASH_SIDE, highfreq_factor=PHASH_PX // HASH_SIDE)


def dhash(image: PIL.Image.Image) -> ImageHash:
    """Return the difference hash of an image: 64 bits that say where brightness rises from left to right."""
    return imagehash.dhash(image, hash_size=HASH_SIDE)


def pack(hashes: Iterable[ImageHash]) -> np.ndarray:
    """Return hashes of 64 bits as uint64 of shape (N,), the form in which many are stored and compared."""
    return np.frombuffer(b"".join(_bytes(each) for each in hashes), dtype=">u8").astype(np.uint64)


def distances(query: ImageHash, hashes: np.ndarray) -> np.ndarray:
    """Return the Hamming distances, in bits, of one hash to many.

    Args:
        hashes: uint64 of any shape, from `pack` or `unpack`.
    """
    return np.bitwise_count(hashes ^ pack([query])[0])


def of(grey: PIL.Image.Image) -> tuple[bytes, bytes]:
    """Hash the orientations and the parts of a grey image; `unpack` reads both results.

    Returns:
        Two byte strings of n times 16 bytes, phash then dhash, each big-endian. The first has the eight
        orientations, upright first. The second has what may be left of the image in a crop, or may be inside
        a
        frame: nine windows of 0.82 of its sides, four corners of 0.9, and the image without a one-coloured
        rim (the whole image if it has no rim).
    """
    square = grey.resize((PHASH_PX, PHASH_PX), PIL.Image.Resampling.LANCZOS)
    whole = _orientations(grey, square)
    inner = without_rim(grey)
    rimless = whole[:HASH_BYTES] if inner is None else _upright(inner)
    return whole, _parts(np.asarray(square)) + rimless


def _upright(grey: PIL.Image.Image) -> bytes:
    return _bytes(phash(grey)) + _bytes(dhash(grey))


def _orientations(grey: PIL.Image.Image, square: PIL.Image.Image) -> bytes:
    """Hash eight orientations for little more than the cost of one.

    Rotating and shrinking commute, and mirroring changes the sign of every other frequency.
    """
    wide = grey.resize((HASH_SIDE + 1, HASH_SIDE), PIL.Image.Resampling.LANCZOS)
    # The transposed hash is compared with upright hashes of other images and may be inexact: most pixels are
    # skipped.
    high = grey.resize((HASH_SIDE, HASH_SIDE + 1), PIL.Image.Resampling.LANCZOS, reducing_gap=3.0)
    # A DCT by matrix product would differ from imagehash's on flat images.
    low = fftpack.dct(fftpack.dct(np.asarray(square), axis=0), axis=1)[:HASH_SIDE, :HASH_SIDE]
    sign = np.where(np.arange(HASH_SIDE) % 2, -1.0, 1.0)
    lows = [
        turned * down * across
        for turned in (low, low.T)
        for down in (1.0, sign[:, None])
        for across in (1.0, sign)
    ]
    sides = (np.asarray(wide), np.asarray(high).T)
    greys = [side[::down, ::across] for side in sides for down in (1, -1) for across in (1, -1)]
    upright = _bytes(phash(square)) + _bytes(dhash(wide))
    return upright + _joined(np.array(lows[1:]), np.array(greys[1:]))


def _parts(square: np.ndarray) -> bytes:
    pixels = square.astype(np.float64)
    lows = (_FREQUENCIES @ pixels)[:, None] @ _FREQUENCIES.transpose(0, 2, 1)  # (windows, windows, 8, 8)
    greys = (_ROWS @ pixels)[:, None] @ _COLUMNS.transpose(0, 2, 1)  # (windows, windows, 8, 9)
    return _joined(lows[_OF_ONE_SHARE], greys[_OF_ONE_SHARE])


def without_rim(grey: PIL.Image.Image) -> PIL.Image.Image | None:
    """Return an image without its one-coloured rim, None if it has no rim or too little inside it."""
    values = np.asarray(grey)
    top, bottom = _inside(values)
    left, right = _inside(values.T)
    if (bottom - top, right - left) == values.shape:
        return None
    if bottom - top < LEAST_INSIDE * len(values) or right - left < LEAST_INSIDE * values.shape[1]:
        return None
    return grey.crop((left, top, right, bottom))


def turned(grey: PIL.Image.Image, orientation: int) -> PIL.Image.Image:
    """Return an image in one of the eight orientations, numbered in the order of `of`."""
    transposed = grey.transpose(PIL.Image.Transpose.TRANSPOSE) if orientation >= 4 else grey
    flip = _FLIPS[orientation % 4]
    return transposed if flip is None else transposed.transpose(flip)


def unpack(blobs: Iterable[bytes], *, n_hashes: int = N_ORIENTATIONS) -> np.ndarray:
    """Return results of `of` as uint64 of shape (N, n_hashes, 2); the last axis is phash and dhash."""
    return np.frombuffer(b"".join(blobs), dtype=">u8").astype(np.uint64).reshape(-1, n_hashes, 2)


def _bytes(one: ImageHash) -> bytes:
    return np.packbits(one.hash).tobytes()


def _joined(lows: np.ndarray, greys: np.ndarray) -> bytes:
    """Compute n pairs of hashes, 16 bytes each, from low frequencies (n, 8, 8) and grey values (n, 8, 9)."""
    flat = lows.reshape(len(lows), -1)
    p = flat > np.median(flat, axis=1)[:, None]
    d = (greys[:, :, 1:] > greys[:, :, :-1]).reshape(len(greys), -1)
    return np.packbits(np.concatenate([p, d], axis=1), axis=1).tobytes()


def _inside(values: np.ndarray) -> tuple[int, int]:
    """Return the first row that is not of one colour, and the one after the last such row."""
    busy = np.flatnonzero(np.ptp(values, axis=1) > RIM_GREYS)
    return (int(busy[0]), int(busy[-1]) + 1) if len(busy) else (0, 0)


def _windows() -> list[tuple[float, float]]:
    """Return start and end of every window along one side, in pixels of the square."""
    return [
        ((1 - share) * place * PHASH_PX, ((1 - share) * place + share) * PHASH_PX)
        for share, places in WINDOWS
        for place in places
    ]


def _shrinking(n_pixels: int) -> np.ndarray:
    """Return matrices that shrink each window to `n_pixels`: float64 of shape (windows, n_pixels, 32)."""
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
_OF_ONE_SHARE = _same_share()  # (windows, windows): True for a row window and a column window of one part.
