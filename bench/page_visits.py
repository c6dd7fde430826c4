"""Visits of the Evaluate page in Chromium, with the time split into stages, and of a one-line app beside it.

A stage is seen in the page itself, at every frame: when the socket opens, when the last message comes, and
when each part is drawn. `fresh` is the address opened in a new browser, `again` in a browser that opened it
before and kept what it loaded, `navigation` a click in an app that runs.
"""

import json
import statistics
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Browser, BrowserContext, Page, Playwright

from bench.first_paint import READY

CHROMIUM = "/usr/bin/chromium"
SCREEN = {"width": 1280, "height": 800}
N_BEFORE = 3  # Visits after which Chromium has stored the compiled scripts.
SETTLED_MS = 2500  # Before a click: the app has loaded what it loads while nothing else is to do.
TIMEOUT_MS = 240_000  # On a machine with other work.
ONE_LINE = "import streamlit as st\nst.write('Hello')\n"
STAGES = ("socket_open", "last_message", "score", "finding", "matrix", "whole", "long_tasks")

WATCH = """
(() => {
  const seen = {}; let start = 0; let long = 0; const socket = {};
  window.watched = () => ({...seen, ...socket, long_tasks: long});
  window.watchAgain = () => {
    for (const all of [seen, socket]) for (const name in all) delete all[name];
    start = performance.now();
    long = 0;
  };
  const now = () => performance.now() - start;
  const mark = (k, is) => { if (is && !(k in seen)) seen[k] = now(); };
  new PerformanceObserver((list) => { for (const each of list.getEntries()) long += each.duration; })
    .observe({type: "longtask", buffered: true});
  const Plain = window.WebSocket;
  window.WebSocket = class extends Plain {
    constructor(...given) {
      super(...given);
      if (!String(given[0]).includes("_stcore")) return;
      this.addEventListener("open", () => { socket.socket_open ??= now(); });
      this.addEventListener("message", () => { socket.last_message = now(); });
    }
  };
  const drawn = (part) => [...document.querySelectorAll("[data-testid=stBidiComponentIsolated]")]
    .some((each) => each.shadowRoot?.querySelector(part));
  const look = () => {
    const main = document.querySelector("[data-testid=stMain]");
    if (main?.querySelector("h1")?.innerText === "Evaluate") {
      const tabs = main.querySelectorAll('[data-testid="stButtonGroup"]').length > 1;
      mark("score", [...main.querySelectorAll("[data-testid=stMetricValue]")].some((each) => each.innerText));
      mark("finding", main.querySelector(".st-key-finding button"));
      mark("matrix", drawn(".matrix[data-cells]"));
      const app = document.querySelector("[data-testid=stApp]");
      mark("whole", seen.score !== undefined && tabs && app?.dataset.testScriptState === "notRunning");
    }
    requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
})();
"""


@dataclass(frozen=True)
class Opened:
    """Medians of several visits of one tab, in seconds from the request or the click.

    Attributes:
        way: "fresh", "again" or "navigation".
        first_s: To the score, which is the first figure of every tab.
        whole_s: To the end of the script, and to the matrix where the tab has one.
        stages_s: To each of STAGES that was seen; `long_tasks` is the time that the browser was busy.
        server_cpu_s: CPU time of the server for a visit.
        ratio: Of `whole_s` to that of a one-line app, visited in turn with it.
        limit_s: For `whole_s`.
    """

    n_classes: int
    n_images: int
    tab: str
    way: str
    first_s: float
    whole_s: float
    stages_s: dict[str, float]
    server_cpu_s: float
    ratio: float
    limit_s: float


def plain_app(folder: Path) -> Path:
    """Write the app that is compared with, and return its script."""
    script = folder / "one_line.py"
    script.write_text(ONE_LINE, encoding="utf-8")
    return script


def open_plain(browser: Browser, address: str) -> float:
    """Return the seconds to the text of the one-line app in a new browser context."""
    page = _new_page(browser)
    seconds = _plain_s(page, address)
    page.context.close()
    return seconds


def open_fresh(browser: Browser, address: str, tab: str) -> dict[str, float]:
    """Open the address of a tab in a new browser context; return the seconds to each stage."""
    page = _new_page(browser)
    page.add_init_script(WATCH)
    page.goto(address)
    found = _seen(page, tab)
    page.context.close()
    return found


@contextmanager
def kept_browser(playwright: Playwright, folder: Path, address: str) -> Iterator[BrowserContext]:
    """Start a browser that keeps what it loads and compiles in `folder`, and has opened the address."""
    context = playwright.chromium.launch_persistent_context(
        folder, executable_path=CHROMIUM, args=["--no-sandbox"], viewport=SCREEN
    )
    context.set_default_timeout(TIMEOUT_MS)
    for _ in range(N_BEFORE):
        page = context.new_page()
        page.goto(address)
        page.wait_for_selector(READY)
        page.wait_for_timeout(SETTLED_MS)
        page.close()
    yield context
    context.close()


def open_again(context: BrowserContext, address: str, tab: str, plain: str) -> tuple[dict[str, float], float]:
    """Open both addresses in new tabs of a browser; return the seconds to each stage and to the text."""
    page = context.new_page()
    page.add_init_script(WATCH)
    page.goto(address)
    found = _seen(page, tab)
    page.close()
    page = context.new_page()
    plain_s = _plain_s(page, plain)
    page.close()
    return found, plain_s


def open_from_navigation(browser: Browser, start: str, tab: str, n_visits: int) -> list[dict[str, float]]:
    """Click Evaluate in the navigation of an app that shows its first page; return each visit's stages."""
    page = _new_page(browser)
    page.add_init_script(WATCH)
    page.goto(start)
    found = []
    for _ in range(n_visits):
        page.wait_for_selector(READY)
        page.wait_for_timeout(SETTLED_MS)
        page.evaluate("watchAgain()")
        page.locator('[data-testid=stSidebarNavLink][href*="evaluate"]').click()
        found.append(_seen(page, tab))
        page.locator("[data-testid=stSidebarNavLink]").first.click()
        page.wait_for_function("document.querySelector('[data-testid=stMain] h1')?.innerText !== 'Evaluate'")
    page.context.close()
    return found


def medians(visits: Sequence[dict[str, float]]) -> dict[str, float]:
    """Return the median of each stage that was seen in any visit."""
    return {
        name: statistics.median(each[name] for each in visits if name in each)
        for name in STAGES
        if any(name in each for each in visits)
    }


def _plain_s(page: Page, address: str) -> float:
    started = time.perf_counter()
    page.goto(address)
    page.get_by_text("Hello").first.wait_for()
    page.wait_for_selector(READY)
    return time.perf_counter() - started


def _new_page(browser: Browser) -> Page:
    page = browser.new_context(viewport=SCREEN).new_page()
    page.set_default_timeout(TIMEOUT_MS)
    return page


def _seen(page: Page, tab: str) -> dict[str, float]:
    parts = ("whole", "matrix") if tab == "errors" else ("whole",)
    page.wait_for_function(" && ".join(f"watched().{part} !== undefined" for part in parts))
    found = json.loads(page.evaluate("JSON.stringify(watched())"))
    seconds = {name: value / 1000 for name, value in found.items()}
    return seconds | {"whole": max(seconds["whole"], seconds.get("matrix", 0.0))}
