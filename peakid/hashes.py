"""What a picture looks like in 128 bits, upright and in its seven other flips and turns: phash beside dhash."""

from collections.abc import Iterable

import numpy as np
import PIL.Image
from scipy import fftpack

HASH_SIDE = 8  # 8 x 8 = 64 bits.
PHASH_PX = 32  # The imagehash package: 4 times the hash's side.
N_ORIENTATIONS = 8  # Four turns, each also mirrored.
_FLIPS = (None, PIL.Image.Transpose.FLIP_LEFT_RIGHT, PIL.Image.Transpose.FLIP_TOP_BOTTOM, PIL.Image.Transpose.ROTATE_180)


def phash(grey: PIL.Image.Image) -> str:
    """Hash the low frequencies: 16 hex digits, bits in imagehash's order."""
    return _hex(_phash_bits(_small(grey, PHASH_PX, PHASH_PX)))


def dhash(grey: PIL.Image.Image) -> str:
    """Hash whether each pixel is darker than its right neighbour: 16 hex digits, bits in imagehash's order."""
    return _hex(_dhash_bits(_small(grey, HASH_SIDE + 1, HASH_SIDE)))


def orientations(grey: PIL.Image.Image) -> bytes:
    """Hash a picture's eight flips and turns, the upright one first.

    They are taken from the shrunk picture: shrinking and turning can change places, so the eight cost hardly more
    than one.

    Returns:
        8 times 16 bytes, phash then dhash, each big-endian; `unpack` reads them.
    """
    square = _small(grey, PHASH_PX, PHASH_PX)
    wide, high = _small(grey, HASH_SIDE + 1, HASH_SIDE), _small(grey, HASH_SIDE, HASH_SIDE + 1)
    bits = []
    for is_turned in (False, True):
        for p, d in zip(_flips(square.T if is_turned else square), _flips(high.T if is_turned else wide), strict=True):
            bits += [_phash_bits(p), _dhash_bits(d)]
    return np.packbits(np.array(bits).reshape(len(bits), -1), axis=1).tobytes()


def turned(grey: PIL.Image.Image, orientation: int) -> PIL.Image.Image:
    """Bring a picture into one of the eight orientations, numbered as `orientations` orders them."""
    transposed = grey.transpose(PIL.Image.Transpose.TRANSPOSE) if orientation >= 4 else grey
    flip = _FLIPS[orientation % 4]
    return transposed if flip is None else transposed.transpose(flip)


def unpack(blobs: Iterable[bytes]) -> np.ndarray:
    """Read what `orientations` wrote: uint64 of shape (N, 8, 2), the last axis phash and dhash."""
    return np.frombuffer(b"".join(blobs), dtype=">u8").astype(np.uint64).reshape(-1, N_ORIENTATIONS, 2)


def _flips(pixels: np.ndarray) -> list[np.ndarray]:
    return [pixels, pixels[:, ::-1], pixels[::-1], pixels[::-1, ::-1]]


def _small(grey: PIL.Image.Image, width_px: int, height_px: int) -> np.ndarray:
    return np.asarray(grey.resize((width_px, height_px), PIL.Image.Resampling.LANCZOS))


def _phash_bits(square: np.ndarray) -> np.ndarray:
    # A matmul DCT would differ from imagehash's on flat images.
    low = fftpack.dct(fftpack.dct(square, axis=0), axis=1)[:HASH_SIDE, :HASH_SIDE]
    return low > np.median(low)


def _dhash_bits(wide: np.ndarray) -> np.ndarray:
    return wide[:, 1:] > wide[:, :-1]


def _hex(bits: np.ndarray) -> str:
    return np.packbits(bits.ravel()).tobytes().hex()
