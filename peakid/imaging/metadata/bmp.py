"""Remove what a BMP holds besides headers, palette and pixels."""

import struct

from peakid.imaging.metadata.parts import Cleaned, NotUnderstood

FILE_HEADER_BYTES = 14
CORE_BYTES, INFO_BYTES = 12, 40  # BITMAPCOREHEADER and BITMAPINFOHEADER.
_HEADERS = (CORE_BYTES, INFO_BYTES, 52, 56, 64, 108, 124)
RGB, RLE8, RLE4, BIT_FIELDS, ALPHA_BIT_FIELDS = 0, 1, 2, 3, 6
V5_PROFILE = 112  # BITMAPV5HEADER: offset and size of a colour profile, or of its file name.


def clean(data: bytes) -> Cleaned:
    """Return a BMP without gaps, colour profile and what follows its pixels.

    Raises:
        NotUnderstood: If the header is unknown or pixels are missing.
    """
    try:
        pixels_at, header_bytes = struct.unpack_from("<II", data, 10)
        if header_bytes not in _HEADERS:
            raise NotUnderstood(f"a header of {header_bytes} bytes")
        if header_bytes == CORE_BYTES:
            width, height, _, bits = struct.unpack_from("<HHHH", data, 18)
            compression = colours = 0
        else:
            width, height, _, bits, compression = struct.unpack_from("<iiHHI", data, 18)
            (colours,) = struct.unpack_from("<I", data, 46)
    except struct.error as error:
        raise NotUnderstood("the header is cut") from error
    head_end = FILE_HEADER_BYTES + header_bytes
    if header_bytes == INFO_BYTES:
        head_end += {BIT_FIELDS: 12, ALPHA_BIT_FIELDS: 16}.get(compression, 0)
    if bits <= 8:
        head_end += (3 if header_bytes == CORE_BYTES else 4) * (colours or 2**bits)
    head_end = min(head_end, pixels_at)
    if compression in (RLE8, RLE4):
        end = _after_runs(data, pixels_at, 1 + (compression == RLE4))
    elif compression in (RGB, BIT_FIELDS, ALPHA_BIT_FIELDS):
        end = pixels_at + (width * bits + 31) // 32 * 4 * abs(height)
    else:
        raise NotUnderstood(f"compression {compression}")
    if end > len(data) or width <= 0:
        raise NotUnderstood("pixels are missing")
    head = bytearray(data[:head_end])
    head[6:10] = bytes(4)  # Reserved.
    if header_bytes == 124:
        head[FILE_HEADER_BYTES + V5_PROFILE : FILE_HEADER_BYTES + V5_PROFILE + 8] = bytes(8)
    gap = data[head_end:pixels_at]
    clean_data = bytes(head) + bytes(len(gap)) + data[pixels_at:end]
    removed = [part for part in (gap if any(gap) else b"", data[end:]) if part]
    return Cleaned(clean_data, removed)


def _after_runs(data: bytes, at: int, pixels_per_byte: int) -> int:
    """Return the offset after run-length coded pixels."""
    while at + 2 <= len(data):
        n, code = data[at], data[at + 1]
        at += 2
        if n == 0 and code == 1:
            return at
        if n == 0 and code == 2:
            at += 2
        elif n == 0 and code > 2:
            n_bytes = -(-code // pixels_per_byte)
            at += n_bytes + n_bytes % 2
    raise NotUnderstood("pixels are missing")
