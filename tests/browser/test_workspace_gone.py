"""The folder of the workspace is renamed under the running app, and brought back."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from peakid.curate import decisions
from peakid.store.workspace import Workspace
from tests.browser.conftest import SETTLED, go

pytestmark = [pytest.mark.browser, pytest.mark.slow]

# At once: a key that is pressed after the explanation has taken the place of the grid is about no image.
TWO_KEYS = """() => {
  for (const key of ['2', '2'])
    document.activeElement.dispatchEvent(
      new KeyboardEvent('keydown', { key, bubbles: true, composed: true }));
}"""
PAGES = ["", "collect", "review", "duplicates", "classes", "snapshots", "train", "evaluate", "models"]
PAGES += ["history"]


def test_a_workspace_that_disappears_is_explained_on_every_page_and_loses_no_key(
    server: Any, page: Page, fill: Callable[..., list[str]], workspace: Workspace
) -> None:
    digests = fill(river=6, sea=2)
    address = server.start()
    page.goto(f"{address}/review?queue=all")
    page.locator(".tile").first.wait_for()
    page.wait_for_selector(SETTLED)
    page.keyboard.press("2")
    expect(page.locator(".status .count")).to_contain_text("all saved")
    elsewhere = workspace.path.with_name("elsewhere")
    workspace.path.rename(elsewhere)
    page.evaluate(TWO_KEYS)
    expect(page.get_by_text("There is no workspace in").first).to_be_visible()
    other = page.context.new_page()
    for name in PAGES:
        other.goto(f"{address}/{name}")
        other.wait_for_selector(SETTLED)
        expect(other.get_by_test_id("stAlert").first).to_contain_text("There is no workspace in")
        expect(other.get_by_test_id("stException")).to_have_count(0)
    assert not workspace.path.exists()  # No page has begun an empty workspace in its place.
    expect(page.get_by_text("continues by itself once the folder is back")).to_be_visible()
    elsewhere.rename(workspace.path)
    expect(page.get_by_text("There is no workspace in")).to_have_count(0)  # Without a reload.
    page.locator(".tile").first.wait_for()
    expect(page.locator(".status .count")).to_contain_text("all saved")
    made = [row for row in reversed(decisions.log(workspace, limit=50)) if row.actor == "human:anna"]
    assert [(row.digest, row.label) for row in made] == [(each, "sea") for each in digests[:3]]
    other.goto(address)
    for name in PAGES:
        if name:
            go(other, name)
        other.wait_for_selector(SETTLED)
        expect(other.get_by_text("There is no workspace in")).to_have_count(0)
