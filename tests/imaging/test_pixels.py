"""Images decode to upright RGB pixels; a file that cannot be decoded has a reason."""

import contextlib
import importlib.util
import io
import struct
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from peakid.errors import UnreadableImage
from peakid.imaging import pixels

RED, BLUE, GREEN = (255, 0, 0), (0, 0, 255), (0, 255, 0)


def encoded(image: Image.Image, format: str = "PNG", **options: object) -> bytes:
    out = io.BytesIO()
    image.save(out, format, **options)
    return out.getvalue()


def two_halves(size: tuple[int, int] = (40, 20)) -> Image.Image:
    """Left half red, right half blue."""
    image = Image.new("RGB", size, RED)
    image.paste(BLUE, (size[0] // 2, 0, *size))
    return image


def refused(data: bytes) -> UnreadableImage:
    with pytest.raises(UnreadableImage) as caught:
        pixels.decode(data)
    return caught.value


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "MPO"])
def test_every_allowed_format_decodes_to_rgb(format: str) -> None:
    image = pixels.decode(encoded(two_halves(), format))
    assert (image.mode, image.size) == ("RGB", (40, 20))
    assert np.abs(np.asarray(image)[10, 4].astype(int) - RED).max() < 20


@pytest.mark.parametrize(
    ("orientation", "red_corner"),
    # EXIF 2.3 section 4.6.4: the side at which the stored first row and first column are. A red pixel stored
    # top left of a 40 x 20 image appears at (x, y) below, of 40 x 20 for 1-4 and of 20 x 40 for 5-8.
    [
        (1, (0, 0)),
        (2, (39, 0)),
        (3, (39, 19)),
        (4, (0, 19)),
        (5, (0, 0)),
        (6, (19, 0)),
        (7, (19, 39)),
        (8, (0, 39)),
    ],
)
@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_an_image_is_rotated_according_to_its_exif(
    orientation: int, red_corner: tuple[int, int], format: str
) -> None:
    stored = Image.new("RGB", (40, 20), "white")
    stored.paste(RED, (0, 0, 8, 8))
    exif = Image.Exif()
    exif[pixels.ORIENTATION_TAG] = orientation
    decoded = pixels.decode_at_least(encoded(stored, format, exif=exif), 0, 0)
    size = (40, 20) if orientation <= 4 else (20, 40)
    assert decoded.image.size == size == (decoded.width_px, decoded.height_px)
    red, green, _ = decoded.image.getpixel(red_corner)
    assert red > 180
    assert green < 80


def test_a_reduced_decode_gives_the_full_rotated_size() -> None:
    exif = Image.Exif()
    exif[pixels.ORIENTATION_TAG] = 6
    decoded = pixels.decode_at_least(encoded(two_halves((800, 400)), "JPEG", exif=exif), 100, 100)
    assert (decoded.width_px, decoded.height_px) == (400, 800)
    assert decoded.image.size == (100, 200)  # A quarter: the smallest that keeps both sides at 100 or more.


def test_an_image_with_damaged_exif_is_decoded() -> None:
    assert pixels.decode(encoded(two_halves(), "JPEG", exif=b"Exif\x00\x00garbage")).size == (40, 20)


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_transparent_pixels_become_white(mode: str) -> None:
    clear = Image.new("RGBA", (4, 4), (0, 0, 0, 0))
    image = clear.convert(mode) if mode != "P" else clear.quantize(4)
    assert pixels.decode(encoded(image)).getpixel((1, 1)) == (255, 255, 255)


def test_half_transparent_red_on_white_is_pink() -> None:
    # 255 * 0.5 + 255 * 0.5 = 255 for red; 0 * 128/255 + 255 * 127/255 = 127 for the others.
    assert pixels.decode(encoded(Image.new("RGBA", (2, 2), (255, 0, 0, 128)))).getpixel((0, 0)) == (
        255,
        127,
        127,
    )


def test_sixteen_bits_are_scaled_and_not_clipped() -> None:
    ramp = np.array([[0, 257, 32896, 65535]], dtype=np.uint16)
    decoded = pixels.decode(encoded(Image.fromarray(ramp)))
    # 257 = 65535 / 255 is one step of 8 bits, 32896 = 128 x 257.
    assert np.asarray(decoded)[0, :, 0].tolist() == [0, 1, 128, 255]


def test_sixteen_bit_tiff_and_float_tiff_are_scaled_too() -> None:
    deep = encoded(Image.fromarray(np.full((2, 2), 32896, dtype=np.uint16)), "TIFF")
    unit = encoded(Image.fromarray(np.full((2, 2), 0.5, dtype=np.float32)), "TIFF")
    assert pixels.decode(deep).getpixel((0, 0)) == (128, 128, 128)
    assert pixels.decode(unit).getpixel((0, 0)) == (128, 128, 128)  # 127.5 rounds to the even 128.


def test_sixteen_bit_colour_keeps_its_high_byte() -> None:
    # A 1 x 1 RGB PNG of 16 bits a channel, written by hand: Pillow has no such mode to save from.
    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", 1, 1, 16, 2, 0, 0, 0)
    row = b"\x00" + struct.pack(">HHH", 65535, 0, 32896)
    data = (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(row))
        + chunk(b"IEND", b"")
    )
    assert pixels.decode(data).getpixel((0, 0)) == (255, 0, 128)


def test_cmyk_becomes_rgb() -> None:
    red, green, blue = pixels.decode(encoded(Image.new("CMYK", (16, 16), (0, 255, 255, 0)), "JPEG")).getpixel(
        (8, 8)
    )
    assert red > 240
    assert max(green, blue) < 15


def test_the_first_frame_of_an_animation_is_used() -> None:
    frames = [Image.new("RGB", (8, 8), RED), Image.new("RGB", (8, 8), BLUE)]
    data = encoded(frames[0], "GIF", save_all=True, append_images=frames[1:])
    assert pixels.decode(data).getpixel((4, 4)) == RED


def test_a_file_of_zero_bytes_is_empty() -> None:
    assert refused(b"").reason == "empty"


@pytest.mark.parametrize(
    ("data", "detail"),
    [
        (b"https://example.org/a.jpg\n", "not a known image format"),
        (b"\n <!DOCTYPE html><html></html>", "web page"),
        (b"PK\x03\x04rest", "zip archive"),
        (b"%PDF-1.7", "PDF"),
    ],
)
def test_a_file_that_is_not_an_image_is_described(data: bytes, detail: str) -> None:
    error = refused(data)
    assert error.reason == "not_an_image"
    assert detail in error.message


def test_an_unsupported_image_format_is_named() -> None:
    error = refused(encoded(two_halves(), "ICO"))
    assert error.reason == "unsupported_format"
    assert "ICO" in error.message


def two_pictures(size: tuple[int, int] = (40, 20)) -> bytes:
    """Write a JPEG with a second, smaller picture behind the first, as stereo cameras and phones do."""
    return encoded(two_halves(size), "MPO", save_all=True, append_images=[Image.new("RGB", (20, 10), GREEN)])


def test_a_jpeg_with_a_second_picture_is_a_jpeg() -> None:
    decoded = pixels.decode_at_least(two_pictures(), 0, 0)
    assert (decoded.format, decoded.is_animated, decoded.image.size) == ("JPEG", False, (40, 20))
    assert pixels.decode_at_least(two_pictures((800, 400)), 100, 100).image.size == (200, 100)


@pytest.mark.parametrize("n_bytes", [0, 4, 40])
def test_a_jpeg_whose_second_picture_is_cut_off_is_whole(n_bytes: int) -> None:
    data = two_pictures()
    decoded = pixels.decode_at_least(data[: data.rfind(b"\xff\xd8\xff") + n_bytes], 0, 0)
    assert (decoded.format, decoded.readable_share) == ("JPEG", 1.0)


def test_a_jpeg_with_a_second_picture_is_mended_where_it_lacks_a_few_rows() -> None:
    data = encoded(NOISE, "MPO", save_all=True, append_images=[Image.new("RGB", (20, 10))])
    first = data[: data.rfind(b"\xff\xd8\xff")]
    decoded = pixels.decode_at_least(first[: len(first) * 95 // 100], 0, 0)
    assert (decoded.format, decoded.readable_share) == ("JPEG", pytest.approx(0.95, abs=0.02))


MEGABYTES = bytes(range(256)) * 5000  # 1.28 MB, and 2 KB when compressed.


@pytest.mark.parametrize("is_behind", [False, True], ids=["before the pixels", "behind them"])
@pytest.mark.parametrize(
    ("name", "body"),
    [
        (b"iCCP", b"icc\0\0" + zlib.compress(MEGABYTES)),
        (b"zTXt", b"Raw profile\0\0" + zlib.compress(MEGABYTES)),
        (b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + zlib.compress(b"x" * len(MEGABYTES))),
        (b"iCCP", b"icc\0\0 not compressed"),
        (b"iCCP", b"icc\0\7" + zlib.compress(b"another method")),
        (b"tEXt", b"no byte of zero"),
        (b"pHYs", b"\0"),
        (b"gAMA", b""),
        (b"cHRM", b"\1"),
    ],
    ids=["profile", "text", "xmp", "damaged profile", "other method", "odd text", "size", "gamma", "colours"],
)
def test_a_png_is_read_whatever_its_profile_and_texts_are(name: bytes, body: bytes, is_behind: bool) -> None:
    exif = Image.Exif()
    exif[pixels.ORIENTATION_TAG] = 6
    plain = encoded(two_halves(), exif=exif)
    extra = struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
    at = plain.rindex(b"IEND") - 4 if is_behind else 33
    decoded = pixels.decode(plain[:at] + extra + plain[at:])
    assert np.array_equal(np.asarray(decoded), np.asarray(pixels.decode(plain)))  # Rotated, too.


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF"])
def test_a_large_colour_profile_does_not_matter_in_any_format(format: str) -> None:
    data = encoded(two_halves(), format, icc_profile=MEGABYTES[: 900_000 if format == "JPEG" else None])
    assert pixels.decode(data).size == (40, 20)


def test_an_image_that_takes_too_much_memory_is_refused_from_its_header() -> None:
    wide = encoded(Image.new("RGBA", (100, 90)))
    header = struct.pack(">II", 13_500, 13_500) + wide[24:29]  # 182 million pixels, 8 bytes each.
    data = wide[:16] + header + struct.pack(">I", zlib.crc32(b"IHDR" + header)) + wide[33:]
    error = refused(data)
    assert (error.reason, error.message) == (
        "too_much_memory",
        "13500 x 13500 PNG takes more than 960 MB of memory to decode; save it smaller",
    )


@pytest.mark.parametrize(("longest_px", "size"), [(10, (10, 5)), (400, (40, 20))])
def test_an_image_for_a_browser_is_a_jpeg_of_limited_size(longest_px: int, size: tuple[int, int]) -> None:
    shown = Image.open(io.BytesIO(pixels.as_jpeg(encoded(two_halves(), "TIFF"), longest_px=longest_px)))
    assert (shown.format, shown.size) == ("JPEG", size)


NOISE = Image.fromarray(np.random.default_rng(1).integers(0, 256, (600, 600, 3), dtype=np.uint8))


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "GIF", "TIFF"])
@pytest.mark.parametrize("share", [0.2, 0.6, 0.8])
def test_a_truncated_image_is_unreadable(format: str, share: float) -> None:
    noise = Image.fromarray(np.random.default_rng(1).integers(0, 256, (64, 64, 3), dtype=np.uint8))
    data = encoded(noise, format)
    error = refused(data[: int(len(data) * share)])
    assert error.reason == "unreadable"


def test_a_reduced_decode_also_detects_a_truncated_jpeg() -> None:
    data = encoded(NOISE, "JPEG")
    with pytest.raises(UnreadableImage, match=r"5[0-9] % of its rows are present"):
        pixels.decode_at_least(data[: len(data) * 11 // 20], 64, 64)


def test_a_jpeg_that_lacks_a_few_last_rows_is_decoded_at_every_scale() -> None:
    # Noise fills its file evenly: 95 % of the bytes are 95 % of the rows. The rest of the picture is
    # unchanged.
    data = encoded(NOISE, "JPEG")
    cut = data[: len(data) * 95 // 100]
    for least in (0, 64):
        decoded = pixels.decode_at_least(cut, least, least)
        assert decoded.readable_share == pytest.approx(0.95, abs=0.02)
        whole, known = (np.asarray(pixels.decode_at_least(each, least, least).image) for each in (data, cut))
        n_rows = int(0.9 * len(whole))
        assert (whole[:n_rows] == known[:n_rows]).all()
    assert pixels.preprocess(cut, size_px=32, resize="crop").shape == (32, 32, 3)


@pytest.mark.parametrize("format", ["PNG", "progressive"])
def test_a_truncation_that_damages_more_than_the_last_rows_is_rejected(format: str) -> None:
    data = encoded(NOISE, "JPEG", progressive=True) if format == "progressive" else encoded(NOISE, format)
    assert refused(data[: len(data) * 97 // 100]).reason == "unreadable"


def test_too_many_pixels_are_rejected_from_the_header_alone() -> None:
    # 20,000 x 20,000 of one bit: 50 kB as a PNG, 1.2 GB once decoded to RGB.
    error = refused(encoded(Image.new("1", (20_000, 20_000))))
    assert error.reason == "too_many_pixels"
    assert "20000 x 20000" in error.message


def test_a_large_image_below_the_limit_decodes_without_a_warning(recwarn: pytest.WarningsRecorder) -> None:
    assert pixels.decode(encoded(Image.new("1", (10_000, 9_000)))).size == (10_000, 9_000)
    assert not recwarn.list


HEADS = [b"", b"\xff\xd8\xff\xe0", b"\x89PNG\r\n\x1a\n", b"GIF89a", b"BM", b"II*\x00", b"RIFF....WEBP"]


@given(st.binary(max_size=300), st.sampled_from(HEADS))
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_arbitrary_bytes_raise_only_unreadable_image(tail: bytes, head: bytes) -> None:
    with contextlib.suppress(UnreadableImage):
        assert pixels.decode(head + tail).mode == "RGB"


def test_crop_keeps_the_centre_squish_keeps_all_and_pad_adds_a_black_border() -> None:
    wide = Image.new("RGB", (300, 100), GREEN)
    wide.paste(RED, (0, 0, 100, 100))
    wide.paste(BLUE, (200, 0, 300, 100))
    data = encoded(wide)
    crop, squish, pad = (
        pixels.preprocess(data, size_px=30, resize=resize) for resize in ("crop", "squish", "pad")
    )
    assert crop.shape == squish.shape == pad.shape == (30, 30, 3)
    assert crop[15, 15].tolist() == list(GREEN)
    assert crop[15, 5].tolist() == list(GREEN)  # Only the centre third is left.
    assert squish[15, 2].tolist() == list(RED)
    assert pad[2, 15].tolist() == [0, 0, 0]
    assert pad[15, 2].tolist() == list(RED)


@pytest.mark.parametrize("resize", ["crop", "squish", "pad"])
@pytest.mark.parametrize("size", [(1, 1), (1, 900), (640, 480), (2000, 1500)])
def test_images_of_any_shape_become_square(resize: str, size: tuple[int, int]) -> None:
    assert pixels.preprocess(encoded(two_halves(size), "JPEG"), size_px=64, resize=resize).shape == (
        64,
        64,
        3,
    )


@pytest.mark.parametrize("resize", ["crop", "squish", "pad"])
def test_the_reduced_decode_stays_close_to_resizing_the_whole_image(resize: str) -> None:
    coarse = Image.fromarray(np.random.default_rng(5).integers(0, 256, (12, 16, 3), dtype=np.uint8))
    data = encoded(coarse.resize((1600, 1200), Image.Resampling.BICUBIC), "JPEG", quality=95)
    reduced = pixels.preprocess(data, size_px=128, resize=resize).astype(int)
    whole = pixels.fit(pixels.decode(data), size_px=128, resize=resize).astype(int)
    assert np.abs(reduced - whole).mean() < 1.0


def test_preprocessing_is_deterministic() -> None:
    data = encoded(two_halves((500, 400)), "JPEG")
    assert (
        pixels.preprocess(data, size_px=50, resize="crop")
        == pixels.preprocess(data, size_px=50, resize="crop")
    ).all()


@pytest.mark.skipif("AVIF" not in pixels.FORMATS, reason="this Pillow was built without AVIF")
def test_avif_is_read() -> None:
    data = encoded(two_halves((64, 48)), "AVIF", quality=95)
    decoded = pixels.decode_at_least(data, 32, 32)
    assert (decoded.format, decoded.width_px, decoded.height_px) == ("AVIF", 64, 48)
    assert (
        np.abs(np.asarray(decoded.image).astype(int) - np.asarray(two_halves((64, 48))).astype(int)).mean()
        < 4
    )


HEIC_HEAD = b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic"


def test_heic_without_its_reader_is_rejected_with_the_install_command(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    error = refused(HEIC_HEAD + b"\x00" * 100)
    assert error.reason == "unsupported_format"
    assert "pip install pillow-heif" in error.message


def test_heic_is_read_if_its_reader_is_installed() -> None:
    heif = pytest.importorskip("pillow_heif")
    heif.register_heif_opener()
    data = encoded(two_halves((64, 48)), "HEIF", quality=95)
    decoded = pixels.decode_at_least(data, 32, 32)
    assert (decoded.format, decoded.width_px, decoded.height_px) == ("HEIF", 64, 48)
    assert refused(data[: len(data) // 2]).reason == "unreadable"


@pytest.mark.parametrize("format", ["GIF", "PNG", "WEBP", "TIFF"])
def test_an_image_with_several_frames_is_marked_as_animated(format: str) -> None:
    frames = [Image.new("RGB", (20, 16), colour) for colour in (RED, GREEN)]
    assert pixels.decode_at_least(
        encoded(frames[0], format, save_all=True, append_images=frames[1:]), 0, 0
    ).is_animated
    assert not pixels.decode_at_least(encoded(frames[0], format), 0, 0).is_animated


@pytest.mark.parametrize("resize", ["crop", "squish", "pad"])
@pytest.mark.parametrize("format", ["JPEG", "PNG"])
def test_several_sizes_at_once_equal_each_size_alone(resize, format):
    noise = np.random.default_rng(3).integers(0, 256, (601, 903, 3), dtype=np.uint8)
    out = io.BytesIO()
    Image.fromarray(noise).save(out, format)
    sizes = [
        32,
        37,
        72,
        75,
        76,
        150,
        300,
        301,
        900,
    ]  # 601 / 150 = 4.0 and 601 / 152 = 3.95: other detail is skipped at 76 px.
    for size_px, several in zip(
        sizes, pixels.preprocess_many(out.getvalue(), sizes, resize=resize), strict=True
    ):
        assert np.array_equal(several, pixels.preprocess(out.getvalue(), size_px=size_px, resize=resize))
