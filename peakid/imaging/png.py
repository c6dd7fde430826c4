"""Remove from a PNG what a decoder of pixels does not need: profiles, texts and other optional chunks.

Pillow refuses a file for a colour profile or text of more than a megabyte, or for a damaged one.
"""

SIGNATURE = b"\x89PNG\r\n\x1a\n"
# Transparency and orientation. The names of chunks that every decoder must know begin with a capital letter.
NEEDED = (b"tRNS", b"eXIf")
_FRAME_BYTES = 12  # Of one chunk: length, name and checksum.


def pixels_only(data: bytes) -> bytes:
    """Return the PNG without the other chunks. From a chunk that is cut off on, all is kept."""
    kept, at = [data[: len(SIGNATURE)]], len(SIGNATURE)
    while at + _FRAME_BYTES <= len(data):
        end = at + _FRAME_BYTES + int.from_bytes(data[at : at + 4], "big")
        if end > len(data):
            break
        name = data[at + 4 : at + 8]
        if name[:1].isupper() or name in NEEDED:
            kept.append(data[at:end])
        at = end
    return b"".join([*kept, data[at:]])
