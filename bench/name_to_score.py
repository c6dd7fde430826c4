"""From names of classes to a test score, in a browser: `python bench/name_to_score.py --data DIR`.

A local server plays Flickr. It lists photos of four classes of `DIR/intel6`, among them pictures of other
things, smaller copies, photos of another of the classes, and some that it does not have any more. A script in
Chromium does what a person does who knows the four classes: fills in the form, collects, settles the copies,
judges the doubtful labels and the outliers until fifteen in a row are sound, trains with one click and looks
at the test score. What the pictures show is known, so that its keys are right; keys, clicks and looks are
counted, and what the machine takes is not the time of the person.

The minutes of a person are those of the keystroke-level model (Card, Moran and Newell 1980): .28 s a key
(40 words a minute), 1.3 s to point and click, 1.35 s to prepare each step, and 1 s to look at a picture.
"""

import argparse
import json
import os
import platform
import re
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

from playwright.sync_api import Locator, Page, sync_playwright
from playwright.sync_api import TimeoutError as PlaywrightTimeout

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from bench.planted_candidates import CLASSES, Planted, planted, services
from peakid.curate import classes
from peakid.curate.queues import review_queue
from peakid.jobs import queue
from peakid.store import status
from peakid.store import workspace as workspaces
from peakid.store.collecting import collections
from peakid.store.workspace import Workspace
from tests.acquire.sources.played import flickr

N_SOUND = 15  # In a row, after which a person stops with a queue.
KEY_S, CLICK_S, STEP_S, LOOK_S = 0.28, 1.3, 1.35, 1.0
WAIT_MS = 1_800_000
SETTLED = "[data-testid=stApp][data-test-script-state=notRunning]"


@dataclass
class Person:
    """Counts what a person does."""

    n_keys: int = 0
    n_clicks: int = 0
    n_steps: int = 0
    n_looks: int = 0
    decisions: dict[str, int] = field(default_factory=dict)

    @property
    def minutes(self) -> float:
        seconds = (
            KEY_S * self.n_keys + CLICK_S * self.n_clicks + STEP_S * self.n_steps + LOOK_S * self.n_looks
        )
        return seconds / 60

    def click(self, target: Locator) -> None:
        target.click()
        self.n_clicks, self.n_steps = self.n_clicks + 1, self.n_steps + 1

    def type(self, page: Page, text: str) -> None:
        page.keyboard.type(text)
        self.n_keys += len(text)

    def press(self, page: Page, key: str) -> None:
        page.keyboard.press(key)
        self.n_keys += 1

    def decide(self, kind: str, n: int = 1) -> None:
        self.decisions[kind] = self.decisions.get(kind, 0) + n


@contextmanager
def app(workspace: Path, sources_url: str) -> Iterator[str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {
        **os.environ,
        "PEAKID_SOURCES_URL": sources_url,
        "PEAKID_FETCH_PRIVATE": "1",
        "PEAKID_FLICKR_KEY": flickr.KEY,
        "PEAKID_ACTOR": "anna",
        "PEAKID_SUGGESTER_IDLE_S": "60",
        "PYTHONPATH": str(ROOT),
        "XDG_STATE_HOME": str(workspace.parent / "state"),
    }
    command = [sys.executable, "-m", "peakid", "--workspace", str(workspace), "app", "--port", str(port)]
    with (workspace.parent / "server.log").open("wb") as log:
        server = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log)
        try:
            _wait_for(lambda: socket.create_connection(("127.0.0.1", port), 1).close() or True)
            yield f"http://127.0.0.1:{port}"
        finally:
            server.terminate()
            server.wait(30)


def _wait_for(is_so: Callable[[], bool], *, within_s: float = 1800, every_s: float = 0.5) -> None:
    ends_at = time.monotonic() + within_s
    while time.monotonic() < ends_at:
        try:
            if is_so():
                return
        except OSError:
            pass
        time.sleep(every_s)
    raise SystemExit("it does not come")


def collect(page: Page, person: Person, address: str, n_per_class: int) -> None:
    """Fill in the form, estimate, and collect."""
    page.goto(f"{address}/collect")
    page.wait_for_selector(SETTLED)
    person.n_clicks += 1  # The page in the navigation.
    person.click(page.get_by_role("radio", name="Names of classes"))
    person.click(page.get_by_role("textbox", name="Classes, one a line"))
    person.type(page, "\n".join(CLASSES))
    number = page.get_by_role("spinbutton", name="Photos of each class")
    person.click(number)
    person.press(page, "Control+a")
    person.type(page, str(n_per_class))
    person.press(page, "Tab")
    page.wait_for_timeout(1500)
    page.wait_for_selector(SETTLED)
    for each in page.get_by_role("checkbox").all():
        if each.is_checked() and each.get_attribute("aria-label") != "Flickr":
            person.n_clicks += 1
            each.evaluate("box => box.click()")
            page.wait_for_timeout(500)
            page.wait_for_selector(SETTLED)
    person.click(page.get_by_role("button", name="Estimate", exact=True))
    person.n_looks += len(CLASSES)
    button = page.get_by_role("button", name=re.compile(r"^Collect [\d,]+ photos$"))
    button.wait_for(timeout=WAIT_MS)
    person.click(button)
    page.get_by_text(re.compile("Licences of .* images")).wait_for(timeout=WAIT_MS)


def settle_copies(page: Page, person: Person, address: str) -> None:
    """Keep the largest image of every group, a tab at a time."""
    for tab in ("exact", "near"):
        page.goto(f"{address}/duplicates?tab={tab}")
        page.wait_for_selector(SETTLED)
        person.n_clicks += 1
        button = page.get_by_role("button", name=re.compile(r"^Exclude \d+ images?$"))
        if button.count():
            n = int(re.search(r"\d+", button.first.inner_text())[0])
            person.n_looks += min(n, 12)  # The first groups, to see that they are copies.
            person.click(button.first)
            page.get_by_text(re.compile("Excluded .* duplicate")).first.wait_for(timeout=WAIT_MS)
            person.decide("copies excluded", n)


def judge(
    page: Page,
    person: Person,
    address: str,
    workspace: Workspace,
    name: str,
    show: Callable[[str], Planted],
) -> None:
    """Judge the images of a queue in its order until enough in a row are sound."""
    page.goto(f"{address}/review?queue={name}")
    person.n_clicks += 1
    page.wait_for_selector(SETTLED)
    names, n_sound = classes.names(workspace), 0
    focused = page.locator(".tile.focus")
    if not _is_there(focused):
        return
    while n_sound < N_SOUND and not _is_all_judged(page) and _is_there(focused):
        digest = str(focused.get_attribute("data-digest"))
        [item] = review_queue.items(workspace, [digest])
        truth = show(item.path).truth
        person.n_looks += 1
        if truth == item.label:
            person.press(page, " ")
            n_sound += 1
            person.decide("confirmed")
        elif truth:
            person.press(page, str(names.index(truth) + 1))
            n_sound = 0
            person.decide("relabelled")
        else:
            person.press(page, "x")
            person.press(page, "x")
            n_sound = 0
            person.decide("irrelevant excluded")
        if not _moves_on(page, focused, digest):
            person.n_clicks += 1  # The end of the list: the queue is opened again for what has come since.
            page.locator(".status .count", has_text="all saved").wait_for(timeout=120_000)
            page.goto(f"{address}/review?queue={name}")
            page.wait_for_selector(SETTLED)
    page.locator(".status .count", has_text="all saved").wait_for(timeout=120_000)


def _moves_on(page: Page, focused: Locator, before: str) -> bool:
    """Return whether another image gets the focus after one was judged, or all are judged."""
    try:
        _wait_for(lambda: _focus(focused) != before or _is_all_judged(page), within_s=10, every_s=0.02)
    except SystemExit:
        return False
    return True


def _is_there(focused: Locator) -> bool:
    """Return whether the queue has an image left, after a while in which it may arrive."""
    try:
        focused.wait_for(timeout=20_000)
    except PlaywrightTimeout:
        return False
    return True


def _is_all_judged(page: Page) -> bool:
    count = page.locator(".status .count")
    found = re.match(r"([\d,]+) of ([\d,]+)", count.inner_text()) if count.count() else None
    return found is not None and found[1] == found[2]


def _focus(focused: Locator) -> str | None:
    return str(focused.get_attribute("data-digest")) if focused.count() else None


def score(page: Page, person: Person, address: str) -> str:
    """Train with one click, open the run, and show its test score; return what the page says."""
    page.goto(f"{address}/collect")
    page.wait_for_selector(SETTLED)
    person.n_clicks += 1
    person.click(page.get_by_role("button", name="To the first score"))
    link = page.get_by_role("link", name="Evaluate run 1")
    link.wait_for(timeout=WAIT_MS)
    person.click(link)
    page.get_by_role("heading", name="Evaluate", level=1).wait_for()
    metric = page.get_by_test_id("stMetric").first
    metric.wait_for(timeout=WAIT_MS)
    page.wait_for_selector(SETTLED)
    show = page.get_by_role("button", name="Show the test score")
    while not show.count():  # A click while the page is drawn again is lost.
        person.click(page.get_by_role("radio", name="Test (for reporting)"))
        page.wait_for_timeout(5000)
    page.wait_for_selector(SETTLED)
    person.click(show)
    metric.filter(has_text="test").wait_for(timeout=WAIT_MS)
    person.n_looks += 1
    return " ".join(metric.inner_text().split())


def wait_for_embeddings(workspace: Workspace) -> None:
    """Wait until no job runs, twice in a row: the one that embeds begins after the one that collects."""

    def is_idle() -> bool:
        time.sleep(3)
        return not queue.list_active(workspace)

    _wait_for(lambda: is_idle() and is_idle())


def left(workspace: Workspace, show: Callable[[str], Planted]) -> dict[str, int]:
    """Count what is wrong among the images that are trained on."""
    found = {"images": 0, "irrelevant": 0, "wrong label": 0}
    for row in review_queue.image_ids(workspace, "all", most=10**6):
        digest = workspace.one("SELECT digest FROM image WHERE id = ?", (row,))["digest"]
        [item] = review_queue.items(workspace, [digest])
        if item.verdict != "label":
            continue
        truth = show(item.path).truth
        found["images"] += 1
        found["irrelevant"] += not truth
        found["wrong label"] += bool(truth) and truth != item.label
    return found


def measured(arguments: argparse.Namespace, folder: Path) -> dict[str, object]:
    n_per_class = arguments.candidates // len(CLASSES)
    listed = planted(arguments.data, n_per_class, arguments.seed)
    person, times = Person(), {}
    with services(listed) as (sources_url, show), app(folder / "workspace", sources_url) as address:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
            page = browser.new_context(viewport={"width": 1280, "height": 800}).new_page()
            page.set_default_timeout(120_000)
            with timed(times, "collect"):
                collect(page, person, address, n_per_class)
            workspace = workspaces.open_existing(folder / "workspace")
            with timed(times, "copies"):
                settle_copies(page, person, address)
            before = left(workspace, show)
            with timed(times, "embed"):
                wait_for_embeddings(workspace)
            with timed(times, "judge"):
                for name in ("conflicts", "outliers", "label-issues"):
                    judge(page, person, address, workspace, name, show)
            with timed(times, "train"):
                text = score(page, person, address)
            browser.close()
        after = left(workspace, show)
        shown = collections.show(workspace, "photos")
        return {
            "candidates": sum(len(each) for each in listed.values()),
            "images": status.read(workspace).n_images,
            "rejected": shown.by_reason,
            "before": before,
            "after": after,
            "score": text,
            "minutes": round(person.minutes, 1),
            "person": {**asdict(person)},
            "machine_s": {name: round(each) for name, each in times.items()},
        }


@contextmanager
def timed(times: dict[str, float], name: str) -> Iterator[None]:
    started = time.perf_counter()
    yield
    times[name] = time.perf_counter() - started
    print(f"{name}: {times[name]:.0f} s", file=sys.stderr, flush=True)


def main(given: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="The folder that has intel6.")
    parser.add_argument("--candidates", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--folder", type=Path, help="Keep the workspace here.")
    arguments = parser.parse_args(given)
    with tempfile.TemporaryDirectory() as name:
        folder = arguments.folder or Path(name)
        folder.mkdir(parents=True, exist_ok=True)
        found = measured(arguments, folder)
    print(f"Python {platform.python_version()}, {os.cpu_count()} cores, seed {arguments.seed}")
    for name in ("candidates", "images", "rejected", "before", "after", "score", "minutes", "machine_s"):
        print(f"{name:>12}  {found[name]}")
    print(json.dumps(found))


if __name__ == "__main__":
    main()
