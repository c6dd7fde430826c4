"""Several workspaces in one browser: each tab stays in its own, and no key lands in another one."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from peakid.curate import decisions
from peakid.store import workspace as workspaces
from peakid.store.workspace import Workspace

pytestmark = [pytest.mark.browser, pytest.mark.slow]

SETTLED = "[data-testid=stApp][data-test-script-state=notRunning]"


@pytest.fixture
def other(workspace: Workspace, fill: Callable[..., list[str]], tmp_path: Path) -> Workspace:
    """A second workspace with the same images, so that a key in the wrong one would be accepted there."""
    fill(river=6, sea=2)
    workspace.close()
    shutil.copytree(workspace.path, tmp_path / "other")
    return workspaces.open_existing(tmp_path / "other")


def judged(workspace: Workspace) -> list[tuple[str, str | None]]:
    rows = reversed(decisions.log(workspace, limit=50))
    return [(row.digest, row.label) for row in rows if row.actor == "human:anna"]


def open_review(page: Page, address: str) -> None:
    page.goto(f"{address}/review?queue=all")
    page.locator(".tile").first.wait_for()
    page.wait_for_selector(SETTLED)


def saved(page: Page) -> None:
    expect(page.locator(".status .count")).to_contain_text("all saved")


def test_keys_that_were_not_saved_wait_when_the_server_is_started_on_another_workspace(
    server: Any, page: Page, workspace: Workspace, other: Workspace
) -> None:
    address = server.start()
    open_review(page, address)
    page.keyboard.type("222", delay=30)
    server.kill()  # In the middle of saving, so that the page asks the next server for all of it.
    page.keyboard.type("22", delay=30)
    expect(page.locator(".status .count")).to_contain_text("pending")
    server.start(other)
    expect(page.get_by_test_id("stSidebar")).to_contain_text("other")
    page.wait_for_timeout(4000)  # Longer than the grid waits before it sends again.
    assert judged(other) == []
    server.kill()
    server.start(workspace)
    open_review(page, address)
    saved(page)
    assert [label for _, label in judged(workspace)] == ["sea"] * 5
    assert judged(other) == []
