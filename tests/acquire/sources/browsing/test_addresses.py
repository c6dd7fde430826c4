"""Where a page starts, and which URL of an element is its largest picture."""

import pytest

from peakid.acquire.sources.browsing.addresses import best, largest, start_url
from peakid.errors import BadInput, UrlRefused

BASE = "https://example.org/album/1?page=2"


@pytest.mark.parametrize(
    ("template", "name", "url"),
    [
        ("https://example.org/s?q={class}", "sea otter", "https://example.org/s?q=sea%20otter"),
        ("https://example.org/{class}/{class}", "a/b&c", "https://example.org/a%2Fb%26c/a%2Fb%26c"),
        (" https://example.org/all ", "lake", "https://example.org/all"),
        ("https://example.org/{other}/{class}", "Zürich", "https://example.org/{other}/Z%C3%BCrich"),
    ],
)
def test_the_class_is_encoded_into_the_address(template: str, name: str, url: str) -> None:
    assert start_url(template, name) == url


def test_a_class_cannot_choose_the_host() -> None:
    for template in ("https://{class}/x", "https://a.{class}.org", "{class}://example.org", "{class}"):
        with pytest.raises(BadInput, match="name of the host"):
            start_url(template, "lake")
    with pytest.raises(BadInput, match="No page"):
        start_url(" ", "lake")
    with pytest.raises(UrlRefused):
        start_url("file:///{class}", "lake")


@pytest.mark.parametrize(
    ("srcset", "url"),
    [
        ("a.jpg 200w, b.jpg 800w, c.jpg 400w", "b.jpg"),
        ("a.jpg, b.jpg 2x", "b.jpg"),
        ("a.jpg 1.5x,b.jpg 1x", "a.jpg"),
        ("w_100,h_50/a.jpg 100w, w_900,h_50/a.jpg 900w", "w_900,h_50/a.jpg"),
        ("a.jpg", "a.jpg"),
        ("  ,a.jpg 5w,", "a.jpg"),
        ("a.jpg 100w 50h, b.jpg 300w 150h", "b.jpg"),
        ("", None),
        (" , ", None),
    ],
)
def test_the_largest_of_a_srcset(srcset: str, url: str | None) -> None:
    assert largest(srcset) == url


def test_the_first_attribute_with_a_picture_decides() -> None:
    order = ("data-srcset", "srcset", "data-src", "src")
    values = {"src": "data:image/gif;base64,R0", "data-src": "../2.jpg#part", "srcset": ""}
    assert best(values, order, BASE) == "https://example.org/2.jpg"
    assert best({"src": "//cdn.example.org/a b.jpg"}, order, BASE) == "https://cdn.example.org/a%20b.jpg"
    for text in ("data:image/gif;base64,R0", "blob:https://example.org/1", "javascript:1", "#", "", BASE):
        assert best({"src": text}, order, BASE) is None
    assert best({"src": "http://user:secret@example.org/a.jpg"}, order, BASE) is None
    assert best({"src": "http://[::1"}, order, BASE) is None
