"""Remove the metadata of a PNG: chunks are copied by a list of those that the picture needs."""

import struct
import zlib
from collections.abc import Iterator

from peakid.imaging.metadata import exif, icc
from peakid.imaging.metadata.parts import MAX_TEXT_BYTES, Cleaned, NotUnderstood

SIGNATURE = b"\x89PNG\r\n\x1a\n"
# PNG (W3C, third edition), sections 11.2 and 11.3: the picture, its animation, and its colours. The number is
# the largest size in bytes; a larger chunk would hold something else too.
_NO_LIMIT = 2**31
_KEPT = {
    **dict.fromkeys((b"IDAT", b"fdAT"), _NO_LIMIT),
    **{b"IHDR": 13, b"PLTE": 768, b"IEND": 0, b"tRNS": 256, b"acTL": 8, b"fcTL": 26},
    **{b"cHRM": 32, b"gAMA": 4, b"sBIT": 4, b"sRGB": 1, b"cICP": 4, b"mDCV": 24, b"cLLI": 8},
    **{b"bKGD": 6, b"pHYs": 9},
}
_RAW_EXIF = (b"Raw profile type exif", b"Raw profile type APP1")
XMP_KEYWORD = b"XML:com.adobe.xmp"


def clean(data: bytes) -> Cleaned:
    """Return a PNG without metadata and without what follows its end.

    Raises:
        NotUnderstood: If a chunk is cut.
    """
    kept: list[bytes] = [SIGNATURE]
    removed: list[bytes] = []
    exif_block = xmp = b""
    end = len(SIGNATURE)
    for kind, content, end in _chunks(data):
        if kind in _KEPT and len(content) <= _KEPT[kind]:
            kept.append(data[end - len(content) - 12 : end])
            continue
        if kind == b"iCCP" and (profile := _profile(content)):
            if profile[0] != content:
                removed.append(profile[1])
            kept.append(_chunk(b"iCCP", profile[0]))
            continue
        if kind == b"eXIf":
            exif_block = content
        elif kind in (b"tEXt", b"zTXt", b"iTXt"):
            keyword, text = _text(kind, content)
            if keyword == _RAW_EXIF[0]:
                exif_block = exif_block or _from_hex(text)
            elif keyword == XMP_KEYWORD:
                xmp = text
        removed.append(content)
    if data[end:]:
        removed.append(data[end:])
    turn = exif.orientation(exif_block, xmp)
    if turn != 1:
        block = exif.with_orientation(turn)
        kept.insert(2, _chunk(b"eXIf", block))  # After IHDR.
        removed = [each for each in removed if each != block]
    return Cleaned(b"".join(kept), removed)


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes, int]]:
    """Yield (type, content, offset after the chunk), up to the end of the image."""
    at = len(SIGNATURE)
    kind = b""
    while kind != b"IEND" and at < len(data):
        if at + 8 > len(data):
            raise NotUnderstood("a chunk is cut")
        size, kind = struct.unpack_from(">I4s", data, at)
        end = at + 12 + size
        if end > len(data) or (at == len(SIGNATURE)) != (kind == b"IHDR"):
            raise NotUnderstood("a chunk is cut or in the wrong place")
        yield kind, data[at + 8 : end - 4], end
        at = end


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def _profile(content: bytes) -> tuple[bytes, bytes] | None:
    """Return the content of a colour profile's chunk without texts, and the old profile."""
    name, _, rest = content.partition(b"\x00")
    old = name + b"\x00" + _inflated(rest[1:])
    colours = icc.colours_only(old[len(name) + 1 :])
    if colours is None:
        return None
    if name == b"ICC" and old[4:] == colours:
        return content, old
    return b"ICC\x00\x00" + zlib.compress(colours), old


def _text(kind: bytes, content: bytes) -> tuple[bytes, bytes]:
    """Return keyword and text of a tEXt, zTXt or iTXt chunk."""
    keyword, _, rest = content.partition(b"\x00")
    if kind == b"tEXt":
        return keyword, rest
    if kind == b"zTXt":
        return keyword, _inflated(rest[1:])
    text = rest[2:].partition(b"\x00")[2].partition(b"\x00")[2]  # After language and translated keyword.
    return keyword, _inflated(text) if rest[:1] == b"\x01" else text


def _inflated(compressed: bytes) -> bytes:
    try:
        return zlib.decompressobj().decompress(compressed, MAX_TEXT_BYTES)
    except zlib.error:
        return b""


def _from_hex(text: bytes) -> bytes:
    """Return the bytes of an ImageMagick profile: three lines, then hex digits."""
    try:
        return bytes.fromhex(b"".join(text.split(b"\n")[3:]).decode("ascii"))
    except ValueError:
        return b""
