"""Gather the URLs of pictures from the pages of classes: scroll, press "more", and stop within limits."""

import csv
import io
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from peakid import clean_text, files
from peakid.acquire.sources.browsing import addresses
from peakid.acquire.sources.browsing.navigation import Wall
from peakid.acquire.sources.browsing.page import Item, PicturePage
from peakid.acquire.sources.browsing.records import ClassPage, Ended, Found, Gathered, Wanted
from peakid.errors import BadInput, PeakidError
from peakid.records import Report, no_report

COLUMNS = ("url", "class", "page_url", "title")
MAX_PICTURES = 20_000
N_IDLE = 3  # Steps without anything new, after which nothing more is expected.


def checked(wanted: Wanted) -> list[tuple[str, str]]:
    """Return every class with the address of its page.

    Raises:
        BadInput, UrlRefused: If there is no class or page, or one that cannot be.
    """
    classes = list(dict.fromkeys(clean_text.clean_class_name(each) for each in wanted.classes))
    if not classes:
        raise BadInput("No class was given.", "Give the class of the pictures.")
    for name in classes:
        if not clean_text.is_class_name(name):
            raise BadInput(f"{name[:40]!r} cannot be the name of a class.", "Give another name.")
    if not 1 <= wanted.n_most <= MAX_PICTURES:
        raise BadInput(f"{wanted.n_most:,} pictures cannot be gathered.", f"Give 1 to {MAX_PICTURES:,}.")
    template = wanted.template.strip() or wanted.adapter.start
    if len(classes) > 1 and addresses.CLASS not in template and template:
        raise BadInput(
            f"{template[:100]!r} is the same page for {len(classes)} classes.",
            f"Write {addresses.CLASS} where the name of the class goes, or give one class.",
        )
    return [(name, addresses.start_url(template, name)) for name in classes]


def gather(
    wanted: Wanted,
    page: PicturePage,
    *,
    report: Report = no_report,
    should_stop: Callable[[], bool] = lambda: False,
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> Gathered:
    """Gather from the page of every class, one after the other; a refused page does not end the others.

    After a login or a captcha no further page is opened. Ctrl-C stops it as `should_stop` does.

    Raises:
        BadInput, UrlRefused: As `checked`, or if a selector is not one of CSS.
    """
    found: list[Found] = []
    pages: list[ClassPage] = []
    is_over = False
    for name, url in checked(wanted):
        is_over = is_over or should_stop()
        if is_over:
            pages.append(ClassPage(name, url, 0, "not opened"))
            continue
        items: dict[str, Item] = {}
        one = _OnePage(wanted, page, items, report, should_stop, sleep, clock)
        try:
            ended, problem = one.read(name, url), ""
        except BadInput:
            raise
        except PeakidError as error:
            ended, problem = "refused", error.message
            is_over = isinstance(error, Wall)
        except KeyboardInterrupt:  # What was listed is kept.
            ended, problem, is_over = "stopped", "", True
        pages.append(ClassPage(name, url, len(items), ended, one.n_steps, problem))
        found += [Found(each.url, name, each.page_url, each.title) for each in items.values()]
    return Gathered(tuple(found), tuple(pages))


@dataclass
class _OnePage:
    wanted: Wanted
    page: PicturePage
    items: dict[str, Item]
    report: Report
    should_stop: Callable[[], bool]
    sleep: Callable[[float], None]
    clock: Callable[[], float]
    n_steps: int = 0

    def read(self, name: str, url: str) -> Ended:
        """Read a page until it shows nothing new, or a limit is reached; return which."""
        adapter, began = self.wanted.adapter, self.clock()
        self.report(f"Reading the page of {name}", 0, self.wanted.n_most, "opening")
        self.page.open(url)
        n_idle, height = 0, 0
        while True:
            n_before = len(self.items)
            self._take()
            self.report(f"Reading the page of {name}", len(self.items), self.wanted.n_most, "pictures")
            for has_ended, ended in self._limits(began):
                if has_ended:
                    return ended
            if self.n_steps:
                n_idle = 0 if len(self.items) > n_before else n_idle + 1
            if n_idle >= N_IDLE:
                return "nothing new"
            new_height = self.page.scroll()
            has_more = bool(adapter.more) and self.page.press_more(adapter.more)
            if not (has_more or new_height != height or n_idle == 0):
                n_idle += 1  # Neither longer nor anything to press.
            height = new_height
            self.n_steps += 1
            self.sleep(adapter.scroll_pause_s)
            self.page.refuse_wall()

    def _take(self) -> None:
        adapter = self.wanted.adapter
        for item in self.page.items(adapter.item, adapter.attributes):
            if len(self.items) < self.wanted.n_most:
                self.items.setdefault(item.url, item)

    def _limits(self, began: float) -> Iterator[tuple[bool, Ended]]:
        adapter = self.wanted.adapter
        yield len(self.items) >= self.wanted.n_most, "enough"
        yield self.should_stop(), "stopped"
        yield self.clock() - began >= adapter.max_seconds, "seconds"
        yield self.n_steps >= adapter.max_scrolls, "scrolls"


def write_list(found: Sequence[Found], file: Path) -> None:
    """Write the list of URLs as a CSV file, which an import of URLs reads.

    Raises:
        BadInput: If nothing was found.
    """
    if not found:
        raise BadInput("No picture was found, so there is no list.", "Try another page or another selector.")
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows((each.url, each.class_name, each.page_url, each.title) for each in found)
    files.write_text(file, text.getvalue())
