"""No judgement is lost when the server is killed, the connection is cut or the page is reloaded."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from peakid.curate import decisions
from peakid.curate.queues import review_queue
from peakid.records import Decision
from peakid.store.workspace import Workspace

pytestmark = [pytest.mark.browser, pytest.mark.slow]

SETTLED = "[data-testid=stApp][data-test-script-state=notRunning]"
KEYS = "12212112221112122121"
RECONNECT_MS = 40_000  # Streamlit waits longer after each attempt.


def open_review(page: Page, address: str, queue: str = "unreviewed") -> None:
    page.goto(f"{address}/review?queue={queue}")
    page.locator(".tile").first.wait_for()
    page.wait_for_selector(SETTLED)


def wait_until_saved(page: Page) -> None:
    expect(page.locator(".status .count")).to_contain_text("all saved", timeout=RECONNECT_MS)
    page.wait_for_selector(SETTLED)


def judgements(workspace: Workspace) -> list[Decision]:
    """The reviewer's decisions, oldest first."""
    return [row for row in reversed(decisions.log(workspace, limit=1000)) if row.actor == "human:anna"]


def labels(keys: str) -> list[str]:
    return [{"1": "river", "2": "sea"}[key] for key in keys]


def test_twenty_keys_with_a_server_killed_after_ten_are_twenty_decisions(
    server: Any, page: Page, fill: Callable[..., list[str]], workspace: Workspace
) -> None:
    digests = fill(river=10, sea=15)
    open_review(page, server.start())
    page.keyboard.type(KEYS[:10], delay=20)
    server.kill()
    page.keyboard.type(KEYS[10:], delay=20)
    expect(page.locator(".status .count")).to_contain_text("pending")
    server.start()
    wait_until_saved(page)
    made = judgements(workspace)
    assert [row.digest for row in made] == digests[:20]
    assert [row.label for row in made] == labels(KEYS)


def test_judgements_made_without_a_server_survive_a_reload(
    server: Any, page: Page, fill: Callable[..., list[str]], workspace: Workspace
) -> None:
    digests = fill(river=5, sea=5)
    address = server.start()
    open_review(page, address)
    server.kill()
    page.keyboard.type("221", delay=20)
    expect(page.locator(".status .count")).to_contain_text("3 pending")
    expect(page.locator(".status .message")).to_contain_text("kept in this browser")
    server.start()
    page.goto(f"{address}/collect")  # Another page than the one it was judged on.
    page.wait_for_selector(SETTLED)
    assert judgements(workspace) == []
    open_review(page, address, "all")
    wait_until_saved(page)
    assert [(row.digest, row.label) for row in judgements(workspace)] == list(
        zip(digests[:3], ["sea", "sea", "river"], strict=True)
    )


def test_judgements_of_a_closed_tab_are_delivered_by_the_next_tab(
    server: Any, page: Page, fill: Callable[..., list[str]], workspace: Workspace
) -> None:
    fill(river=5)
    address = server.start()
    closed = page.context.new_page()
    open_review(closed, address)
    server.kill()
    closed.keyboard.type("11", delay=20)
    expect(closed.locator(".status .count")).to_contain_text("2 pending")
    # As if the tab had been closed some time ago.
    closed.evaluate(
        "for (const name of Object.keys(localStorage).filter((each) => each.startsWith('peakid:outbox')))"
        " localStorage.setItem(name, JSON.stringify({ ...JSON.parse(localStorage.getItem(name)), beat: 0 }))"
    )
    closed.close()
    server.start()
    open_review(page, address)
    wait_until_saved(page)
    assert [row.label for row in judgements(workspace)] == ["river", "river"]
    assert page.evaluate("Object.keys(localStorage).filter((each) => each.startsWith('peakid:outbox'))") == []


def test_offline_and_back_delivers_everything_once(
    serve: Callable[[], str], page: Page, fill: Callable[..., list[str]], workspace: Workspace
) -> None:
    digests = fill(river=5, sea=5)
    open_review(page, serve())
    page.context.set_offline(True)
    page.keyboard.type("2z12", delay=20)
    page.context.set_offline(False)
    wait_until_saved(page)
    assert [(row.digest, row.label) for row in judgements(workspace)] == [
        (digests[0], "sea"),
        (digests[0], "river"),
        (digests[0], "river"),
        (digests[1], "sea"),
    ]


def test_the_second_of_two_people_who_judge_one_image_is_told(
    serve: Callable[[], str],
    page: Page,
    profile: BrowserContext,
    fill: Callable[..., list[str]],
    workspace: Workspace,
) -> None:
    (first, *_) = fill(river=2, sea=1)
    address = serve()
    open_review(page, address)
    other = profile.new_page()
    open_review(other, address)
    other.get_by_role("textbox", name="Reviewer").fill("ben")
    other.get_by_role("textbox", name="Reviewer").press("Enter")
    other.wait_for_selector(SETTLED)
    other.locator(".tile").first.click()
    other.keyboard.press("2")
    wait_until_saved(other)
    page.keyboard.press("1")
    expect(page.locator(".status .message")).to_contain_text("ben labelled this sea")
    expect(page.locator("#tile-0 .ribbon .name")).to_have_text("sea")  # It is drawn with the other judgement.
    assert [(row.actor, row.label) for row in decisions.log(workspace, limit=1)] == [("human:ben", "sea")]
    page.keyboard.press("Home")
    page.keyboard.press("1")
    wait_until_saved(page)
    assert review_queue.items(workspace, [first])[0].label == "river"
