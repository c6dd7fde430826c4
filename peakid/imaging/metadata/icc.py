"""Rebuild a colour profile with its colours only: texts and private tags are left out."""

import itertools
import struct
from collections.abc import Sequence

HEADER_BYTES = 128  # ICC.1:2022, section 7.2.
MAX_TAGS = 256

# ICC.1:2022, section 9.2: tags that hold numbers.
_COLOUR_TAGS = {
    *(b"rXYZ", b"gXYZ", b"bXYZ", b"wtpt", b"bkpt", b"lumi", b"chad", b"chrm", b"cicp", b"gamt", b"view"),
    *(b"rTRC", b"gTRC", b"bTRC", b"kTRC", b"meas", b"tech", b"rig0", b"ciis"),
    *(name + digit for name in (b"A2B", b"B2A", b"D2B", b"B2D") for digit in (b"0", b"1", b"2", b"3")),
    *(b"pre0", b"pre1", b"pre2"),
}
_NUMBER_TYPES = {
    *(b"XYZ ", b"curv", b"para", b"sf32", b"mft1", b"mft2", b"mAB ", b"mBA ", b"mpet", b"sig ", b"meas"),
    *(b"view", b"chrm", b"cicp"),
}
# Header fields that name a device or a program (section 7.2): CMM, manufacturer, model, attributes, creator,
# ID.
_NAMED_FIELDS = ((4, 8), (48, 64), (80, 128))
_DESCRIPTION = "Profile"


def colours_only(profile: bytes) -> bytes | None:
    """Return the profile without texts and private tags, or None where it cannot be read."""
    try:
        (n_tags,) = struct.unpack_from(">I", profile, HEADER_BYTES)
        if profile[36:40] != b"acsp" or n_tags > MAX_TAGS:
            return None
        table = [struct.unpack_from(">4sII", profile, HEADER_BYTES + 4 + 12 * n) for n in range(n_tags)]
    except struct.error:
        return None
    if _overlaps(sorted({(offset, offset + size) for _, offset, size in table})):
        return None
    tags = {
        name: profile[offset : offset + size]
        for name, offset, size in table
        if name in _COLOUR_TAGS and profile[offset : offset + 4] in _NUMBER_TYPES
    }
    is_v4 = profile[8] >= 4
    tags[b"desc"] = _text_v4(_DESCRIPTION) if is_v4 else _description_v2(_DESCRIPTION)
    tags[b"cprt"] = _text_v4("None") if is_v4 else b"text" + bytes(4) + b"None\x00"
    return _written(profile[:HEADER_BYTES], tags)


def _overlaps(spans: Sequence[tuple[int, int]]) -> bool:
    return any(one[1] > other[0] for one, other in itertools.pairwise(spans))


def _written(header: bytes, tags: dict[bytes, bytes]) -> bytes:
    at = HEADER_BYTES + 4 + 12 * len(tags)
    table, body, placed = b"", b"", dict[bytes, int]()
    for name, content in tags.items():
        if content not in placed:  # The three curves of a profile are often one.
            placed[content] = at + len(body)
            body += content + bytes(-len(content) % 4)
        table += struct.pack(">4sII", name, placed[content], len(content))
    head = bytearray(header)
    for begin, end in _NAMED_FIELDS:
        head[begin:end] = bytes(end - begin)
    size = at + len(body)
    struct.pack_into(">I", head, 0, size)
    return bytes(head) + struct.pack(">I", len(tags)) + table + body


def _description_v2(text: str) -> bytes:
    """Return a text as ASCII, without its Unicode and ScriptCode forms (ICC.1:2001, section 6.5.17)."""
    ascii_text = text.encode() + b"\x00"
    return b"desc" + bytes(4) + struct.pack(">I", len(ascii_text)) + ascii_text + bytes(8 + 3 + 67)


def _text_v4(text: str) -> bytes:
    """Return one text in English (ICC.1:2022, section 10.15)."""
    encoded = text.encode("utf-16-be")
    return b"mluc" + bytes(4) + struct.pack(">II2s2sII", 1, 12, b"en", b"US", len(encoded), 28) + encoded
