"""Rules of a tdmrep.json fit paths as those of a robots.txt do; damaged ones reserve nothing."""

import json

import pytest

from peakid.acquire.fetching import opt_out
from peakid.acquire.fetching.opt_out import Reservation


@pytest.mark.parametrize(
    ("location", "path", "fits"),
    [
        ("/", "/a/b", True),
        ("/a", "/a/b", True),
        ("/a", "/b/a", False),
        ("/a$", "/a", True),
        ("/a$", "/a/b", False),
        ("/*.jpg$", "/a/b.jpg", True),
        ("/*.jpg$", "/a/b.jpg?x=1", False),
        ("/*.jpg", "/a/b.jpg?x=1", True),
        ("/a*b*c", "/a1b2c3", True),
        ("/a*b*c", "/acb", False),
        ("/aa*aa$", "/aaa", False),
        ("/caf%C3%A9/", "/café/x", True),
    ],
)
def test_a_location_fits_paths(location: str, path: str, fits: bool) -> None:
    assert Reservation(location, is_reserved=True).fits(path) is fits


def test_the_longest_location_decides_and_of_two_equal_ones_the_reserving() -> None:
    rules = [
        Reservation("/", True),
        Reservation("/open/", False),
        Reservation("/b", True),
        Reservation("/b", False),
    ]
    reserved = [
        opt_out.is_reserved(tuple(rules), f"https://example.org{path}") for path in ("/a", "/open/a", "/b")
    ]
    assert reserved == [True, False, True]
    assert not opt_out.is_reserved((), "https://example.org/a")


@pytest.mark.parametrize("content", [b"", b"{", b"[1, null]", b'{"location": "/"}', b"[" * 100_000, b"\xff"])
def test_a_damaged_file_reserves_nothing(content: bytes) -> None:
    assert opt_out.reservations(content) == ()


def test_rules_are_read_with_numbers_and_texts() -> None:
    rules = [{"location": "/a", "tdm-reservation": "1"}, {"location": "/b"}, {"tdm-reservation": 1}]
    assert opt_out.reservations(json.dumps(rules).encode()) == (
        Reservation("/a", is_reserved=True),
        Reservation("/b", is_reserved=False),
    )
