"""Remove the position from the metadata of a photo without changing any other byte."""

import re
import struct
import zlib

GPS_TAG = 0x8825  # EXIF 2.3, section 4.6.3: the offset of the GPS IFD.
ENTRY_BYTES = 12  # TIFF 6.0, section 2: tag, type, count, value or offset.
TYPE_BYTES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8}
PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"

# The whole file is searched: a Multi-Picture file has further JPEGs after the first, each with its own EXIF.
_JPEG_EXIF = re.compile(rb"\xff\xe1(..)Exif\x00\x00", re.DOTALL)
_XMP_POSITION = re.compile(
    rb"""exif:GPS\w+\s*=\s*("[^"]*"|'[^']*')|<(exif:GPS\w+)[^>]*>.*?</\2>""", re.DOTALL
)


def remove(data: bytes) -> bytes:
    """Return an image file without the position in its EXIF and XMP. Handles JPEG, PNG, WebP and TIFF.

    Removed bytes become zeros or blanks, so that no offset changes and nothing is encoded again. A file
    without a position is returned unchanged.
    """
    out = bytearray(data)
    if data.startswith(b"\xff\xd8"):
        for found in _JPEG_EXIF.finditer(data):
            end = found.start() + 2 + int.from_bytes(found[1], "big")
            _clear_block(out, found.end(), end)
        _clear_xmp(out, 0, len(out))
    elif data.startswith(PNG_SIGNATURE):
        _clear_png(out)
    elif data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        _clear_webp(out)
    elif data[:4] in (b"II*\x00", b"MM\x00*"):
        _clear_block(out, 0, len(out))
    return bytes(out)


def _clear_png(out: bytearray) -> None:
    at = len(PNG_SIGNATURE)
    while at + 12 <= len(out):
        (size,) = struct.unpack_from(">I", out, at)
        begin, end = at + 8, at + 8 + size
        kind = bytes(out[at + 4 : begin])
        if end + 4 > len(out):
            return
        before = bytes(out[begin:end]) if kind in (b"eXIf", b"iTXt") else b""
        if kind == b"eXIf":
            _clear_block(out, begin, end)
        elif kind == b"iTXt":
            _clear_xmp(out, begin, end)
        if before and bytes(out[begin:end]) != before:
            struct.pack_into(">I", out, end, zlib.crc32(out[at + 4 : end]))
        at = end + 4


def _clear_webp(out: bytearray) -> None:
    at = 12
    while at + 8 <= len(out):
        kind, size = struct.unpack_from("<4sI", out, at)
        begin, end = at + 8, min(at + 8 + size, len(out))
        if kind == b"EXIF":
            has_prefix = (
                bytes(out[begin : begin + 6]) == b"Exif\x00\x00"
            )  # Some writers keep the JPEG prefix.
            _clear_block(out, begin + 6 * has_prefix, end)
        elif kind == b"XMP ":
            _clear_xmp(out, begin, end)
        at = end + size % 2


def _clear_xmp(out: bytearray, begin: int, end: int) -> None:
    for found in _XMP_POSITION.finditer(bytes(out[begin:end])):
        out[begin + found.start() : begin + found.end()] = b" " * (found.end() - found.start())


def _clear_block(out: bytearray, begin: int, end: int) -> None:
    """Clear the GPS IFD of the TIFF structure in `out[begin:end]`. Leave a damaged structure as it is."""
    block = out[begin:end]
    order = {b"II": "<", b"MM": ">"}.get(bytes(block[:2]))
    if order is None:
        return
    try:
        (ifd,) = struct.unpack_from(f"{order}I", block, 4)
        entries = _entries(block, order, ifd)
        for number in reversed([n for n, entry in enumerate(entries) if entry[0] == GPS_TAG]):
            _clear_ifd(block, order, entries[number][3])
            _drop_entry(block, order, ifd, number)
    except struct.error:  # An offset points outside the block, so no reader finds a position either.
        return
    out[begin:end] = block


def _entries(block: bytearray, order: str, ifd: int) -> list[tuple[int, int, int, int]]:
    """Read (tag, type, count, value or offset) of every entry of an IFD."""
    (n_entries,) = struct.unpack_from(f"{order}H", block, ifd)
    return [struct.unpack_from(f"{order}HHII", block, ifd + 2 + n * ENTRY_BYTES) for n in range(n_entries)]


def _clear_ifd(block: bytearray, order: str, ifd: int) -> None:
    entries = _entries(block, order, ifd)
    for _, kind, count, offset in entries:
        size = TYPE_BYTES.get(kind, 1) * count
        if size > 4:  # TIFF 6.0, section 2: up to four bytes are in the entry itself.
            _zero(block, offset, size)
    _zero(block, ifd, 2 + len(entries) * ENTRY_BYTES + 4)


def _drop_entry(block: bytearray, order: str, ifd: int, number: int) -> None:
    """Remove an entry by moving the following ones; the end of the IFD becomes zeros."""
    (n_entries,) = struct.unpack_from(f"{order}H", block, ifd)
    at = ifd + 2 + number * ENTRY_BYTES
    end = ifd + 2 + n_entries * ENTRY_BYTES + 4  # Includes the offset of the next IFD.
    rest = block[at + ENTRY_BYTES : end]
    block[at : at + len(rest)] = rest
    _zero(block, at + len(rest), ENTRY_BYTES)
    struct.pack_into(f"{order}H", block, ifd, n_entries - 1)


def _zero(block: bytearray, begin: int, size: int) -> None:
    end = min(begin + size, len(block))
    if begin < end:
        block[begin:end] = bytes(end - begin)
