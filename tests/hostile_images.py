"""Small files that cost much to decode: bombs of pixels, scans and metadata, made when they are needed."""

import io
import struct
import zlib
from collections.abc import Callable

from PIL import Image

SIDE_PX = 14_000  # 196 million pixels: just below the limit that is checked from the header.
N_SCANS = 4_000


def png(
    width_px: int,
    height_px: int,
    *,
    channels: int = 4,
    bits: int = 8,
    n_rows: int | None = None,
    value: int = 0,
) -> bytes:
    """Return a PNG of one value. `channels` is 1 (grey), 3 or 4; `n_rows` of the rows in its header exist."""
    row = b"\0" + bytes([value]) * ((width_px * channels * bits + 7) // 8)  # First the kind of filter.
    packer, packed = zlib.compressobj(9), bytearray()
    for _ in range(height_px if n_rows is None else n_rows):
        packed += packer.compress(row)
    packed += packer.flush()
    kind = {1: 0, 3: 2, 4: 6}[channels]
    header = struct.pack(">IIBBBBB", width_px, height_px, bits, kind, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", bytes(packed)) + chunk(b"IEND", b"")


def chunk(name: bytes, body: bytes) -> bytes:
    """Return one chunk of a PNG."""
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def png_of_chunks(n_chunks: int) -> bytes:
    """Return a PNG with so many empty chunks before its pixels; reading its header alone takes long."""
    small = png(8, 8)
    return small[:33] + chunk(b"aaAa", b"") * n_chunks + small[33:]


def jpeg_of_scans(side_px: int, n_scans: int) -> bytes:
    """Return a progressive JPEG whose last scan is there `n_scans` times; a decoder reads each to the end."""
    out = io.BytesIO()
    Image.new("L", (side_px, side_px), 90).save(out, "JPEG", progressive=True)
    data = out.getvalue()
    last = data.rindex(b"\xff\xda")
    scan = data[last : data.rindex(b"\xff\xd9")]
    return data[:last] + scan * n_scans + b"\xff\xd9"


def avif(side_px: int) -> bytes:
    """Return an AVIF of one colour: a few kilobytes for any size."""
    return _saved(Image.new("RGB", (side_px, side_px), (90, 120, 40)), "AVIF", quality=30, speed=10)


def webp(side_px: int) -> bytes:
    """Return a WebP of one colour; its format ends at 16,383 px."""
    return _saved(Image.new("RGBA", (side_px, side_px), (90, 120, 40, 128)), "WEBP", lossless=True, method=0)


def tiff(side_px: int) -> bytes:
    """Return a TIFF of zeros with deflate compression."""
    return _saved(Image.new("RGB", (side_px, side_px)), "TIFF", compression="tiff_adobe_deflate")


def gif(side_px: int) -> bytes:
    """Return a GIF of one colour."""
    return _saved(Image.new("P", (side_px, side_px)), "GIF")


def bombs() -> dict[str, Callable[[], bytes]]:
    """Return what makes each hostile file, by name."""
    return {
        "png rgba": lambda: png(SIDE_PX, SIDE_PX),
        "png 1 bit": lambda: png(30_000, 30_000, channels=1, bits=1),
        "png 16 bit": lambda: png(SIDE_PX, SIDE_PX, channels=1, bits=16),
        "png chunks": lambda: png_of_chunks(4_000_000),
        "jpeg scans": lambda: jpeg_of_scans(3_000, N_SCANS),
        "avif": lambda: avif(12_000),
        "avif at limit": lambda: avif(10_000),  # 100 million pixels: the largest that is decoded at all.
        "webp": lambda: webp(SIDE_PX),
        "tiff": lambda: tiff(SIDE_PX),
        "gif": lambda: gif(SIDE_PX),
    }


def _saved(image: Image.Image, format: str, **options: object) -> bytes:
    out = io.BytesIO()
    image.save(out, format, **options)
    return out.getvalue()
