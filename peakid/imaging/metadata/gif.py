"""Remove the metadata of a GIF: comments, texts and the data of applications."""

from peakid.imaging.metadata.parts import Cleaned, NotUnderstood

# GIF89a, sections 18 to 27.
IMAGE, EXTENSION, TRAILER = 0x2C, 0x21, 0x3B
GRAPHIC_CONTROL, APPLICATION = 0xF9, 0xFF
CONTROL_BYTES = 8  # The whole extension, with its four bytes of content.
# Both repeat an animation; the content is three bytes.
_LOOPS = (b"\x0bNETSCAPE2.0\x03\x01", b"\x0bANIMEXTS1.0\x03\x01")
LOOP_BYTES = 19


def clean(data: bytes) -> Cleaned:
    """Return a GIF without comments, application data and what follows its end.

    Raises:
        NotUnderstood: If a block is cut or unknown.
    """
    at = 13 + _colours_bytes(_byte(data, 10))
    kept, removed = [data[:at]], []
    while (kind := _byte(data, at)) != TRAILER:
        if kind == IMAGE:
            begin, at = at, at + 10 + _colours_bytes(_byte(data, at + 9))
            at = _after_blocks(data, at + 1)  # One byte tells the size of a code.
            kept.append(data[begin:at])
        elif kind == EXTENSION:
            begin, at = at, _after_blocks(data, at + 2)
            extension = data[begin:at]
            (kept if _is_kept(extension) else removed).append(extension)
        else:
            raise NotUnderstood(f"an unknown block {kind:#x}")
    kept.append(bytes((TRAILER,)))
    if data[at + 1 :]:
        removed.append(data[at + 1 :])
    return Cleaned(b"".join(kept), removed)


def _is_kept(extension: bytes) -> bool:
    if extension[1] == GRAPHIC_CONTROL:
        return len(extension) == CONTROL_BYTES
    return extension[1] == APPLICATION and extension[2:].startswith(_LOOPS) and len(extension) == LOOP_BYTES


def _colours_bytes(flags: int) -> int:
    return 3 * 2 ** ((flags & 7) + 1) if flags & 0x80 else 0


def _after_blocks(data: bytes, at: int) -> int:
    """Return the offset after a series of blocks, which an empty block ends."""
    while size := _byte(data, at):
        at += 1 + size
    return at + 1


def _byte(data: bytes, at: int) -> int:
    if at >= len(data):
        raise NotUnderstood("a block is cut")
    return data[at]
