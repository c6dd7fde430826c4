"""A local server of drawn photos, and collections of their URLs."""

import random
from collections.abc import Callable, Iterator, Sequence

import pytest
from pytest_socket import enable_socket

from peakid.acquire.collecting import collect as collecting
from peakid.acquire.fetching.client import ClientOptions
from peakid.acquire.fetching.pace import Pace
from peakid.records import no_report
from peakid.store.collecting import collections
from peakid.store.collecting.collections import NewCandidate
from peakid.store.workspace import Workspace
from tests.acquire.fetching.served import Answer, Asked, Served

FAST = ClientOptions(
    pace=Pace(per_s=5000, n_at_once=16), allows=lambda _: True, first_wait_s=0.005, timeout_s=2, n_attempts=3
)


@pytest.fixture(autouse=True)
def _with_sockets() -> None:
    enable_socket()


@pytest.fixture
def photos(draw: Callable[..., bytes]) -> Iterator[Served]:
    """Serve `/N.jpg`, a photo of its own for each N below 1,000; a path can be given other answers."""
    served = Served(lambda asked, n: answer(draw, asked, n))
    with served.running():
        yield served


def answer(draw: Callable[..., bytes], asked: Asked, n_before: int) -> Answer:
    name, _, kind = asked.path.strip("/").partition("-")
    if kind.startswith("page"):
        return Answer(b"<html>gone</html>", headers={"Content-Type": "text/html"})
    if kind.startswith("404"):
        return Answer(status=404)
    if kind.startswith("500"):
        return Answer(status=500)
    if kind.startswith("flaky") and n_before == 0:
        return random.Random(asked.path).choice([Answer(status=503), Answer(draw(int(name)), cut_at=300)])
    if kind.startswith("cut"):
        return Answer(draw(int(name))[:400])
    return Answer(draw(int(name.removesuffix(".jpg"))), headers={"Content-Type": "image/jpeg"})


@pytest.fixture
def collection(workspace: Workspace) -> Callable[..., int]:
    """Add candidates to the collection "lakes": `collection(["http://..."], label="lake")`."""

    def added(urls: Sequence[str], label: str = "lake", **more: object) -> int:
        collection_id = collections.create(workspace, "lakes", actor="human:anna")
        found = [NewCandidate(url, label, "urls", "urls_lake.txt", n + 1) for n, url in enumerate(urls)]
        collections.add(workspace, collection_id, found, **more)
        return collection_id

    return added


@pytest.fixture
def collect(workspace: Workspace) -> Callable[..., collecting.CollectReport]:
    def run(name: str = "lakes", **more: object) -> collecting.CollectReport:
        given = {"options": FAST, "actor": "human:anna", "report": no_report, **more}
        return collecting.collect(workspace, name, **given)

    return run
