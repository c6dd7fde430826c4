"""Remove the metadata of a WebP: chunks are copied by a list of those that the picture needs."""

import struct
from collections.abc import Iterator

from peakid.imaging.metadata import exif, icc
from peakid.imaging.metadata.parts import Cleaned, NotUnderstood

# RFC 9649, section 2.7.
_PICTURE = {b"VP8 ", b"VP8L", b"ALPH"}
HAS_ICC, HAS_EXIF, HAS_XMP = 0x20, 0x08, 0x04  # Bits of the first byte of VP8X.
FRAME_HEADER_BYTES = 16
VP8X_BYTES, ANIM_BYTES = 10, 6


def clean(data: bytes) -> Cleaned:
    """Return a WebP without metadata and without what follows its end.

    Raises:
        NotUnderstood: If a chunk is cut.
    """
    end = 8 + int.from_bytes(data[4:8], "little")
    if end > len(data) + 1:  # A last byte of padding may be missing.
        raise NotUnderstood("the file is cut")
    chunks, removed = list(_chunks(data, 12, min(end, len(data)))), []
    exif_block = next((content for kind, content in chunks if kind == b"EXIF"), b"")
    xmp = next((content for kind, content in chunks if kind == b"XMP "), b"")
    profile = next((content for kind, content in chunks if kind == b"ICCP"), b"")
    colours = icc.colours_only(profile) if profile else None
    turn = exif.orientation(exif_block, xmp)
    kept = []
    for kind, content in chunks:
        fresh: bytes | None = None
        if kind in _PICTURE:
            fresh = content
        elif kind == b"ANMF":
            fresh = _frame(content, removed)
        elif kind == b"ANIM":
            fresh = content[:ANIM_BYTES]
        elif kind == b"VP8X" and len(content) >= VP8X_BYTES:
            flags = content[0] & ~(HAS_ICC | HAS_EXIF | HAS_XMP)
            flags |= HAS_ICC * (colours is not None) | HAS_EXIF * (turn != 1)
            fresh = bytes((flags,)) + content[1:VP8X_BYTES]
        elif kind == b"ICCP":
            fresh = colours
        if fresh is not None:
            kept.append(_chunk(kind, fresh))
        if fresh != content and kind != b"VP8X":
            removed.append(content)
    if turn != 1:
        kept.append(_chunk(b"EXIF", exif.with_orientation(turn)))
        removed = [each for each in removed if each != exif.with_orientation(turn)]
    if data[end:]:
        removed.append(data[end:])
    body = b"WEBP" + b"".join(kept)
    return Cleaned(b"RIFF" + struct.pack("<I", len(body)) + body, removed)


def _frame(content: bytes, removed: list[bytes]) -> bytes:
    """Return a frame of an animation with its pixels only."""
    frame = content[:FRAME_HEADER_BYTES]
    for kind, inner in _chunks(content, FRAME_HEADER_BYTES, len(content)):
        if kind in _PICTURE:
            frame += _chunk(kind, inner)
        else:
            removed.append(inner)
    return frame


def _chunks(data: bytes, begin: int, end: int) -> Iterator[tuple[bytes, bytes]]:
    while begin + 8 <= end:
        kind, size = struct.unpack_from("<4sI", data, begin)
        if begin + 8 + size > end:
            raise NotUnderstood("a chunk is cut")
        yield kind, data[begin + 8 : begin + 8 + size]
        begin += 8 + size + size % 2


def _chunk(kind: bytes, content: bytes) -> bytes:
    return kind + struct.pack("<I", len(content)) + content + bytes(len(content) % 2)
