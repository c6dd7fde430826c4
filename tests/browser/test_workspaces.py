"""Several workspaces in one browser: each tab stays in its own, and no key lands in another one."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from peakid.acquire import demo_import
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


def open_menu(page: Page) -> None:
    page.wait_for_selector(SETTLED)
    page.locator(".st-key-workspaces-menu").get_by_role("button").click()
    page.get_by_role("dialog").get_by_text("Recent").wait_for()


def browse_to(page: Page, name: str) -> None:
    """Open the other workspace from the menu, as one that was never opened before."""
    open_menu(page)
    page.get_by_role("tab", name="Open or create").click()
    page.get_by_role("button", name=name, exact=True).click()
    page.get_by_role("button", name="Open this workspace").click()
    page.wait_for_url("**/w/*/")
    page.wait_for_selector(SETTLED)


def test_keys_that_wait_while_the_workspace_is_switched_are_saved_in_their_own(
    serve: Callable[[], str], page: Page, workspace: Workspace, other: Workspace
) -> None:
    address = serve()
    page = page.context.new_page()
    is_cut = False

    def relay(socket: Any) -> None:
        upstream = socket.connect_to_server()
        socket.on_message(lambda message: None if is_cut else upstream.send(message))

    page.route_web_socket("**/_stcore/stream", relay)
    open_review(page, address)
    browse_to(page, "other")
    there = page.url.removesuffix("/")
    page.locator(".st-key-workspaces-menu").get_by_role("button", name="other").wait_for()

    open_review(page, address)
    is_cut = True  # The server receives nothing more from this page.
    page.keyboard.type("222", delay=30)
    expect(page.locator(".status .count")).to_contain_text("3 pending")
    is_cut = False
    open_review(page, there)
    page.keyboard.press("1")
    saved(page)
    page.wait_for_timeout(4000)
    assert judged(workspace) == []
    assert [label for _, label in judged(other)] == ["river"]

    page.reload()  # Of the other one.
    page.locator(".tile").first.wait_for()
    saved(page)
    assert len(judged(other)) == 1
    open_review(page, address)
    saved(page)
    assert [label for _, label in judged(workspace)] == ["sea", "sea", "sea"]
    assert len(judged(other)) == 1


def test_two_tabs_stay_in_their_workspaces_whatever_is_done_in_them(
    server: Any, page: Page, workspace: Workspace, other: Workspace
) -> None:
    address = server.start()
    page.goto(address)
    browse_to(page, "other")
    there = page.url.removesuffix("/")
    first = page.context.new_page()
    open_review(first, address)
    open_review(page, there)
    for tab, key in ((first, "1"), (page, "2"), (first, "1"), (page, "2")):
        tab.bring_to_front()
        tab.keyboard.press(key)
        saved(tab)
    assert [label for _, label in judged(workspace)] == ["river", "river"]
    assert [label for _, label in judged(other)] == ["sea", "sea"]
    # Links of the navigation, Back and a bookmark keep the workspace; its images are there.
    page.get_by_role("link", name="Classes").click()
    page.wait_for_url(f"{there}/classes")
    page.go_back()
    page.wait_for_url(f"{there}/review?queue=all")
    page.locator(".tile img").first.wait_for()
    sources = page.locator(".tile img").evaluate_all("all => all.map((one) => [one.src, one.naturalWidth])")
    assert sources
    assert all(source.startswith(f"{there}/thumb/") and width for source, width in sources)
    server.kill()
    server.start()
    bookmark = page.context.new_page()
    open_review(bookmark, there)
    expect(bookmark.locator(".st-key-workspaces-menu")).to_contain_text("other")
    bookmark.goto(f"{address}/w/0123456789ab/review")
    expect(bookmark.get_by_text("knows no workspace at this address")).to_be_visible()


def test_the_demo_opens_beside_an_empty_workspace_and_leads_back_to_it(
    server: Any, page: Page, workspace: Workspace, tmp_path: Path
) -> None:
    # Drawn before: a page draws 600 images.
    demo_import.import_demo(workspaces.create(tmp_path / "demo"), n_images=12, actor="human:anna")
    address = server.start()
    page.goto(address)
    page.get_by_role("button", name="Open the demo").click()
    page.wait_for_url("**/w/*/review*", timeout=60_000)
    page.locator(".tile").first.wait_for(timeout=60_000)
    expect(page.get_by_text("This is the demo.")).to_be_visible()
    page.get_by_role("link", name="Back to workspace").click()
    page.wait_for_url(f"{address}/")
    expect(page.get_by_role("button", name="Import photos")).to_be_visible()
    open_menu(page)
    expect(page.get_by_role("dialog").get_by_role("link", name="demo")).to_be_visible()
    expect(page.get_by_role("dialog")).to_contain_text("12 images")
