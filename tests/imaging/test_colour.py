"""Pictures that Pillow shows as empty or nearly black are converted so that something can be seen."""

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image, ImageCms, ImageDraw

from peakid.imaging import hashes, inspection, pixels

SIZE = (120, 80)


def encoded(image: Image.Image, format: str = "PNG", **options: object) -> bytes:
    out = io.BytesIO()
    image.save(out, format, **options)
    return out.getvalue()


def logo(seed: int, colour: tuple[int, int, int] = (255, 255, 255), ground_alpha: int = 0) -> Image.Image:
    """Draw shapes of one colour on a clear ground."""
    rng = np.random.default_rng(seed)
    image = Image.new("RGBA", SIZE, (*colour, ground_alpha))
    draw = ImageDraw.Draw(image)
    for _ in range(5):
        x, y = int(rng.integers(0, 90)), int(rng.integers(0, 60))
        w, h = (int(side) for side in rng.integers(8, 30, 2))
        draw.ellipse((x, y, x + w, y + h), fill=(*colour, 255))
    return image


def greys(top: float, dtype: type) -> np.ndarray:
    """Return a picture whose values run from 0 to `top`: float64 rounded to dtype, of shape (80, 120)."""
    ramp = np.linspace(0, top, 120 * 80).reshape(80, 120)
    return (ramp if np.issubdtype(dtype, np.floating) else ramp.round()).astype(dtype)


def mean(data: bytes) -> float:
    return float(np.asarray(pixels.decode(data)).mean())


def sixteen_bit_rgb(values: np.ndarray) -> bytes:
    """Write a PNG of 16 bits a channel, which Pillow cannot, from values of shape (H, W, 3)."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)
    header = struct.pack(">IIBBBBB", values.shape[1], values.shape[0], 16, 2, 0, 0, 0)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


CLEAR = {
    "RGBA png": lambda image: encoded(image),
    "LA png": lambda image: encoded(image.convert("LA")),
    "palette png": lambda image: encoded(image.quantize(4)),
    "colour key png": lambda image: encoded(
        image.convert("RGBA").getchannel("A").point(lambda a: 250 if a else 251), transparency=251
    ),
    "webp": lambda image: encoded(image, "WEBP", lossless=True),
    "gif": lambda image: encoded(image, "GIF"),
    "tiff": lambda image: encoded(image, "TIFF"),
    "avif": lambda image: encoded(image, "AVIF", quality=90),
}


@pytest.mark.parametrize("kind", CLEAR)
def test_white_logos_on_clear_ground_are_seen_and_are_different_pictures(kind: str) -> None:
    files = [CLEAR[kind](logo(seed)) for seed in range(3)]
    assert all(np.asarray(pixels.decode(data)).std() > 40 for data in files)
    assert len({pixels.digest(data) for data in files}) == 3
    found = [inspection.inspect(data) for data in files]
    pairs = [(0, 1), (0, 2), (1, 2)]
    turned = hashes.unpack([each.orientations for each in found])[:, 0]
    assert min(int(np.bitwise_count(turned[a] ^ turned[b]).sum()) for a, b in pairs) > 16


@pytest.mark.parametrize("kind", CLEAR)
def test_black_logos_stay_on_white(kind: str) -> None:
    if kind == "colour key png":
        pytest.skip("draws in white only")
    corner = np.asarray(pixels.decode(CLEAR[kind](logo(1, (0, 0, 0)))))[-1, -1]
    assert corner.min() > 250


def test_two_clear_pictures_without_anything_differ_by_nothing() -> None:
    empty = Image.new("RGBA", SIZE, (9, 9, 9, 0))
    assert pixels.digest(encoded(empty)) == pixels.digest(encoded(Image.new("RGBA", SIZE, (200, 0, 0, 0))))
    assert mean(encoded(empty)) == 255


def test_pictures_that_are_the_same_on_white_alone_are_not_the_same() -> None:
    half_red = Image.new("RGBA", SIZE, (255, 0, 0, 128))  # On white (255, 127, 127).
    assert pixels.decode(encoded(half_red)).getpixel((0, 0)) == (255, 127, 127)
    assert pixels.digest(encoded(half_red)) != pixels.digest(encoded(Image.new("RGB", SIZE, (255, 127, 127))))


def test_an_opaque_picture_with_an_alpha_channel_is_the_picture_without_it() -> None:
    photo = Image.fromarray(np.random.default_rng(1).integers(0, 256, (80, 120, 3), dtype=np.uint8))
    plain, opaque = encoded(photo), encoded(photo.convert("RGBA"))
    assert pixels.digest(plain) == pixels.digest(opaque)
    one, two = inspection.inspect(plain), inspection.inspect(opaque)
    assert (one.orientations, one.parts, one.thumbnail) == (two.orientations, two.parts, two.thumbnail)


def test_a_white_page_without_alpha_stays_white() -> None:
    assert mean(encoded(Image.new("RGB", SIZE, "white"))) == 255


@pytest.mark.parametrize("n_rows", [1, 3])
def test_large_pictures_are_converted_strip_by_strip_as_in_one(n_rows: int, monkeypatch) -> None:
    from peakid.imaging import colour

    data = encoded(logo(4, (200, 30, 90), ground_alpha=60))
    whole = np.asarray(pixels.decode(data))
    monkeypatch.setattr(colour, "STRIP_PIXELS", n_rows * SIZE[0])
    assert np.array_equal(np.asarray(pixels.decode(data)), whole)


@pytest.mark.parametrize(
    ("values", "format", "grey_range"),
    [
        (greys(4095, np.uint16), "PNG", "4 to 4091"),
        (greys(4095, np.uint16), "TIFF", "4 to 4091"),
        (greys(1023, np.uint16), "TIFF", "1 to 1022"),
        (greys(255, np.int32), "TIFF", "0 to 255"),
        (greys(60, np.int32), "TIFF", "0 to 60"),
        (greys(255, np.float32), "TIFF", "0 to 255"),
        (greys(16383, np.float32), "TIFF", "16.383 to 16366.6"),
        (greys(40, np.float32) + 5, "TIFF", "5.04 to 44.96"),
        (greys(0.06, np.float32), "TIFF", "6e-05 to 0.05994"),
        ((greys(3000, np.int32) - 1500).astype(np.int32), "TIFF", "-1497 to 1497"),
        ((greys(2_000_000, np.int32)), "TIFF", "2000.19 to 1.998e+06"),
    ],
    ids=[
        "12 in 16 png",
        "12 in 16",
        "10 in 16",
        "int32",
        "dim int32",
        "float 255",
        "float 14 bit",
        "celsius",
        "dim",
        "signed",
        "wide",
    ],
)
def test_grey_values_of_any_range_use_all_greys_and_it_is_told(
    values: np.ndarray, format: str, grey_range: str
) -> None:
    data = encoded(Image.fromarray(values), format)
    shown = np.asarray(pixels.decode(data))
    assert (shown.min(), shown.max()) == (0, 255)
    assert mean(data) == pytest.approx(127.5, abs=1.5)
    assert inspection.inspect(data).measures.grey_range == grey_range


@pytest.mark.parametrize(
    ("values", "format"),
    [(greys(65535, np.uint16), "PNG"), (greys(65535, np.uint16), "TIFF"), (greys(1, np.float32), "TIFF")],
)
def test_grey_values_that_use_their_format_are_not_stretched(values: np.ndarray, format: str) -> None:
    data = encoded(Image.fromarray(values), format)
    expected = (values * (255.0 / (1 if values.dtype == np.float32 else 65535))).round()
    assert np.array_equal(np.asarray(pixels.decode(data))[..., 0], expected.astype(np.uint8))
    assert inspection.inspect(data).measures.grey_range is None


def test_a_big_endian_tiff_is_read_as_the_little_endian_one() -> None:
    values = greys(4095, np.uint16)
    little = encoded(Image.fromarray(values), "TIFF")
    big = encoded(Image.frombytes("I;16B", values.shape[::-1], values.astype(">u2").tobytes()), "TIFF")
    assert np.array_equal(np.asarray(pixels.decode(big)), np.asarray(pixels.decode(little)))


def test_one_hot_pixel_does_not_make_the_picture_black() -> None:
    values = greys(4095, np.uint16)
    values[3, 7] = 65535
    assert mean(encoded(Image.fromarray(values), "TIFF")) == pytest.approx(127.5, abs=2)


def test_values_that_are_no_numbers_are_black_or_white() -> None:
    values = greys(40, np.float32)
    values[0, :3] = np.nan, np.inf, -np.inf
    shown = np.asarray(pixels.decode(encoded(Image.fromarray(values), "TIFF")))
    assert shown[0, :3, 0].tolist() == [0, 255, 0]
    assert shown.mean() == pytest.approx(127.5, abs=2)


def test_a_picture_of_one_deep_value_is_flat() -> None:
    for value in (0, 200, 65535):
        shown = np.asarray(pixels.decode(encoded(Image.fromarray(np.full((9, 9), value, dtype=np.uint16)))))
        assert shown.min() == shown.max() == round(value / 257)
    assert (
        np.asarray(pixels.decode(encoded(Image.fromarray(np.full((9, 9), np.nan, np.float32)), "TIFF"))).max()
        == 0
    )


def test_sixteen_bit_colour_of_twelve_bits_is_not_nearly_black() -> None:
    values = np.repeat(greys(4095, np.uint16)[:, :, None], 3, axis=2)
    data = sixteen_bit_rgb(values)
    assert mean(data) == pytest.approx(127.5, abs=10)  # Pillow keeps 4 of these 12 bits.
    assert inspection.inspect(data).measures.grey_range == "0 to 4095"
    full = sixteen_bit_rgb(np.repeat(greys(65535, np.uint16)[:, :, None], 3, axis=2))
    assert inspection.inspect(full).measures.grey_range is None


def test_a_dark_photo_of_eight_bits_stays_dark() -> None:
    data = encoded(Image.fromarray(greys(20, np.uint8)))
    assert mean(data) == pytest.approx(10, abs=1)
    assert inspection.inspect(data).measures.grey_range is None


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "CMYK", "YCbCr", "LAB"])
def test_every_mode_of_a_tiff_is_read(mode: str) -> None:
    light = (255, 255, 255) if mode == "1" else (250, 240, 245)
    image = Image.new("RGB", SIZE, light)
    if mode == "LAB":
        profiles = ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB")
        data = encoded(ImageCms.profileToProfile(image, *profiles, outputMode="LAB"), "TIFF")
    else:
        data = encoded(image.quantize(2) if mode == "P" else image.convert(mode), "TIFF")
    assert np.abs(np.asarray(pixels.decode(data)).astype(int) - light).max() <= 7
