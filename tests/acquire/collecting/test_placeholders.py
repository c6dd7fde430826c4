"""Pictures that stand for a photo that is gone, and copies of what is here, are recognised."""

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from peakid.acquire.collecting import thumbnails
from peakid.acquire.collecting.thumbnails import ThumbnailCheck
from peakid.acquire.fetching import placeholders
from peakid.acquire.fetching.client import Client
from peakid.store.collecting import collections
from peakid.store.collecting.collections import Candidate, NewCandidate
from peakid.store.workspace import Workspace
from tests.acquire.collecting.conftest import FAST
from tests.acquire.collecting.test_collect import outcomes
from tests.acquire.fetching.served import Answer, Asked, Served
from tests.web.event_loop import run


@pytest.mark.parametrize(
    ("url", "is_known"),
    [
        ("https://s.yimg.com/pw/images/en-us/photo_unavailable.png", True),
        ("https://combo.staticflickr.com/pw/images/fr-fr/photo_unavailable_l.png?zz=1", True),
        ("http://i.imgur.com/removed.png", True),
        ("https://live.staticflickr.com/1/2_photo.jpg", False),
        ("https://example.org/photo_unavailable.png", False),
        ("https://i.imgur.com/removed.png.jpg", False),
    ],
)
def test_known_placeholders(url: str, is_known: bool) -> None:
    assert placeholders.is_known(url) == is_known


@pytest.fixture
def gone(draw: Callable[..., bytes]) -> Iterator[Served]:
    """Serve a photo of its own for `/N.jpg` below 100, and the same picture for all others."""

    def answer(asked: Asked, _n: int) -> Answer:
        name, _, kind = asked.path.strip("/").removesuffix(".jpg").partition("-")
        number = min(int(name), 100)
        if kind == "thumb":
            return Answer(draw(number, size=(24, 18)))
        return Answer(draw(number))

    served = Served(answer)
    with served.running():
        yield served


def test_bytes_of_many_addresses_are_no_photos(
    workspace: Workspace, gone: Served, collection: Callable[..., int], collect: Callable
) -> None:
    collection([f"{gone.url}/{n}.jpg" for n in (1, 2, 101, 102, 103, 104)])
    found = collect()
    assert (found.n_images, found.n_new, found.n_rejected) == (4, 3, 2)
    assert list(outcomes(workspace).values()).count("placeholder") == 2
    [detail] = {each[3] for each in collections.rejections(workspace, 1)}
    assert detail == "2 other addresses of this server have the same picture."


def with_thumbnails(served: Served, numbers: list[int], label: str = "lake") -> list[NewCandidate]:
    return [
        NewCandidate(
            f"{served.url}/{n}.jpg?again", label, "flickr", thumbnail_url=f"{served.url}/{n}-thumb.jpg"
        )
        for n in numbers
    ]


@pytest.fixture
def photo_server(draw: Callable[..., bytes]) -> Iterator[Served]:
    """Serve drawn photos and their thumbnails, which are smaller."""

    def answer(asked: Asked, _n: int) -> Answer:
        name, _, kind = asked.path.strip("/").partition("?")[0].removesuffix(".jpg").partition("-")
        size = (240, 180) if kind == "thumb" else (480, 360)
        return Answer(draw(int(name), size=size))

    served = Served(answer)
    with served.running():
        yield served


def test_a_photo_that_is_here_is_not_fetched_in_full_size(
    workspace: Workspace, photo_server: Served, collection: Callable[..., int], collect: Callable
) -> None:
    collection_id = collection([f"{photo_server.url}/{n}.jpg" for n in range(3)])
    collect()
    collections.add(workspace, collection_id, with_thumbnails(photo_server, [1, 2, 7]))
    collections.add(workspace, collection_id, with_thumbnails(photo_server, [0], label="river"))
    photo_server.asked.clear()
    found = collect()
    assert sorted(photo_server.paths()) == [
        *("/0-thumb.jpg", "/0.jpg?again", "/1-thumb.jpg", "/2-thumb.jpg", "/7-thumb.jpg", "/7.jpg?again")
    ]
    assert (found.n_images, found.n_rejected) == (2, 2)
    assert collections.show(workspace, "lakes").by_reason == {"near_duplicate": 2}


@pytest.mark.slow
def test_thumbnails_are_looked_at_while_that_finds_something(
    workspace: Workspace, photo_server: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(thumbnails, "N_FIRST", 3)
    monkeypatch.setattr(thumbnails, "EVERY", 4)
    wanted = Candidate(1, f"{photo_server.url}/1.jpg", "lake")

    async def checked(n: int) -> int:
        async with Client(FAST) as client:
            check = ThumbnailCheck(workspace, client)
            for number in range(n):
                thumbnail = f"{photo_server.url}/{number}-thumb.jpg"
                assert await check.rejection(replace(wanted, thumbnail_url=thumbnail)) is None
            check.close()
            return check.n_checked

    assert run(checked(12)) == 3 + 3  # The first ones, then every fourth.
    assert run(checked(2)) == 2


@pytest.mark.slow
def test_a_thumbnail_that_cannot_be_used_stops_nothing(
    workspace: Workspace, photos: Served, collection: Callable[..., int], collect: Callable
) -> None:
    collection_id = collection([])
    given = NewCandidate(f"{photos.url}/1.jpg", "lake", "flickr", thumbnail_url=f"{photos.url}/1-page")
    collections.add(workspace, collection_id, [given])
    assert collect().n_images == 1
