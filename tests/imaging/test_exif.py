"""Time and camera of a photo are read from EXIF."""

import io
from datetime import datetime, timedelta

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


@pytest.mark.parametrize(
    "taken",
    [
        *("", "0000:00:00 00:00:00", "    :  :     :  :  ", "yesterday"),
        *("1970:01:01 00:00:00", "1980:01:01 00:03:12", "1980:01:06 00:00:00", "2000:01:01 00:00:00"),
        *("1899:12:30 00:00:00", "1990:01:01 12:00:00"),
    ],
)
def test_a_clock_that_was_never_set_gives_no_date(taken: str) -> None:
    assert inspection.inspect(photo(taken=taken)).measures.taken_at is None


@pytest.mark.parametrize(
    "taken",
    [
        *("2016:13:45 99:99:99", "2016:02:30 10:00:00", "2024:00:00 00:00:00", "2024:07:31 24:00:00"),
        *("2023:02:29 10:00:00", "2024:07:31 10:60:00", "2024:07:31 10:00:60", "2024:07:31 10:00:599"),
        *("31.07.2024 17:05", "2024:07:31", "2999:01:02 00:00:00", "9999:12:31 23:59:59"),
        "２０２４:07:31 17:05:59",
    ],
)
def test_a_date_that_does_not_exist_or_lies_in_the_future_is_none(taken: str) -> None:
    assert inspection.inspect(photo(taken=taken)).measures.taken_at is None


@pytest.mark.parametrize(
    ("taken", "time"),
    [
        ("2024-07-31T17:05:59+02:00", "2024-07-31T17:05:59"),
        ("2024:07:31 17:05:59Z", "2024-07-31T17:05:59"),
        ("2024:07:31 17:05:59.25", "2024-07-31T17:05:59"),
        ("2024:7:1 5:3:2", "2024-07-01T05:03:02"),
        ("2024:07:31 17:05:59\0", "2024-07-31T17:05:59"),
        ("2024:02:29 00:00:00", "2024-02-29T00:00:00"),
        ("1965:08:11 10:00:00", "1965-08-11T10:00:00"),  # A scan with the date of its photo.
        ("2000:01:02 00:00:00", "2000-01-02T00:00:00"),
    ],
)
def test_a_date_is_the_time_on_the_clock_of_the_camera(taken: str, time: str) -> None:
    assert inspection.inspect(photo(taken=taken)).measures.taken_at == time


def test_a_clock_that_is_hours_ahead_of_this_machine_has_a_date_and_one_days_ahead_has_none() -> None:
    ahead = [datetime.now() + timedelta(hours=hours) for hours in (20, 50)]
    found = [inspection.inspect(photo(taken=f"{time:%Y:%m:%d %H:%M:%S}")).measures.taken_at for time in ahead]
    assert found == [f"{ahead[0]:%Y-%m-%dT%H:%M:%S}", None]


def test_an_image_without_exif_has_no_date_and_no_camera() -> None:
    out = io.BytesIO()
    Image.new("RGB", (40, 30), "teal").save(out, "PNG")
    found = inspection.inspect(out.getvalue()).measures
    assert (found.taken_at, found.camera) == (None, None)
