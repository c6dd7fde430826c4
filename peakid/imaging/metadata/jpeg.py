"""Remove the metadata of a JPEG: its segments are copied by a list of those that the picture needs."""

import re
from collections.abc import Iterator

from peakid.imaging.metadata import exif, icc
from peakid.imaging.metadata.parts import Cleaned, NotUnderstood

SOI, EOI, SOS = 0xD8, 0xD9, 0xDA  # ITU-T T.81, table B.1.
APP0, APP1, APP2, APP14 = 0xE0, 0xE1, 0xE2, 0xEE
# Frames, tables, scans, restart intervals. Comments, APPn and reserved markers are not needed.
_PICTURE = {*range(0xC0, 0xC8), *range(0xC9, 0xD0), SOS, *range(0xDB, 0xE0)}
_ALONE = {0x01, *range(0xD0, 0xD8)}  # Markers without a length.
_NEXT_MARKER = re.compile(rb"\xff+([^\x00\xff\xd0-\xd7])")  # A restart marker belongs to its scan.
JFIF_BYTES = 14  # ITU-T T.871: the segment without a thumbnail.
ADOBE_BYTES = 12  # Adobe Technical Note 5116: everything up to the colour transform.
ICC_PREFIX, XMP_PREFIX, EXIF_PREFIX = b"ICC_PROFILE\x00", b"http://ns.adobe.com/xap/1.0/\x00", b"Exif\x00\x00"
ICC_CHUNK_BYTES = 65519  # The largest share of a profile in one segment.
MAX_SEGMENT_BYTES = 65533


def clean(data: bytes, *, is_stream: bool = False) -> Cleaned:
    """Return a JPEG without metadata. What follows its end, such as a second picture or a film, is removed.

    Args:
        is_stream: Part of another file, such as a strip of a TIFF, whose orientation is elsewhere.

    Raises:
        NotUnderstood: If it has no end, so that other data may follow its pixels.
    """
    if not data.startswith(b"\xff\xd8"):
        raise NotUnderstood("no start of image")
    kept: list[bytes] = []
    head: list[bytes] = []  # JFIF and Adobe segments say how colours are coded, and come first.
    removed: list[bytes] = []
    exif_block = xmp = b""
    profile: dict[int, bytes] = {}
    for marker, content in _segments(data):
        if marker in _PICTURE or marker == EOI:
            kept.append(content)
            continue
        body = content[4:]
        if marker == APP0 and body.startswith(b"JFIF\x00") and len(body) >= JFIF_BYTES:
            head.append(_segment(APP0, body[: JFIF_BYTES - 2] + b"\x00\x00"))
            _note(removed, body[JFIF_BYTES:])
            continue
        if marker == APP14 and body.startswith(b"Adobe") and len(body) >= ADOBE_BYTES:
            head.append(_segment(APP14, body[:ADOBE_BYTES]))
            _note(removed, body[ADOBE_BYTES:])
            continue
        if marker == APP2 and body.startswith(ICC_PREFIX) and len(body) > len(ICC_PREFIX) + 2:
            profile[body[12]] = body[14:]
            continue
        if marker == APP1 and body.startswith(EXIF_PREFIX):
            exif_block += body[6:] if exif_block else body
        elif marker == APP1 and body.startswith(XMP_PREFIX):
            xmp = body
        _note(removed, content)
    turn = exif.orientation(exif_block, xmp)
    if turn != 1 and not is_stream:
        block = EXIF_PREFIX + exif.with_orientation(turn)
        head.append(_segment(APP1, block))
        removed = [each for each in removed if each != _segment(APP1, block)]
    head += _profile_segments(b"".join(profile[number] for number in sorted(profile)), removed)
    return Cleaned(b"\xff\xd8" + b"".join(head + kept), removed)


def _segments(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield (marker, bytes with marker and length). A scan includes its coded data.

    What follows the end of the image comes last, with the marker 0.
    """
    at = 2
    while found := _NEXT_MARKER.search(data, at):
        marker, begin = found[1][0], found.end() - 2
        if marker == SOI:
            break
        if marker in _ALONE:
            at = found.end()
            continue
        if marker == EOI:
            yield marker, data[begin : begin + 2]
            yield 0, data[begin + 2 :]
            return
        end = begin + 2 + int.from_bytes(data[begin + 2 : begin + 4], "big")
        if marker == SOS:
            following = _NEXT_MARKER.search(data, end)
            end = following.start() if following else len(data)
        end = min(max(end, begin + 4), len(data))
        yield marker, data[begin:end]
        at = end
    raise NotUnderstood("no end of image")


def _segment(marker: int, body: bytes) -> bytes:
    return bytes((0xFF, marker)) + (len(body) + 2).to_bytes(2, "big") + body


def _note(removed: list[bytes], part: bytes) -> None:
    if part:
        removed.append(part)


def _profile_segments(profile: bytes, removed: list[bytes]) -> list[bytes]:
    """Return the segments of a colour profile without its texts."""
    if not profile:
        return []
    colours = icc.colours_only(profile)
    if colours != profile:
        removed.append(profile)
    if colours is None:
        return []
    pieces = [colours[at : at + ICC_CHUNK_BYTES] for at in range(0, len(colours), ICC_CHUNK_BYTES)]
    return [
        _segment(APP2, ICC_PREFIX + bytes((number, len(pieces))) + piece)
        for number, piece in enumerate(pieces, start=1)
    ]
