"""No written file holds a position; pixels, orientation and colours stay."""

import io
import struct

import numpy as np
import pytest
from PIL import Image, ImageCms, ImageSequence

from peakid.imaging import inspection, pixels
from peakid.imaging.metadata import parts, removal
from tests.imaging.metadata import position_files
from tests.imaging.metadata.position_files import MARKER

SECONDS = [struct.pack(f"{order}II", 125, 4) for order in "<>"]  # 31.25 as a rational of EXIF.

# A bare number without a word beside it: removed, but not recognised as a position.
UNNAMED = {
    *("jpeg comment", "jpeg segments of makers", "jpeg profile", "jpeg jfif thumbnail", "bmp gap"),
    *("png text", "png compressed text", "png unknown chunk", "png profile"),
    *("webp unknown chunk", "webp trailing", "tiff description", "tiff maker tag", "tiff profile"),
    *("tiff trailing", "gif comment", "gif text", "gif trailing"),
    *("avif free box", "avif unknown box", "avif profile"),
}


def frames(data: bytes) -> list[np.ndarray]:
    with Image.open(io.BytesIO(data.replace(b"ftypheic", b"ftypavif", 1))) as image:
        return [np.asarray(frame.convert("RGBA")) for frame in ImageSequence.Iterator(image)]


def orientation(data: bytes) -> int:
    with Image.open(io.BytesIO(data.replace(b"ftypheic", b"ftypavif", 1))) as image:
        return image.getexif().get(position_files.ORIENTATION, 1)


@pytest.mark.parametrize("name", position_files.FILES)
def test_no_file_holds_its_position_afterwards(name):
    data = position_files.FILES[name]()
    assert position_files.holds_marker(data)
    cleaned = removal.clean(data)
    assert not position_files.holds_marker(cleaned.data)
    assert not any(each in cleaned.data for each in SECONDS)
    assert cleaned.removed
    assert removal.clean(cleaned.data) == (cleaned.data, [])  # Nothing is left to remove.


@pytest.mark.parametrize("name", [name for name in position_files.FILES if name != "jpeg two pictures"])
def test_the_pixels_and_the_orientation_of_every_frame_stay(name):
    data = position_files.FILES[name]()
    cleaned = removal.clean(data).data
    assert orientation(cleaned) == orientation(data)
    before, after = frames(data), frames(cleaned)
    assert len(before) == len(after)
    assert all(np.array_equal(one, other) for one, other in zip(before, after, strict=True))


@pytest.mark.parametrize("turn", range(1, 9))
@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF"])
def test_a_photo_is_shown_upright_as_before(format, turn):
    data = position_files.drawn(format, exif=position_files.exif(turn))
    shown = pixels.decode(removal.clean(data).data)
    assert np.array_equal(np.asarray(shown), np.asarray(pixels.decode(data)))


def test_of_two_pictures_the_first_remains_a_plain_jpeg():
    data = position_files.two_pictures()
    cleaned = Image.open(io.BytesIO(removal.clean(data).data))
    assert cleaned.format == "JPEG"
    assert np.array_equal(np.asarray(cleaned), np.asarray(Image.open(io.BytesIO(data))))


@pytest.mark.parametrize("format", [*pixels.FORMATS])
def test_a_file_without_metadata_is_unchanged(format, draw):
    data = draw(format=format)
    assert removal.clean(data) == (data, [])


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF"])
def test_a_colour_profile_keeps_its_colours_and_loses_its_texts(format):
    data = position_files.drawn(format, icc_profile=position_files.profile())
    kept = Image.open(io.BytesIO(removal.clean(data).data)).info["icc_profile"]
    profiles = [ImageCms.ImageCmsProfile(io.BytesIO(each)) for each in (position_files.profile(), kept)]
    image = Image.open(io.BytesIO(position_files.drawn("PNG")))
    target = ImageCms.createProfile("LAB")
    one, other = (ImageCms.profileToProfile(image, each, target, outputMode="LAB") for each in profiles)
    assert np.array_equal(np.asarray(one), np.asarray(other))
    assert ImageCms.getProfileDescription(profiles[1]).strip() == "Profile"


@pytest.mark.parametrize("name", [name for name in position_files.FILES if name not in UNNAMED])
def test_a_removed_position_is_recognised(name):
    removed = removal.clean(position_files.FILES[name]()).removed
    assert any(parts.holds_position(part) for part in removed)


def test_a_camera_without_gps_is_not_a_position():
    exif = Image.Exif()
    exif[0x0110] = "A camera with a long name"
    removed = removal.clean(position_files.drawn("JPEG", exif=exif)).removed
    assert len(removed) == 1
    assert not parts.holds_position(removed[0])


@pytest.mark.parametrize("name", position_files.FILES)
def test_damaged_files_are_cleaned_or_refused(name):
    """A changed or cut file keeps no marker, or is not understood; nothing else happens."""
    rng = np.random.default_rng(11)
    data = position_files.FILES[name]()
    for n in range(30):
        damaged = bytearray(data)
        for at in rng.integers(0, min(len(data), 600 if n % 2 else len(data)), 3):
            damaged[at] = rng.integers(0, 256)
        damaged = bytes(damaged[: rng.integers(1, len(data))] if n % 3 == 0 else damaged)
        try:
            cleaned = removal.clean(damaged).data
        except removal.NotUnderstood:
            continue
        assert MARKER not in cleaned


def test_a_jpeg_without_an_end_is_not_understood():
    with pytest.raises(removal.NotUnderstood, match="no end"):
        removal.clean(position_files.in_jpeg((0xE1, position_files.exif(1)))[:-60])


@pytest.mark.parametrize("name", [name for name in position_files.FILES if not name.startswith("heic")])
def test_no_thumbnail_holds_a_position(name):
    assert MARKER not in inspection.inspect(position_files.FILES[name]()).thumbnail
