"""Clear the metadata of AVIF and HEIC in place: no box moves, so that all offsets stay true."""

import struct
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from peakid.imaging.metadata import icc
from peakid.imaging.metadata.parts import Cleaned, NotUnderstood

# ISO/IEC 23008-12, section 6.4, and AV1 Image File Format: items that are pictures or put together from them.
_PICTURES = {b"av01", b"hvc1", b"lhv1", b"avc1", b"jpeg", b"grid", b"iden", b"iovl", b"tmap"}
_TOP = {b"ftyp", b"meta", b"mdat"}  # A film (moov) has further places for texts.
_META = {b"hdlr", b"pitm", b"iloc", b"iinf", b"iprp", b"iref", b"idat", b"dinf", b"grpl"}
_PROPERTIES = {
    *(b"ispe", b"pixi", b"colr", b"av1C", b"hvcC", b"lhvC", b"avcC", b"pasp", b"irot", b"imir", b"clap"),
    *(b"auxC", b"clli", b"mdcv", b"cclv", b"amve", b"a1op", b"a1lx", b"lsel", b"rloc", b"oinf", b"tols"),
}
_NAMES = {b"", b"libavif", b"Color", b"Alpha"}  # What libavif writes; another name may say anything.
UNKNOWN_ITEM = b"none"  # A type that no reader knows, so that none looks for the item's content.


class _Box(NamedTuple):
    kind: bytes
    begin: int
    """Of the content, after the header."""
    end: int


def clean(data: bytes) -> Cleaned:
    """Return an AVIF or HEIC file with only its pictures and their properties.

    Raises:
        NotUnderstood: If it is damaged, or is a film.
    """
    try:
        return _cleared(data)
    except (struct.error, IndexError) as error:
        raise NotUnderstood(f"a damaged box: {error}") from error


def _cleared(data: bytes) -> Cleaned:
    out, removed = bytearray(data), list[bytes]()
    top = list(_boxes(data, 0, len(data)))
    kinds = [box.kind for box in top]
    if kinds.count(b"meta") != 1 or b"moov" in kinds or b"moof" in kinds:
        raise NotUnderstood("no picture, or a film")
    meta = top[kinds.index(b"meta")]
    parts = list(_boxes(data, meta.begin + 4, meta.end))
    inside = {box.kind: box for box in parts}
    if not {b"hdlr", b"iinf", b"iloc", b"iprp"} <= set(inside) or _is_doubled(parts):
        raise NotUnderstood("a list of items is missing")
    for box, known in [*((box, _TOP) for box in top), *((box, _META) for box in parts)]:
        if box.kind not in known:
            _clear(out, box.begin, box.end, removed)
    _clear_name(out, inside[b"hdlr"].begin + 24, inside[b"hdlr"].end, removed)  # The handler's name.
    pictures = _clear_items(data, out, inside[b"iinf"], removed)
    kept = _extents(data, inside, pictures)
    holders = [*(box for box in top if box.kind == b"mdat"), *(box for box in [inside.get(b"idat")] if box)]
    for box in holders:
        _clear_gaps(out, box, kept, removed)
    _clear_properties(data, out, inside[b"iprp"], removed)
    return Cleaned(bytes(out), removed)


def _is_doubled(parts: Sequence[_Box]) -> bool:
    known = [box.kind for box in parts if box.kind in _META]
    return len(known) > len(set(known))


def _boxes(data: bytes, begin: int, end: int) -> Iterator[_Box]:
    while begin < end:
        size, kind = struct.unpack_from(">I4s", data, begin)
        head = 8
        if size == 1:
            (size,) = struct.unpack_from(">Q", data, begin + 8)
            head = 16
        stop = end if size == 0 else begin + size
        if stop > end or stop < begin + head:
            raise NotUnderstood(f"a box is cut: {kind!r}")
        yield _Box(kind, begin + head, stop)
        begin = stop


def _clear(out: bytearray, begin: int, end: int, removed: list[bytes]) -> None:
    if begin < end and any(out[begin:end]):
        removed.append(bytes(out[begin:end]))
        out[begin:end] = bytes(end - begin)


def _clear_name(out: bytearray, begin: int, end: int, removed: list[bytes]) -> None:
    if bytes(out[begin:end]).rstrip(b"\x00") not in _NAMES:
        _clear(out, begin, end, removed)


def _clear_items(data: bytes, out: bytearray, iinf: _Box, removed: list[bytes]) -> set[int]:
    """Clear names and types of items that are not pictures; return the numbers of those that are."""
    version = data[iinf.begin]
    pictures = set()
    for box in _boxes(data, iinf.begin + (6 if version == 0 else 8), iinf.end):
        if box.kind != b"infe" or data[box.begin] not in (2, 3):
            raise NotUnderstood("a list of items of another version")
        is_long = data[box.begin] == 3
        (number,) = struct.unpack_from(">I" if is_long else ">H", data, box.begin + 4)
        type_at = box.begin + (10 if is_long else 8)
        if data[type_at : type_at + 4] in _PICTURES:
            pictures.add(number)
        elif data[type_at : type_at + 4] != UNKNOWN_ITEM:
            removed.append(data[type_at : box.end])
            out[type_at : type_at + 4] = UNKNOWN_ITEM
        _clear_name(out, type_at + 4, box.end, removed)
    return pictures


def _extents(data: bytes, inside: dict[bytes, _Box], pictures: set[int]) -> list[tuple[int, int]]:
    """Return where in the file the pictures are, as sorted (begin, end)."""
    box = inside[b"iloc"]
    version = data[box.begin]
    if version > 2:
        raise NotUnderstood("a table of places of another version")
    sizes = struct.unpack_from(">H", data, box.begin + 4)[0]
    offset_bytes, length_bytes, base_bytes, index_bytes = (sizes >> shift & 15 for shift in (12, 8, 4, 0))
    at = box.begin + 6
    found: list[tuple[int, int]] = []

    def number(n_bytes: int) -> int:
        nonlocal at
        if at + n_bytes > box.end:
            raise NotUnderstood("a table of places is cut")
        at += n_bytes
        return int.from_bytes(data[at - n_bytes : at], "big")

    wide = 4 if version == 2 else 2
    for _ in range(number(wide)):
        item, method = number(wide), number(2) & 15 if version else 0
        number(2)  # The file that holds it: 0 is this one.
        base = number(base_bytes)
        for _ in range(number(2)):
            number(index_bytes if version else 0)
            offset, length = base + number(offset_bytes), number(length_bytes)
            if item not in pictures:
                continue
            if method == 1:
                offset += inside[b"idat"].begin if b"idat" in inside else 0
            elif method:
                raise NotUnderstood("a picture that is put together from another item's bytes")
            found.append((offset, offset + length if length else len(data)))
    return sorted(found)


def _clear_gaps(out: bytearray, box: _Box, kept: list[tuple[int, int]], removed: list[bytes]) -> None:
    """Clear what no picture uses."""
    at = box.begin
    for begin, end in kept:
        _clear(out, at, min(begin, box.end), removed)
        at = max(at, end)
    _clear(out, at, box.end, removed)


def _clear_properties(data: bytes, out: bytearray, iprp: _Box, removed: list[bytes]) -> None:
    for container in _boxes(data, iprp.begin, iprp.end):
        if container.kind == b"ipma":
            continue
        if container.kind != b"ipco":
            _clear(out, container.begin, container.end, removed)
            continue
        for box in _boxes(data, container.begin, container.end):
            if box.kind not in _PROPERTIES:
                _clear(out, box.begin, box.end, removed)
            elif box.kind == b"colr" and data[box.begin : box.begin + 4] in (b"prof", b"rICC"):
                _clear_profile(out, box, removed)


def _clear_profile(out: bytearray, box: _Box, removed: list[bytes]) -> None:
    """Put a profile without texts in the place of the old one. Its header says where it ends."""
    begin = box.begin + 4
    old = bytes(out[begin : box.end])
    colours = icc.colours_only(old)
    fresh = (colours or b"").ljust(len(old), b"\x00")
    if len(fresh) == len(old) and fresh != old:
        removed.append(old)
        out[begin : box.end] = fresh
    elif len(fresh) > len(old):
        raise NotUnderstood("a colour profile without space for its description")
