"""A stored name gives a path below its folder, or an error."""

from pathlib import Path

import pytest

from peakid import paths
from peakid.errors import UnsafePath

DIGEST = "ab" * 32


def test_a_digest_names_a_file_in_the_folder_of_its_first_digits():
    assert paths.of_digest(Path("/w/thumbs"), DIGEST, ".jpg") == Path(f"/w/thumbs/ab/{DIGEST}.jpg")


@pytest.mark.parametrize(
    "digest",
    ["", "ab" * 31, "AB" * 32, "zz" * 32, "/" + "a" * 63, "../" * 21 + "a", DIGEST + "\0/x", DIGEST + "\n"],
)
def test_what_is_not_64_lower_case_digits_is_not_a_digest(digest):
    with pytest.raises(UnsafePath):
        paths.of_digest(Path("/w"), digest)


def test_a_path_below_its_folder_is_joined():
    assert paths.inside(Path("/w"), "a/b c.jpg") == Path("/w/a/b c.jpg")
    assert paths.inside(Path("/w"), "a\\b") == Path("/w/a\\b")  # A name that Linux allows.


@pytest.mark.parametrize("name", ["", ".", "/", "/etc/passwd", "..", "a/../../b", "a\0b", "//a"])
def test_a_name_that_leads_elsewhere_is_refused(name):
    with pytest.raises(UnsafePath):
        paths.inside(Path("/w"), name)


def test_a_path_upwards_is_not_below_a_folder_although_it_begins_with_it():
    assert paths.is_below(Path("/w/uploads/a.zip"), Path("/w/uploads"))
    for path in ("/w/uploads/../../etc/passwd", "/w/uploads", "/w/uploadsx/a", "a.zip"):
        assert not paths.is_below(Path(path), Path("/w/uploads"))
