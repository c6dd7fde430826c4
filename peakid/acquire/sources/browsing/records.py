"""What is asked of pages in a browser, and what became of each; without what opens them."""

from dataclasses import dataclass
from typing import Literal

from peakid.acquire.sources.browsing.adapter import Adapter

DEFAULT_PICTURES = 200

Ended = Literal[
    "enough",       # As many pictures as were asked for.
    "nothing new",  # The page shows no more.
    "scrolls",      # The limit of scrolls and presses of the adapter.
    "seconds",      # The limit of seconds of the adapter.
    "stopped",      # A person stopped it.
    "not opened",   # It was stopped before, or the page of a class before asked for a login or the like.
    "refused",      # By robots.txt, its server, a login, a captcha or its address; or it did not open.
]  # fmt: skip


@dataclass(frozen=True)
class Found:
    """A picture for the list."""

    url: str
    class_name: str
    page_url: str
    title: str


@dataclass(frozen=True)
class ClassPage:
    """What became of the page of a class.

    Attributes:
        n_urls: Different pictures.
        n_steps: Scrolls and presses.
        problem: Why it was refused; '' if it was not.
    """

    class_name: str
    page_url: str
    n_urls: int
    ended: Ended
    n_steps: int = 0
    problem: str = ""


@dataclass(frozen=True)
class Gathered:
    found: tuple[Found, ...]
    pages: tuple[ClassPage, ...]


@dataclass(frozen=True)
class Wanted:
    """Attributes:
    template: The address of the page, with `{class}`; '' = that of the adapter.
    n_most: Pictures for each class.
    """

    adapter: Adapter
    classes: tuple[str, ...]
    template: str = ""
    n_most: int = DEFAULT_PICTURES
