"""One open page of pictures: what it shows, whether it asks for a login, and how it shows more."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from peakid import clean_text
from peakid.acquire.fetching import opt_out
from peakid.acquire.fetching.client import NotFetched
from peakid.acquire.sources.browsing import addresses, page_scripts
from peakid.acquire.sources.browsing.navigation import NavigationGuard, Wall
from peakid.errors import BadInput, UrlRefused

if TYPE_CHECKING:
    from selenium.webdriver.remote.webdriver import WebDriver

MAX_TITLE_CHARS = 300
LOAD_S = 30.0


@dataclass(frozen=True)
class Item:
    """A picture that a page shows or links, with the text that describes it."""

    url: str
    page_url: str
    title: str


class PicturePage(Protocol):
    """What a page can do; `Page` does it in Chromium."""

    def open(self, url: str) -> None: ...
    def items(self, selector: str, attributes: Sequence[str]) -> list[Item]: ...
    def scroll(self) -> int: ...
    def press_more(self, selector: str) -> bool: ...
    def refuse_wall(self) -> None: ...


class Page:
    """The one tab of a browser."""

    def __init__(self, driver: "WebDriver", guard: NavigationGuard, refused: Sequence[UrlRefused]) -> None:
        self._driver, self._guard, self._refused = driver, guard, refused
        self._n_refused = 0

    def open(self, url: str) -> None:
        """Open a page.

        Raises:
            PeakidError: If it is refused, as `check` of the guard, by its server, or by its address.
            Wall: If it asks for a login or shows a captcha.
        """
        from selenium.common.exceptions import TimeoutException, WebDriverException

        self._n_refused = len(self._refused)
        self._guard.expect(url)
        try:
            self._driver.get(url)
        except TimeoutException as error:
            raise NotFetched(
                "unreachable", f"{url[:200]} did not open within {LOAD_S:g} s.", is_passing=True
            ) from error
        except WebDriverException as error:
            self._refuse()
            why = str(error.msg).partition("\n")[0]
            raise NotFetched(
                "unreachable", f"{url[:200]} cannot be opened: {why}", is_passing=True
            ) from error
        self.refuse_wall()

    def items(self, selector: str, attributes: Sequence[str]) -> list[Item]:
        """Return the pictures on the page, in their order.

        Raises:
            BadInput: If the selector is not one of CSS.
        """
        base, place, found = self._run(page_scripts.ITEMS, selector, list(attributes))
        items = []
        for values, text in found:
            if url := addresses.best(values, attributes, base):
                items.append(Item(url, place, clean_text.clean_text(text)[:MAX_TITLE_CHARS]))
        return items

    def scroll(self) -> int:
        """Scroll to the end of the page and return its height in px."""
        return int(self._run(page_scripts.SCROLL))

    def press_more(self, selector: str) -> bool:
        """Press what shows more; return whether there was something to press.

        Raises:
            BadInput: If the selector is not one of CSS.
        """
        return bool(self._run(page_scripts.MORE, selector))

    def refuse_wall(self) -> None:
        """Refuse a page that has become one to refuse, also after a scroll or press.

        Raises:
            PeakidError, Wall: As `open`.
        """
        self._wait_until_read()
        self._refuse()
        has_captcha, has_password, metas, place = self._run(page_scripts.WALL)
        page = str(place)[:200]
        if has_captcha:
            raise Wall("refused_by_server", f"{page} shows a captcha, which is not passed.")
        if has_password:
            raise Wall("refused_by_server", f"{page} asks for a login, which is not passed.")
        if why := opt_out.of_page(metas):
            raise NotFetched("opted_out", f"{page} says that it is not for training ({why}).")

    def _wait_until_read(self) -> None:
        """Wait for a page that a press has begun to open."""
        until = time.monotonic() + LOAD_S
        while time.monotonic() < until:
            try:
                if self._run("return document.readyState") != "loading":
                    return
            except NotFetched as error:  # Between two pages, unless the browser has ended.
                if not (error.is_passing and self._guard.is_alive()):
                    raise
            time.sleep(0.1)

    def _refuse(self) -> None:
        if not self._guard.is_alive():
            raise NotFetched("unreachable", "The browser has ended.", is_passing=True)
        # The answer of the proxy is no answer of the server: why it refused comes first.
        answered = self._guard.answered
        if len(self._refused) > self._n_refused and (answered is None or answered.status in (403, 502)):
            raise self._refused[self._n_refused]
        if self._guard.refusal is not None:
            raise self._guard.refusal

    def _run(self, script: str, *arguments: object) -> Any:
        """Run a script; its first argument is a selector, where it has one.

        Raises:
            BadInput: If the selector is not one of CSS.
            PeakidError: If the page cannot be read, such as one that a script has left.
        """
        from selenium.common.exceptions import WebDriverException
        from urllib3.exceptions import HTTPError

        try:
            return self._driver.execute_script(script, *arguments)
        except WebDriverException as error:
            why = str(error.msg).partition("\n")[0]
            if "valid selector" in why and arguments:
                raise BadInput(
                    f"{str(arguments[0])[:100]!r} is not a CSS selector.",
                    "Correct the selector, such as: main img",
                ) from error
            self._refuse()
            raise NotFetched("unreachable", f"The page cannot be read: {why}", is_passing=True) from error
        except (HTTPError, OSError) as error:
            raise NotFetched("unreachable", "The browser has ended.", is_passing=True) from error
