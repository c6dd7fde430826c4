"""Read the orientation from EXIF and XMP, and write EXIF that holds nothing else."""

import re
import struct
from collections.abc import Iterator
from typing import NamedTuple

ORIENTATION_TAG, GPS_TAG = 0x0112, 0x8825  # EXIF 2.3, sections 4.6.4 and 4.6.3.
ENTRY_BYTES = 12  # TIFF 6.0, section 2: tag, type, count, value or offset.
_NUMBERS = {1: "B", 3: "H", 4: "I"}  # TIFF 6.0, section 2: byte, short, long.
_PREFIX = re.compile(rb"\A(Exif\x00\x00){1,2}")
_XMP_ORIENTATION = re.compile(rb'tiff:Orientation(="|>)([0-9])')  # As Pillow reads it.


class Entry(NamedTuple):
    tag: int
    type: int
    count: int
    value: bytes
    """Four bytes: the value, or its offset."""


def orientation(exif: bytes, xmp: bytes = b"") -> int:
    """Return the orientation, 1..8, by the rules that Pillow follows. 1 where there is none."""
    exif = _PREFIX.sub(b"", exif)
    found = 0
    try:
        for entry in _entries(exif):
            if entry.tag == ORIENTATION_TAG and entry.count == 1 and entry.type in _NUMBERS:
                (found,) = struct.unpack_from(_order(exif) + _NUMBERS[entry.type], entry.value)
                return found if found in range(1, 9) else 1
    except struct.error:  # Pillow does not turn an image with damaged EXIF.
        return 1
    in_xmp = _XMP_ORIENTATION.search(xmp)
    return int(in_xmp[2]) if in_xmp and int(in_xmp[2]) in range(1, 9) else 1


def has_gps(exif: bytes) -> bool:
    """Return whether the first directory of an EXIF block names a directory of GPS tags."""
    try:
        return any(entry.tag == GPS_TAG for entry in _entries(exif))
    except struct.error:
        return False


def with_orientation(value: int) -> bytes:
    """Return an EXIF block, without the prefix of a JPEG, that holds the orientation only."""
    entry = struct.pack(">HHIHH", ORIENTATION_TAG, 3, 1, value, 0)
    return struct.pack(">2sHIH", b"MM", 42, 8, 1) + entry + bytes(4)


def _order(exif: bytes) -> str:
    return "<" if exif[:2] == b"II" else ">"


def _entries(exif: bytes) -> Iterator[Entry]:
    """Yield the entries of the first directory. Raise `struct.error` where it is damaged."""
    if exif[:2] not in (b"II", b"MM"):
        return
    order = _order(exif)
    (start,) = struct.unpack_from(f"{order}I", exif, 4)
    (n_entries,) = struct.unpack_from(f"{order}H", exif, start)
    for number in range(n_entries):
        yield Entry(*struct.unpack_from(f"{order}HHI4s", exif, start + 2 + number * ENTRY_BYTES))
