"""Time and camera of a photo are read from EXIF."""

import io

import pytest
from PIL import Image

from peakid.imaging import exif, inspection


def photo(make: object = "", model: object = "", taken: object = "") -> bytes:
    tags = Image.Exif()
    tags[exif.MAKE_TAG], tags[exif.MODEL_TAG] = make, model
    tags.get_ifd(exif.EXIF_IFD)[exif.TAKEN_TAG] = taken
    out = io.BytesIO()
    Image.new("RGB", (40, 30), "teal").save(out, "JPEG", exif=tags)
    return out.getvalue()


def test_an_inspection_has_date_and_camera() -> None:
    found = inspection.inspect(photo("Canon", "Canon EOS 80D", "2024:07:31 17:05:59")).measures
    assert (found.taken_at, found.camera) == ("2024-07-31T17:05:59", "Canon EOS 80D")


@pytest.mark.parametrize(
    ("make", "model", "name"),
    [
        ("NIKON CORPORATION", "NIKON D7000", "NIKON D7000"),
        ("Apple", "iPhone 12", "Apple iPhone 12"),
        ("", "X100", "X100"),
        ("  SONY\x00 ", "", "SONY"),
        ("", "", None),
    ],
)
def test_the_make_is_not_repeated(make: str, model: str, name: str | None) -> None:
    assert inspection.inspect(photo(make, model)).measures.camera == name


@pytest.mark.parametrize("taken", ["", "0000:00:00 00:00:00", "    :  :     :  :  ", "yesterday"])
def test_a_clock_that_was_never_set_gives_no_date(taken: str) -> None:
    assert inspection.inspect(photo(taken=taken)).measures.taken_at is None


def test_an_image_without_exif_has_no_date_and_no_camera() -> None:
    out = io.BytesIO()
    Image.new("RGB", (40, 30), "teal").save(out, "PNG")
    found = inspection.inspect(out.getvalue()).measures
    assert (found.taken_at, found.camera) == (None, None)
