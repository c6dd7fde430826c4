"""Thumbnails of an estimate are fetched by the client and decoded in the guarded process."""

from collections.abc import Callable, Iterator

import pytest
from pytest_socket import enable_socket

from peakid.acquire.fetching.client import ClientOptions
from peakid.acquire.fetching.pace import Pace
from peakid.acquire.sources.photo_source import FoundPhoto
from peakid.jobs.collecting import samples
from peakid.jobs.collecting.plans import Estimate
from peakid.store.collecting.searches import NewSearch
from tests.acquire.fetching.served import Answer, Asked, Served

FAST = ClientOptions(pace=Pace(per_s=5000, n_at_once=8), allows=lambda _: True)


@pytest.fixture
def photos(draw: Callable[..., bytes]) -> Iterator[Served]:
    enable_socket()

    def answer(asked: Asked, _n_before: int) -> Answer:
        if "bad" in asked.path:
            return Answer(b"<html>")
        return Answer(status=404) if "gone" in asked.path else Answer(draw(len(asked.path)))

    with Served(answer).running() as served:
        yield served


def found(label: str, source: str, *urls: str) -> Estimate:
    photos = tuple(FoundPhoto(f"{each}-large", thumbnail_url=each) for each in urls)
    return Estimate(NewSearch(source, label, label), len(urls), photos)


def test_a_few_thumbnails_of_each_class_are_shown(photos: Served) -> None:
    estimates = [
        found("otter", "one", *(f"{photos.url}/{n}" for n in range(8))),
        found("otter", "two", f"{photos.url}/second"),
        found("beaver", "one", f"{photos.url}/bad", f"{photos.url}/gone", f"{photos.url}/b"),
        found("unicorn", "one"),
        found("mole", "one", ""),
    ]
    shown = samples.thumbnails(estimates, {}, options=FAST)
    assert {label: len(pictures) for label, pictures in shown.items()} == {
        "otter": samples.N_OF_CLASS,
        "beaver": 1,
        "unicorn": 0,
        "mole": 0,
    }
    assert "/second" in photos.paths(), "both searches of a class are shown"
    assert all(each.startswith(b"\xff\xd8") for each in shown["otter"])
    assert not [each for each in photos.paths() if each.endswith("large")]


@pytest.mark.slow
def test_of_many_classes_each_has_fewer_and_not_all_are_fetched(photos: Served) -> None:
    estimates = [found(f"{n}", "one", *(f"{photos.url}/{n}/{k}" for k in range(3))) for n in range(50)]
    assert len(samples.thumbnails(estimates, {}, options=FAST)) == samples.MOST
    assert len(photos.paths()) == samples.MOST
