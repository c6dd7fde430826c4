"""What the readers of all containers return, and the error for a file that none of them can take apart."""

import re
import zlib
from typing import NamedTuple

from peakid.imaging.metadata import exif

MAX_TEXT_BYTES = 16 * 2**20  # Of decompressed text that is searched for a position.

# The names of positions in XMP, drone makers' namespaces, GeoTIFF, QuickTime and plain comments.
_POSITION_WORDS = re.compile(rb"(?i)gps|latitude|longitude|geo|location|sub-?loc|\xa9xyz|city")
_TIFF_MAGIC = re.compile(rb"II\*\x00|MM\x00\*")
_IPTC_PLACE = re.compile(rb"\x1c\x02[\x1a\x1b\x5a\x5c\x5f\x64\x65]")  # IPTC IIM 4.2: datasets 2:26 to 2:101.
_HEX_PROFILE = re.compile(rb"\A\s*\w*\s+\d+\s+([0-9a-fA-F\s]+)\Z")  # ImageMagick: name, length, hex digits.


class NotUnderstood(Exception):
    """The file does not follow its format, so what it holds is unknown."""


class Cleaned(NamedTuple):
    """A file without metadata, and what was removed.

    Attributes:
        removed: The removed parts, as they were in the file.
    """

    data: bytes
    removed: list[bytes]


def holds_position(part: bytes) -> bool:
    """Return whether a position is recognised in a removed part. False does not prove that there is none."""
    texts = [part, *_inflated(part)]
    texts += [bytes.fromhex(found[1].decode()) for text in texts if (found := _whole_hex(text))]
    return any(
        _POSITION_WORDS.search(text)
        or _IPTC_PLACE.search(text)
        or any(exif.has_gps(text[found.start() :]) for found in _TIFF_MAGIC.finditer(text[:4096]))
        for text in texts
    )


def _whole_hex(text: bytes) -> re.Match[bytes] | None:
    found = _HEX_PROFILE.match(text.rpartition(b"\x00")[2])
    return found if found and len(b"".join(found[1].split())) % 2 == 0 else None


def _inflated(part: bytes) -> list[bytes]:
    """Return the text of a compressed PNG chunk, whose compressed bytes follow a zero byte."""
    texts = []
    for found in re.finditer(rb"\x00(?=x[\x01\x5e\x9c\xda])", part[:1024]):
        try:
            texts.append(zlib.decompressobj().decompress(part[found.end() :], MAX_TEXT_BYTES))
        except zlib.error:
            continue
    return texts
