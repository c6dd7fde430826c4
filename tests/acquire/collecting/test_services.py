"""Services that fail now and then: every photo they list ends as one image or one rejection."""

import hashlib
from collections.abc import Callable, Iterator

import pytest

from peakid.acquire.sources import services
from peakid.acquire.sources.services import Keys
from peakid.store.collecting import collections, searches
from peakid.store.collecting.searches import NewSearch
from peakid.store.workspace import Workspace
from tests.acquire.fetching.served import Answer, Asked, Served
from tests.acquire.sources.played.flickr import KEY
from tests.acquire.sources.played.library import Library
from tests.acquire.sources.played.server import played_services

PASSING = (
    Answer(status=500),
    Answer(status=429, headers={"Retry-After": "0"}),
    Answer(b"x" * 500, cut_at=20),
    Answer(status=503),
)


def fault(asked: Asked, n_before: int) -> Answer | None:
    """Fail the first request of every third address in one of four ways; one photo is never there."""
    if asked.path == "/photos/3.jpg":
        return Answer(status=404)
    if asked.path == "/photos/4.jpg":
        return Answer(b"<html>no photo</html>", headers={"Content-Type": "text/html"})
    number = int(hashlib.sha256(asked.path.encode()).hexdigest(), 16)
    return PASSING[number // 3 % len(PASSING)] if n_before == 0 and number % 3 == 0 else None


@pytest.fixture
def served(draw: Callable[..., bytes]) -> Iterator[Served]:
    library = Library({"otter": 21})
    with played_services(library, picture=draw, fault=fault).running() as served:
        yield served


@pytest.mark.slow
def test_every_photo_ends_once_although_services_fail_now_and_then(
    workspace: Workspace, served: Served, collect: Callable
) -> None:
    collection_id = collections.create(workspace, "lakes", actor="human:anna")
    wanted = [NewSearch(name, "otter", "otter") for name in ("flickr", "openverse")]
    searches.save(workspace, collection_id, wanted)
    sources = services.opened(Keys(flickr=KEY), stand_in=served.url)
    found = collect(sources=sources)
    assert (found.n_images, found.n_rejected, found.n_waiting) == (19, 2, 0)
    asked = searches.of_collection(workspace, collection_id)
    assert [(each.problem, each.is_ended, each.n_available) for each in asked] == [("", True, 21)] * 2
    assert sum(each.n_found for each in asked) == 21, "a photo that both list is found once"
    shown = collections.show(workspace, "lakes")
    assert shown.by_reason == {"gone": 1, "not_an_image": 1}
    n_asked = len(served.asked)
    assert collect(sources=sources).n_images == 0
    assert len(served.asked) == n_asked, "nothing known is asked for again"
