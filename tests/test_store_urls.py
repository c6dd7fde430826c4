"""Addresses of image stores have one form, hold no credentials, and are told from paths."""

from pathlib import Path

import pytest

from peakid import store_urls
from peakid.errors import BadInput, UnsafePath
from peakid.store_urls import StoreUrl, parse


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("s3://bucket/photos/", "s3://bucket/photos"),
        (" S3://Bucket//a/./b ", "s3://Bucket/a/b"),
        ("s3a://bucket", "s3://bucket"),
        ("gcs://bucket/a", "gs://bucket/a"),
        ("s3:/bucket/a", "s3://bucket/a"),  # A path type has dropped a slash.
        ("file:///home/me", "file:///home/me"),
        ("file:/home/me", "file:///home/me"),
    ],
)
def test_one_place_has_one_form(text: str, form: str) -> None:
    assert (parse(text).text, store_urls.is_url(text)) == (form, True)
    assert store_urls.place(text) == StoreUrl(form)


@pytest.mark.parametrize("text", ["s3://", "s3://b/../c", "s3://b/a\x00", "http://x/y", "photos"])
def test_what_names_no_place_is_refused(text: str) -> None:
    with pytest.raises(BadInput):
        parse(text)


def test_credentials_in_an_address_are_refused_without_being_shown() -> None:
    with pytest.raises(BadInput) as refused:
        parse("s3://KEYID:SECRETKEY@bucket/photos")
    assert "SECRETKEY" not in str(refused.value)
    assert "KEYID" not in str(refused.value)


@pytest.mark.parametrize("text", ["ftp://host/photos", " http://me:secret@host/photos", "s3x://bucket"])
def test_an_address_that_is_no_store_is_no_folder_either(text: str) -> None:
    with pytest.raises(BadInput, match="No image store has an address that begins with") as refused:
        store_urls.typed(text)
    assert "secret" not in str(refused.value)


def test_what_is_typed_without_a_scheme_is_a_folder() -> None:
    assert store_urls.typed("C:/photos") == Path("C:/photos")
    assert store_urls.typed("s3://bucket/a") == StoreUrl("s3://bucket/a")


def test_a_folder_is_a_path() -> None:
    for text in ("/home/me", "photos", "C:/photos", "http://x/y", "s3", "demo:/x"):
        assert not store_urls.is_url(text)
        assert store_urls.place(text) == Path(text)


def test_a_place_is_allowed_by_whole_parts_of_a_prefix() -> None:
    allowed = store_urls.listed("s3://bucket/team, gs://other")
    assert store_urls.is_allowed(parse("s3://bucket/team"), allowed)
    assert store_urls.is_allowed(parse("s3://bucket/team/a"), allowed)
    assert store_urls.is_allowed(parse("gs://other/x"), allowed)
    for text in ("s3://bucket/team2", "s3://bucket", "gs://other2", "file:///bucket/team"):
        assert not store_urls.is_allowed(parse(text), allowed)


def test_a_stored_name_stays_below_its_place() -> None:
    assert str(parse("s3://b/a").inside("x/y.jpg")) == "s3://b/a/x/y.jpg"
    for name in ("../x", "/x", "", "a/../../x", "a\0"):
        with pytest.raises(UnsafePath):
            parse("s3://b/a").inside(name)
