"""Draw image files with a text at each place where cameras, drones and programs write a position."""

import io
import struct
import zlib
from collections.abc import Callable, Iterator

import numpy as np
from PIL import Image, ImageCms, PngImagePlugin, TiffImagePlugin

MARKER = b"47.1234567N-008.7654321E"
ORIENTATION, DESCRIPTION, GPS, EXIF_IFD, MAKER_NOTE, AREA = 0x0112, 0x010E, 0x8825, 0x8769, 0x927C, 28

XMP = (
    b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:Description drone-dji:GpsLatitude="' + MARKER + b'"'
    b' Camera:GpsPosition="' + MARKER + b'"><drone-autel:Place>' + MARKER + b"</drone-autel:Place>"
    b"</rdf:Description></x:xmpmeta>"
)
IPTC = b"Photoshop 3.0\x008BIM\x04\x04\x00\x00" + struct.pack(">I", 5 + len(MARKER))
IPTC += b"\x1c\x02\x5a" + struct.pack(">H", len(MARKER)) + MARKER  # Dataset 2:90, the city.
FILM = struct.pack(">I4s4s", 20, b"ftyp", b"mp42") + bytes(8) + struct.pack(">I", 12 + len(MARKER))
FILM += b"\xa9xyz" + struct.pack(">HH", len(MARKER), 0) + MARKER


def exif(orientation: int = 6) -> bytes:
    """A position in the GPS directory, in the description and in the maker note."""
    block = Image.Exif()
    block[ORIENTATION] = orientation
    block[DESCRIPTION] = MARKER.decode()
    block.get_ifd(GPS).update({1: "N", 2: (46.0, 5.0, 31.25), AREA: MARKER})
    block.get_ifd(EXIF_IFD)[MAKER_NOTE] = b"maker" + MARKER
    return block.tobytes()


def drawn(format: str, *, frames: int = 1, mode: str = "RGB", **options: object) -> bytes:
    pixels = np.random.default_rng(5).integers(0, 256, (frames, 24, 32, 3), dtype=np.uint8)
    images = [Image.fromarray(each).convert(mode) for each in pixels]
    if frames > 1:
        options |= {"save_all": True, "append_images": images[1:]}
    out = io.BytesIO()
    images[0].save(out, format, **options)
    return out.getvalue()


def in_jpeg(*segments: tuple[int, bytes], data: bytes | None = None) -> bytes:
    data = data or drawn("JPEG")
    extra = b"".join(
        bytes((0xFF, marker)) + struct.pack(">H", len(body) + 2) + body for marker, body in segments
    )
    return data[:2] + extra + data[2:]


def chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def in_png(*chunks: bytes, is_before_pixels: bool = True) -> bytes:
    data = drawn("PNG")
    at = 33 if is_before_pixels else len(data) - 12
    return data[:at] + b"".join(chunks) + data[at:]


def raw_profile(name: bytes, content: bytes) -> bytes:
    """A compressed text as ImageMagick writes profiles: name, length and hex digits in lines."""
    text = b"\n%s\n%8d\n%s\n" % (name, len(content), content.hex().encode())
    return chunk(b"zTXt", b"Raw profile type " + name + b"\x00\x00" + zlib.compress(text))


def in_webp(*chunks: tuple[bytes, bytes], data: bytes) -> bytes:
    body = data[8:] + b"".join(
        kind + struct.pack("<I", len(content)) + content + bytes(len(content) % 2) for kind, content in chunks
    )
    return b"RIFF" + struct.pack("<I", len(body)) + body


def tiff(tags: dict[int, bytes | str | tuple[float, ...]], **options: object) -> bytes:
    directory = TiffImagePlugin.ImageFileDirectory_v2()
    directory[ORIENTATION] = 3
    for tag, value in tags.items():
        if isinstance(value, bytes):
            directory.tagtype[tag] = 7
        directory[tag] = value
    return drawn("TIFF", tiffinfo=directory, **options)


def profile() -> bytes:
    """A colour profile whose description is a position."""
    made = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    found = made.index(b"mluc") + 28
    text = MARKER.decode()[: made[found - 8 + 3] // 2].encode("utf-16-be")
    made = made[:found] + text + made[found + len(text) :]
    (n_tags,) = struct.unpack_from(">I", made, 128)  # A private tag too, at the end.
    table = made[132 : 132 + 12 * n_tags]
    moved = b"".join(
        struct.pack(">4sII", name, offset + 12, size)
        for name, offset, size in struct.iter_unpack(">4sII", table)
    )
    body = made[132 + 12 * n_tags :]
    private = struct.pack(">4sII", b"wher", len(made) + 12, 8 + len(MARKER))
    out = made[:128] + struct.pack(">I", n_tags + 1) + moved + private + body + b"text" + bytes(4) + MARKER
    return struct.pack(">I", len(out)) + out[4:]


def as_heic(data: bytes) -> bytes:
    """The same boxes under the name of HEIC; no writer for HEIC is installed."""
    return data.replace(b"ftypavif", b"ftypheic", 1)


def gif_extension(code: int, *blocks: bytes) -> bytes:
    return bytes((0x21, code)) + b"".join(bytes((len(block),)) + block for block in blocks) + b"\x00"


def in_gif(extension: bytes) -> bytes:
    data = drawn("GIF", frames=3, loop=0, mode="P")
    at = data.index(b"\x21\xff\x0bNETSCAPE")
    return data[:at] + extension + data[at:]


def in_bmp() -> bytes:
    """Text between header and pixels, and after them."""
    data = drawn("BMP")
    (at,) = struct.unpack_from("<I", data, 10)
    gap = MARKER + bytes(-len(MARKER) % 4)
    return data[:10] + struct.pack("<I", at + len(gap)) + data[14:at] + gap + data[at:] + MARKER


def two_pictures() -> bytes:
    """Two JPEGs in one file, the second with its own EXIF."""
    out = io.BytesIO()
    first, second = (Image.open(io.BytesIO(drawn("JPEG"))) for _ in range(2))
    first.save(out, "MPO", save_all=True, append_images=[second], exif=exif())
    return out.getvalue() + in_jpeg((0xE1, exif()))


def _xmp_text() -> PngImagePlugin.PngInfo:
    info = PngImagePlugin.PngInfo()
    info.add_itxt("XML:com.adobe.xmp", XMP.decode(), zip=True)
    return info


JPEG: dict[str, Callable[[], bytes]] = {
    "jpeg exif": lambda: in_jpeg((0xE1, exif())),
    "jpeg exif in two segments": lambda: in_jpeg((0xE1, exif()), (0xE1, b"Exif\x00\x00" + MARKER)),
    "jpeg xmp of drones": lambda: in_jpeg((0xE1, b"http://ns.adobe.com/xap/1.0/\x00" + XMP)),
    "jpeg xmp orientation": lambda: in_jpeg(
        (0xE1, b'http://ns.adobe.com/xap/1.0/\x00<a tiff:Orientation="8">' + XMP)
    ),
    "jpeg extended xmp": lambda: in_jpeg((0xE1, b"http://ns.adobe.com/xmp/extension/\x00" + XMP)),
    "jpeg iptc": lambda: in_jpeg((0xED, IPTC)),
    "jpeg comment": lambda: in_jpeg((0xFE, MARKER)),
    "jpeg segments of makers": lambda: in_jpeg(*((0xE3 + n, b"maker" + MARKER) for n in range(11))),
    "jpeg profile": lambda: drawn("JPEG", icc_profile=profile()),
    "jpeg motion photo": lambda: drawn("JPEG") + FILM,
    "jpeg two pictures": two_pictures,
    "jpeg progressive": lambda: in_jpeg((0xE1, exif()), data=drawn("JPEG", progressive=True)),
    "jpeg cmyk": lambda: in_jpeg((0xE1, exif()), data=drawn("JPEG", mode="CMYK")),
    "jpeg jfif thumbnail": lambda: drawn("JPEG").replace(
        b"\x00\x10JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00",
        b"\x00\x28JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x02\x04" + MARKER,
        1,
    ),
}
PNG: dict[str, Callable[[], bytes]] = {
    "png exif": lambda: in_png(chunk(b"eXIf", exif()[6:])),
    "png exif after pixels": lambda: in_png(chunk(b"eXIf", exif()[6:]), is_before_pixels=False),
    "png text": lambda: in_png(chunk(b"tEXt", b"Comment\x00" + MARKER)),
    "png compressed text": lambda: in_png(chunk(b"zTXt", b"Comment\x00\x00" + zlib.compress(MARKER))),
    "png raw profile exif": lambda: in_png(raw_profile(b"exif", exif())),
    "png raw profile iptc": lambda: in_png(raw_profile(b"iptc", IPTC)),
    "png raw profile xmp": lambda: in_png(raw_profile(b"xmp", XMP)),
    "png compressed xmp": lambda: drawn("PNG", pnginfo=_xmp_text()),
    "png unknown chunk": lambda: in_png(chunk(b"gpSx", MARKER)),
    "png profile": lambda: drawn("PNG", icc_profile=profile()),
    "png animation": lambda: drawn("PNG", frames=3, exif=exif()),
    "png trailing": lambda: drawn("PNG") + FILM,
}
WEBP: dict[str, Callable[[], bytes]] = {
    "webp exif": lambda: drawn("WEBP", exif=exif()),
    "webp xmp": lambda: drawn("WEBP", xmp=XMP, lossless=True),
    "webp profile": lambda: drawn("WEBP", icc_profile=profile(), exif=exif()),
    "webp unknown chunk": lambda: in_webp((b"WHER", MARKER), data=drawn("WEBP", exif=exif(1))),
    "webp animation": lambda: drawn("WEBP", frames=3, exif=exif(), xmp=XMP),
    "webp trailing": lambda: drawn("WEBP") + MARKER,
}
TIFF: dict[str, Callable[[], bytes]] = {
    "tiff exif": lambda: drawn("TIFF", exif=exif()),
    "tiff xmp": lambda: tiff({700: XMP}),
    "tiff iptc": lambda: tiff({33723: IPTC, 34377: IPTC}),
    "tiff geotiff": lambda: tiff({34737: MARKER.decode(), 33922: (0.0, 8.7654321)}),
    "tiff description": lambda: tiff({270: MARKER.decode(), 305: MARKER.decode()}, compression="tiff_lzw"),
    "tiff maker tag": lambda: tiff({42112: MARKER.decode(), 50838: MARKER}),
    "tiff jpeg strips": lambda: tiff({700: XMP}, compression="jpeg"),
    "tiff pages": lambda: tiff({700: XMP}, frames=3),
    "tiff big": lambda: tiff({700: XMP}, big_tiff=True),
    "tiff profile": lambda: drawn("TIFF", icc_profile=profile()),
    "tiff trailing": lambda: drawn("TIFF") + MARKER,
    "tiff grey": lambda: drawn("TIFF", mode="L", exif=exif()),
}
OTHERS: dict[str, Callable[[], bytes]] = {
    "gif comment": lambda: in_gif(gif_extension(0xFE, MARKER)),
    "gif xmp": lambda: in_gif(gif_extension(0xFF, b"XMP DataXMP", XMP[:200])),
    "gif text": lambda: in_gif(gif_extension(0x01, bytes(12), MARKER)),
    "gif trailing": lambda: drawn("GIF") + MARKER,
    "bmp gap": in_bmp,
    "avif exif": lambda: drawn("AVIF", exif=exif()),
    "avif xmp": lambda: drawn("AVIF", xmp=XMP),
    "avif free box": lambda: drawn("AVIF") + struct.pack(">I4s", 8 + len(MARKER), b"free") + MARKER,
    "avif unknown box": lambda: drawn("AVIF") + struct.pack(">I4s", 8 + len(MARKER), b"uuid") + MARKER,
    "avif profile": lambda: drawn("AVIF", icc_profile=profile()),
    "heic exif": lambda: as_heic(drawn("AVIF", exif=exif())),
    "heic xmp": lambda: as_heic(drawn("AVIF", xmp=XMP, exif=exif())),
}
FILES = {**JPEG, **PNG, **WEBP, **TIFF, **OTHERS}


def texts(data: bytes) -> Iterator[bytes]:
    """Yield everything in a file that a search could read, without knowing its format."""
    yield data
    for at in range(len(data) - 1):
        if data[at] == 0x78 and (data[at] * 256 + data[at + 1]) % 31 == 0:  # RFC 1950: a zlib header.
            try:
                inflated = zlib.decompressobj().decompress(data[at:], 2**22)
            except zlib.error:
                continue
            yield inflated
            yield bytes(byte for byte in inflated if byte in b"0123456789abcdef")
    yield data.replace(b"\x00", b"")  # UTF-16
    with Image.open(io.BytesIO(data.replace(b"ftypheic", b"ftypavif", 1))) as image:
        image.load()
        block = image.getexif()
        found = [dict(block), *(dict(block.get_ifd(each)) for each in (GPS, EXIF_IFD)), image.info]
        yield repr(found).encode()


def holds_marker(data: bytes) -> bool:
    return any(MARKER in text or MARKER.hex().encode() in text for text in texts(data))
