"""Gathering stops for the right reason, keeps what it has, and writes a list that an import reads."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from peakid.acquire.fetching.client import NotFetched
from peakid.acquire.sources import url_list
from peakid.acquire.sources.browsing import gathering
from peakid.acquire.sources.browsing.adapter import Adapter
from peakid.acquire.sources.browsing.navigation import Wall
from peakid.acquire.sources.browsing.page import Item
from peakid.acquire.sources.browsing.records import Found, Gathered, Wanted
from peakid.errors import BadInput

GALLERY = Adapter("gallery", "img", start="https://example.org/{class}", max_scrolls=50)


@dataclass
class Scripted:
    """A page whose list grows by `step` pictures with each scroll, up to `n_all`; `refusals` by class."""

    n_all: int = 10
    step: int = 4
    late: int = 0  # Scrolls after which nothing comes at first.
    refusals: dict[str, NotFetched] = field(default_factory=dict)
    wall_after: int | None = None
    opened: list[str] = field(default_factory=list)
    n_scrolls: int = 0
    name: str = ""

    def open(self, url: str) -> None:
        self.opened.append(url)
        self.name, self.n_scrolls = url.rpartition("/")[2], 0
        if self.name in self.refusals:
            raise self.refusals[self.name]

    def items(self, selector: str, attributes: Sequence[str]) -> list[Item]:
        n = min(self.n_all, self.step * (1 + max(0, self.n_scrolls - self.late)))
        page = f"https://example.org/{self.name}"
        return [Item(f"{page}/{each}.jpg", page, f"{self.name}, {each}") for each in range(n)]

    def scroll(self) -> int:
        self.n_scrolls += 1
        return 1000

    def press_more(self, selector: str) -> bool:
        return False

    def refuse_wall(self) -> None:
        if self.wall_after is not None and self.n_scrolls >= self.wall_after:
            raise Wall("refused_by_server", "It asks for a login, which is not passed.")


def gather(page: Scripted, *classes: str, n_most: int = 100, **more: object) -> Gathered:
    wanted = Wanted(more.pop("adapter", GALLERY), classes or ("lake",), n_most=n_most)
    return gathering.gather(wanted, page, sleep=lambda _s: None, **more)


def ended(found: Gathered) -> list[tuple[str, int]]:
    return [(each.ended, each.n_urls) for each in found.pages]


def test_it_stops_when_nothing_new_comes_or_a_limit_is_reached() -> None:
    assert ended(gather(Scripted(10), "lake", "sea")) == [("nothing new", 10), ("nothing new", 10)]
    assert ended(gather(Scripted(10, late=1))) == [("nothing new", 10)]  # One slow answer is no end.
    assert ended(gather(Scripted(10), n_most=6)) == [("enough", 6)]
    few = Adapter("few", "img", start="https://example.org/{class}", max_scrolls=2)
    assert ended(gather(Scripted(10_000), adapter=few)) == [("scrolls", 12)]
    clock: Callable[[], float] = iter(range(0, 100_000, 100)).__next__
    assert ended(gather(Scripted(10_000), clock=clock)) == [("seconds", 12)]
    stops = iter([False, False, True, True, True])
    assert ended(gather(Scripted(10_000), "lake", "sea", should_stop=lambda: next(stops))) == [
        ("stopped", 8),
        ("not opened", 0),
    ]


def test_a_refused_page_ends_only_itself_and_a_wall_all() -> None:
    gone = Scripted(4, refusals={"sea": NotFetched("gone", "There is no page.")})
    found = gather(gone, "lake", "sea", "river")
    assert ended(found) == [("nothing new", 4), ("refused", 0), ("nothing new", 4)]
    assert found.pages[1].problem == "There is no page."
    walled = Scripted(100, wall_after=2)
    found = gather(walled, "lake", "sea")
    assert ended(found) == [("refused", 8), ("not opened", 0)]  # What was seen before stays.
    assert walled.opened == ["https://example.org/lake"]
    assert found.pages[0].problem == "It asks for a login, which is not passed."


def test_ctrl_c_keeps_what_was_listed() -> None:
    def interrupted(_seconds: float) -> None:
        raise KeyboardInterrupt

    wanted = Wanted(GALLERY, ("lake", "sea"))
    found = gathering.gather(wanted, Scripted(100), sleep=interrupted)
    assert ended(found) == [("stopped", 4), ("not opened", 0)]


def test_what_cannot_be_gathered_is_named_before_a_browser_starts() -> None:
    plain = Adapter("plain", "img")
    for wanted, said in (
        (Wanted(GALLERY, ()), "No class"),
        (Wanted(GALLERY, ("a\nb",)), "cannot be the name"),
        (Wanted(plain, ("lake",)), "No page"),
        (Wanted(plain, ("lake", "sea"), "https://example.org/all"), "same page for 2 classes"),
        (Wanted(GALLERY, ("lake",), n_most=0), "0 pictures"),
    ):
        with pytest.raises(BadInput, match=said):
            gathering.checked(wanted)
    pages = gathering.checked(Wanted(plain, (" lake ", "lake"), "https://example.org/all"))
    assert pages == [("lake", "https://example.org/all")]


def test_the_list_is_read_as_every_list_of_urls(tmp_path: Path) -> None:
    hard = Found("https://example.org/a,b.jpg", "sea, blue", "https://example.org/sea", 'a "title", with all')
    found = [hard, Found("https://example.org/1.jpg", "lake", "https://example.org/lake", "")]
    gathering.write_list(found, tmp_path / "found.csv")
    listed = list(url_list.read(tmp_path / "found.csv"))
    assert [(each.url, each.class_name, each.credit.page_url) for each in listed] == [
        (each.url, each.class_name, each.page_url) for each in found
    ]
    with pytest.raises(BadInput, match="No picture was found"):
        gathering.write_list([], tmp_path / "none.csv")
