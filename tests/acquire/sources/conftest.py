"""Searches of services that a local server plays."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import anyio
import pytest
from pytest_socket import enable_socket

from peakid.acquire.fetching.client import Client, ClientOptions
from peakid.acquire.fetching.pace import Pace
from peakid.acquire.sources import services
from peakid.acquire.sources.photo_source import FoundPage, FoundPhoto, Query
from tests.acquire.fetching.served import Answer, Asked, Served
from tests.acquire.sources.played.library import Library
from tests.acquire.sources.played.server import played_services
from tests.web import event_loop

FAST = ClientOptions(
    pace=Pace(per_s=5000, n_at_once=16), allows=lambda _: True, first_wait_s=0.005, timeout_s=2, n_attempts=3
)
Part = Callable[[Asked, int], Answer]


@dataclass
class Found:
    """What a search gave: its pages, or the failure that ended it."""

    pages: list[FoundPage]
    failure: Exception | None
    served: Served

    @property
    def photos(self) -> list[FoundPhoto]:
        return [photo for page in self.pages for photo in page.photos]


@pytest.fixture
def search(draw: Callable[..., bytes]) -> Callable[..., Found]:
    """Search a played service to its end: `search("gbif", Query("lake"), library, parts)`."""

    def searched(
        name: str,
        query: Query,
        library: Library,
        parts: Mapping[str, Part] | None = None,
        *,
        cursor: str = "",
        most_pages: int = 100,
        fault: Callable[[Asked, int], Answer | None] = lambda _asked, _n: None,
    ) -> Found:
        async def pages(url: str, found: list[FoundPage]) -> Exception | None:
            source = services.opened(services.Keys(), stand_in=url)[name]
            at = cursor
            async with Client(FAST) as client:
                with anyio.fail_after(20):
                    while len(found) < most_pages:
                        try:
                            page = await source.page(client, query, at)
                        except Exception as error:
                            return error
                        found.append(page)
                        at = page.cursor
                        if not at:
                            return None
            return None

        enable_socket()
        served = played_services(library, picture=draw, parts=parts, fault=fault)
        with served.running():
            found: list[FoundPage] = []
            failure = event_loop.run(pages(served.url, found))
        return Found(found, failure, served)

    return searched
