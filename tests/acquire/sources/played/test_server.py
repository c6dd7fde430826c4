"""The played services answer in the shapes that their documentation has."""

import json
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator

import pytest
from pytest_socket import enable_socket

from tests.acquire.fetching.served import Served
from tests.acquire.sources.played import flickr
from tests.acquire.sources.played.library import Library
from tests.acquire.sources.played.server import played_services


@pytest.fixture
def served(draw: Callable[..., bytes]) -> Iterator[Served]:
    enable_socket()
    with played_services(Library({"otter": 30, "beaver": 5}), picture=draw).running() as served:
        yield served


def got(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=5) as response:
        return response.read()


def test_each_service_lists_photos_that_the_server_has(served: Served, draw: Callable[..., bytes]) -> None:
    asked = f"method=flickr.photos.search&api_key={flickr.KEY}&text=otter&per_page=20&page=2&extras=url_l"
    page = json.loads(got(f"{served.url}/flickr/services/rest/?{asked}"))["photos"]
    assert (page["page"], page["pages"], page["total"], len(page["photo"])) == (2, 2, 30, 10)
    [url, *_] = [each["url_l"] for each in page["photo"] if "url_l" in each]
    assert got(url) == draw(int(url.split("/")[-1].removesuffix(".jpg")))
    listed = json.loads(got(f"{served.url}/openverse/v1/images/?q=beaver"))
    assert (listed["result_count"], listed["page_count"], len(listed["results"])) == (5, 1, 5)


def test_a_wrong_key_and_a_page_that_is_too_deep_are_refused(served: Served) -> None:
    refused = json.loads(got(f"{served.url}/flickr/services/rest/?method=flickr.photos.search&api_key=1"))
    assert (refused["stat"], refused["code"]) == ("fail", 100)
    with pytest.raises(urllib.error.HTTPError, match="401"):
        got(f"{served.url}/openverse/v1/images/?q=otter&page=14")
