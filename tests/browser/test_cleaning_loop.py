"""Cleaning the demo with the model's help, in a browser: embed, train, judge by key, freeze, train, compare.

The demo says which of its labels are wrong, so that the keys are those of a person who knows the mountains.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from playwright.sync_api import Locator, Page, expect

from peakid.curate import classes
from peakid.curate.queues import review_queue
from peakid.evaluate.comparing import compare as comparing
from peakid.evaluate.comparing.compare import Comparison
from peakid.store import runs
from peakid.store import workspace as workspaces
from peakid.store.workspace import Workspace
from tests.browser.conftest import Server

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.thorough]

SETTLED = "[data-testid=stApp][data-test-script-state=notRunning]"
WORK_TIMEOUT_MS = 240_000  # Drawing the demo, embedding and training, on two shared cores.
N_JUDGED = 20


@pytest.fixture
def demo(
    server: Server, workspace: Workspace, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Iterator[Server]:
    """A server that computes embeddings by itself, with the weights of the installed package only."""
    monkeypatch.setenv("PEAKID_AUTO_EMBED", "1")
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.delenv("PEAKID_WEIGHTS", raising=False)
    yield server
    for each in psutil.process_iter():  # The live head, which waits for judgements.
        try:
            command = each.cmdline()
        except psutil.Error:
            continue
        if "peakid.jobs.suggester" in command and str(workspace.path.with_name("demo")) in command:
            each.kill()


def button(page: Page, name: str) -> Locator:
    return page.get_by_role("button", name=name, exact=True)


def drawn_classes(workspace: Workspace) -> dict[str, str | None]:
    """Return the class that each picture of the demo shows, by path; None: it is not a mountain."""
    truth = json.loads((workspace.path / "demo" / "truth.json").read_text(encoding="utf-8"))
    return {each["path"]: each["drawn_class"] for each in truth["files"]}


def train_first(page: Page, address: str) -> None:
    """Freeze and train the quick preset in one click, and wait for its score."""
    page.goto(f"{address}/train")
    button(page, "Train a first model").click()
    expect(page.get_by_role("link", name="Evaluate run 1")).to_be_visible(timeout=WORK_TIMEOUT_MS)


def judge(page: Page, workspace: Workspace, n: int) -> int:
    """Judge `n` label issues as someone who knows what was drawn; return how many labels were wrong."""
    drawn, names, n_wrong = drawn_classes(workspace), classes.names(workspace), 0
    focused = page.locator(".tile.focus")
    for n_before in range(n):
        expect(page.locator(".status .count")).to_contain_text(f"{n_before} of ")
        [item] = review_queue.items(workspace, [str(focused.get_attribute("data-digest"))])
        truth = drawn[item.path]
        n_wrong += truth != item.label
        if truth is None:
            page.keyboard.type("xx")  # Excluded for the first reason.
        elif truth == item.label:
            page.keyboard.press("Space")
        elif truth in str(focused.get_attribute("title")):
            page.keyboard.press("m")  # The suggestion, which its tooltip names.
        else:
            page.keyboard.press(str(names.index(truth) + 1))
    expect(page.locator(".status .count")).to_contain_text("all saved")
    return n_wrong


def train_again(page: Page, address: str) -> None:
    page.goto(f"{address}/snapshots")
    page.wait_for_selector(SETTLED)
    page.get_by_text("Freeze another snapshot").click()
    expect(button(page, "Freeze a snapshot")).to_be_visible()
    page.wait_for_selector(SETTLED)
    button(page, "Freeze a snapshot").click()
    expect(page.get_by_text("as Snapshot 2.")).to_be_visible(timeout=WORK_TIMEOUT_MS)
    button(page, "Train on this snapshot").click()
    button(page, "Train timm/tf_efficientnet_lite0").click()
    expect(page.get_by_role("link", name="Evaluate run 2")).to_be_visible(timeout=WORK_TIMEOUT_MS)


def shown_difference(page: Page, address: str) -> str:
    page.goto(f"{address}/evaluate?run=2&tab=compare&against=1")
    figure = page.get_by_test_id("stMetric").filter(has_text="Difference")
    expect(figure).to_be_visible(timeout=WORK_TIMEOUT_MS)
    return figure.inner_text()


def in_points(found: Comparison) -> list[float]:
    """Return the difference and its interval in points, as the page rounds them."""
    difference = found.accuracy_b - found.accuracy_a
    return [round(100 * each, 1) for each in (difference, *found.difference_interval)]


def test_cleaning_the_demo_by_key_ends_in_a_comparison_with_its_interval(
    demo: Server, workspace: Workspace, page: Page
) -> None:
    page.goto(demo.start())
    button(page, "Open the demo").click()
    page.wait_for_url("**/w/*/review*", timeout=WORK_TIMEOUT_MS)
    address = page.url.partition("/review")[0]
    opened = workspaces.open_existing(workspace.path.with_name("demo"))
    train_first(page, address)
    assert "efficientnet-lite0-57934424.pth" in runs.show(opened, 1).started_from

    page.goto(f"{address}/review?queue=label-issues")
    expect(page.locator(".tile.focus .badge")).to_contain_text("suggested", timeout=WORK_TIMEOUT_MS)
    n_wrong = judge(page, opened, N_JUDGED)
    # One label in twelve is wrong: of 20 at random, one or two would be.
    assert n_wrong >= N_JUDGED / 2, n_wrong
    rows = opened.query("SELECT 1 FROM decision WHERE actor LIKE 'human:%'")
    assert len(rows) == N_JUDGED  # No key is lost.

    train_again(page, address)
    text = shown_difference(page, address)
    found = comparing.compare(opened, 1, 2, split="valid", actor="human:anna")
    shown = [float(each) for each in re.findall(r"[+-]?\d+\.\d+", text.replace("\u2212", "-"))]
    assert shown == in_points(found), text
    assert found.difference_interval[1] > 0, found  # Cleaning has not made the model worse.
    expect(page.get_by_text(re.compile("On the .* validation images that both runs scored"))).to_be_visible()
