"""Write a TIFF anew from the tags that its picture needs and from its strips or tiles."""

import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from peakid.imaging.metadata import exif, icc, jpeg, webp
from peakid.imaging.metadata.parts import Cleaned, NotUnderstood

MAX_PAGES = 4096
MAX_ENTRIES = 4096  # In one directory; real ones have about 20.
MAX_SHORT_VALUES = 16  # Of a tag that describes the picture, apart from tables of colours.

# TIFF 6.0, section 2, and BigTIFF: bytes of one value by type. ASCII (2) is missing: no tag below is a text.
_VALUE_BYTES = {1: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 16: 8, 17: 8}
STRIP_OFFSETS, STRIP_BYTES, TILE_OFFSETS, TILE_BYTES = 273, 279, 324, 325
COMPRESSION, ORIENTATION, JPEG_TABLES, XMP, PROFILE = 259, 274, 347, 700, 34675
# TIFF 6.0, its supplements, and SMinSampleValue and LercParameters of libtiff.
_TABLES = {291, 301, 320, 342, JPEG_TABLES, PROFILE}
_PICTURE = {
    *range(254, 259), COMPRESSION, 262, 263, 264, 265, 266, ORIENTATION, 277, 278, 280, 281, 282, 283, 284,
    290, 291, 292, 293, 296, 301, 317, 318, 319, 320, 321, 322, 323, 332, 334, 336, 338, 339, 340, 341, 342,
    JPEG_TABLES, 529, 530, 531, 532, PROFILE, 50674,
}  # fmt: skip
# GPS directory; GeoTIFF 1.1, section 7.
_POSITIONS = {34853, 33550, 33922, 34264, 34735, 34736, 34737}
_PLAIN = {1, 2, 3, 4, 5, 8, 32771, 32773, 32946, 34887, 34925, 50000}  # Compressions that hold pixels only.
_NESTED: Mapping[int, Callable[[bytes], Cleaned]] = {
    7: lambda strip: jpeg.clean(strip, is_stream=True),
    50001: webp.clean,
}


@dataclass(frozen=True)
class _Layout:
    """Sizes of the fields of TIFF, or of BigTIFF, in `struct` notation."""

    order: str
    is_big: bool

    @property
    def count(self) -> str:
        return self.order + ("Q" if self.is_big else "H")

    @property
    def offset(self) -> str:
        return self.order + ("Q" if self.is_big else "I")

    @property
    def offset_bytes(self) -> int:
        return 8 if self.is_big else 4

    @property
    def entry(self) -> str:
        return self.order + ("HHQ8s" if self.is_big else "HHI4s")


@dataclass(frozen=True)
class _Value:
    """A tag's type, number of values, and their bytes."""

    type: int
    count: int
    content: bytes


_Directory = dict[int, _Value]


def clean(data: bytes) -> Cleaned:
    """Return a TIFF with the same pages and pixels, without any other tag.

    Raises:
        NotUnderstood: If the file is damaged, or its compression may hold more than pixels.
    """
    layout = _Layout("<" if data[:2] == b"II" else ">", is_big=43 in data[2:4])
    try:
        spans = [(0, 16 if layout.is_big else 8)]
        pages = _directories(data, layout, spans)
        removed = [
            (b"gps " if tag in _POSITIONS else b"") + value.content
            for page in pages
            for tag, value in page.items()
            if _is_removed(tag)
        ]
        cleaned = _written(data, layout, pages, removed, spans)
    except (struct.error, OverflowError) as error:
        raise NotUnderstood(f"a damaged directory: {error}") from error
    unused = _unused(data, spans)
    is_clean = not cleaned.removed and not unused
    return Cleaned(data, []) if is_clean else Cleaned(cleaned.data, [*cleaned.removed, *unused])


def _is_removed(tag: int) -> bool:
    return tag not in _PICTURE | {STRIP_OFFSETS, STRIP_BYTES, TILE_OFFSETS, TILE_BYTES}


def _unused(data: bytes, spans: list[tuple[int, int]]) -> list[bytes]:
    """Return what is in the file, but in no directory, value or strip."""
    found, at = [], 0
    for begin, end in [*sorted(spans), (len(data), len(data))]:
        if any(data[at:begin]):
            found.append(data[at:begin])
        at = max(at, end)
    return found


def _directories(data: bytes, layout: _Layout, spans: list[tuple[int, int]]) -> list[_Directory]:
    (at,) = struct.unpack_from(layout.offset, data, 8 if layout.is_big else 4)
    pages: list[_Directory] = []
    seen: set[int] = set()
    while at:
        if at in seen or len(seen) == MAX_PAGES:
            raise NotUnderstood("directories in a circle, or too many")
        seen.add(at)
        (n_entries,) = struct.unpack_from(layout.count, data, at)
        if n_entries > MAX_ENTRIES:
            raise NotUnderstood("a directory with too many tags")
        begin = at + struct.calcsize(layout.count)
        size = struct.calcsize(layout.entry)
        entries = [struct.unpack_from(layout.entry, data, begin + n * size) for n in range(n_entries)]
        pages.append({tag: _value(data, layout, spans, *rest) for tag, *rest in reversed(entries)})
        spans.append((at, begin + n_entries * size + layout.offset_bytes))
        (at,) = struct.unpack_from(layout.offset, data, begin + n_entries * size)
    if not pages:
        raise NotUnderstood("no page")
    return pages


def _value(
    data: bytes, layout: _Layout, spans: list[tuple[int, int]], kind: int, count: int, field: bytes
) -> _Value:
    size = _VALUE_BYTES.get(kind, 1) * count
    if size <= len(field):
        return _Value(kind, count, field[:size])
    (offset,) = struct.unpack(layout.offset, field)
    content = data[offset : offset + size]
    spans.append((offset, offset + size))
    return _Value(kind, count if len(content) == size else -1, content)


def _written(
    data: bytes,
    layout: _Layout,
    pages: list[_Directory],
    removed: list[bytes],
    spans: list[tuple[int, int]],
) -> Cleaned:
    """Write header, and for each page its pieces of pixels, long values and directory."""
    start = (
        struct.pack(layout.order + "HHHQ", 43, 8, 0, 0) if layout.is_big else struct.pack(layout.offset, 0)
    )
    head = data[:2] + (start if layout.is_big else struct.pack(layout.order + "H", 42) + start)
    out = bytearray(head)
    pointer = len(out) - layout.offset_bytes  # Where the offset of the next directory belongs.
    for page in pages:
        kept = _picture_tags(page, layout, removed)
        for offsets_tag, sizes_tag in ((STRIP_OFFSETS, STRIP_BYTES), (TILE_OFFSETS, TILE_BYTES)):
            if offsets_tag in page:
                _copy_pixels(data, layout, page, kept, out, (offsets_tag, sizes_tag), removed, spans)
        pointer = _append_directory(out, layout, kept, pointer)
    return Cleaned(bytes(out), removed)


def _picture_tags(page: _Directory, layout: _Layout, removed: list[bytes]) -> _Directory:
    kept: _Directory = {}
    for tag, value in page.items():
        if tag not in _PICTURE:
            continue
        if value.count < 0 or value.type not in _VALUE_BYTES:
            raise NotUnderstood(f"tag {tag} is damaged")
        if tag == PROFILE:
            colours = icc.colours_only(value.content)
            if colours != value.content:
                removed.append(value.content)
            if colours is not None:
                kept[tag] = _Value(7, len(colours), colours)
        elif tag == JPEG_TABLES:
            tables = jpeg.clean(value.content, is_stream=True).data
            kept[tag] = _Value(7, len(tables), tables)
        elif tag in _TABLES or value.count <= MAX_SHORT_VALUES:
            kept[tag] = value
        else:
            raise NotUnderstood(f"tag {tag} has {value.count} values")
    if ORIENTATION not in page and XMP in page and (turn := exif.orientation(b"", page[XMP].content)) != 1:
        kept[ORIENTATION] = _Value(3, 1, struct.pack(layout.order + "H", turn))
    return kept


def _copy_pixels(
    data: bytes,
    layout: _Layout,
    page: _Directory,
    kept: _Directory,
    out: bytearray,
    tags: tuple[int, int],
    removed: list[bytes],
    spans: list[tuple[int, int]],
) -> None:
    """Append the strips or tiles of a page, and add the tags that say where they are now."""
    if tags[1] not in page:
        raise NotUnderstood("the sizes of the strips are missing")
    begins, sizes = (_integers(page[tag], layout) for tag in tags)
    (compression,) = _integers(page[COMPRESSION], layout) if COMPRESSION in page else [1]
    nested = _NESTED.get(compression)
    if len(begins) != len(sizes) or (compression not in _PLAIN and nested is None):
        raise NotUnderstood(f"strips that do not fit their sizes, or compression {compression}")
    fresh_begins, fresh_sizes = [], []
    for begin, size in zip(begins, sizes, strict=True):
        piece = data[begin : begin + size]
        if len(piece) != size:
            raise NotUnderstood("a strip is cut")
        spans.append((begin, begin + size))
        if nested is not None and piece:
            cleaned = nested(piece)
            removed += cleaned.removed
            piece = cleaned.data
        out += bytes(len(out) % 2)  # Offsets are even (TIFF 6.0, section 2).
        fresh_begins.append(len(out))
        fresh_sizes.append(len(piece))
        out += piece
    kind = 16 if layout.is_big else 4
    for tag, values in zip(tags, (fresh_begins, fresh_sizes), strict=True):
        packed = struct.pack(f"{layout.order}{len(values)}{'Q' if layout.is_big else 'I'}", *values)
        kept[tag] = _Value(kind, len(values), packed)


def _integers(value: _Value, layout: _Layout) -> tuple[int, ...]:
    code = {1: "B", 3: "H", 4: "I", 16: "Q"}.get(value.type)
    if code is None or value.count < 1:
        raise NotUnderstood("a number of another type")
    return struct.unpack(f"{layout.order}{value.count}{code}", value.content)


def _append_directory(out: bytearray, layout: _Layout, kept: _Directory, pointer: int) -> int:
    """Append a directory with its long values; return where the offset of the next one belongs."""
    fields = {}
    for tag, value in sorted(kept.items()):
        if len(value.content) > layout.offset_bytes:
            out += bytes(len(out) % 2)
            fields[tag] = struct.pack(layout.offset, len(out))
            out += value.content
        else:
            fields[tag] = value.content.ljust(layout.offset_bytes, b"\x00")
    out += bytes(len(out) % 2)
    struct.pack_into(layout.offset, out, pointer, len(out))
    out += struct.pack(layout.count, len(fields))
    for tag, field in fields.items():
        out += struct.pack(layout.entry, tag, kept[tag].type, kept[tag].count, field)
    out += bytes(layout.offset_bytes)
    return len(out) - layout.offset_bytes
