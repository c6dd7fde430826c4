"""The Review page in a real browser, with keys faster than anyone types."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from peakid.curate import decisions
from peakid.records import Decision
from peakid.store.workspace import Workspace
from tests.browser.conftest import Server

pytestmark = [pytest.mark.browser, pytest.mark.slow]


SETTLED = "[data-testid=stApp][data-test-script-state=notRunning]"


def settle(page: Page) -> None:
    """Wait until the script has ended."""
    page.wait_for_selector(SETTLED)


def open_review(page: Page, address: str) -> None:
    page.goto(f"{address}/review")
    page.locator(".tile").first.wait_for()
    settle(page)


def wait_until_saved(page: Page) -> None:
    expect(page.locator(".status .count")).to_contain_text("all saved")
    settle(page)


def judgements(workspace: Workspace) -> list[Decision]:
    """The reviewer's decisions, oldest first."""
    return [row for row in reversed(decisions.log(workspace, limit=1000)) if row.actor == "human:anna"]


def ribbons(page: Page, n: int) -> list[str]:
    return [page.locator(f"#tile-{i} .ribbon .name").inner_text() for i in range(n)]


def test_a_cold_deep_link_runs_the_shell(server: Server, page: Page, fill: Callable[..., list[str]]) -> None:
    fill(river=3)
    open_review(page, server.start())  # The server's very first request.
    expect(page.locator(".st-key-queue")).to_contain_text("Unreviewed 3")
    expect(page.get_by_role("textbox", name="Reviewer")).to_have_value("anna")


def test_twenty_keys_twenty_milliseconds_apart_are_twenty_decisions_in_order(
    serve: Callable[[], str], page: Page, fill: Callable[..., list[str]], workspace: Workspace
) -> None:
    digests = fill(river=10, sea=15)
    open_review(page, serve())
    keys = "12212112221112122121"
    page.keyboard.type(keys, delay=20)
    wait_until_saved(page)
    made = judgements(workspace)
    assert [row.digest for row in made] == digests[:20]
    assert [row.label for row in made] == [{"1": "river", "2": "sea"}[key] for key in keys]
    expect(page.locator(".st-key-queue")).to_contain_text("Unreviewed 5")


def test_every_key_does_what_the_list_of_keys_says(
    serve: Callable[[], str], page: Page, fill: Callable[..., list[str]], workspace: Workspace
) -> None:
    digests = fill(river=4, sea=4)
    open_review(page, serve())
    # Keep, flag, exclude for reason 3, exclude as unsuitable, label as sea.
    page.keyboard.type(" fx3xx2", delay=20)
    wait_until_saved(page)
    made = [(row.verdict, row.label, row.reason) for row in judgements(workspace)]
    assert made == [
        ("label", "river", ""),
        ("flag", "river", ""),
        ("exclude", "river", "several subjects"),
        ("exclude", "river", "unsuitable"),
        ("label", "sea", ""),
    ]
    assert [row.digest for row in judgements(workspace)] == digests[:5]
    assert ribbons(page, 5) == ["river", "⚑ river", "✕ several subjects", "✕ unsuitable", "sea"]
    expect(page.locator(".status .storage")).to_be_empty()  # This browser stores data: nothing is said of it.


def test_undo_and_redo_survive_a_reload(
    serve: Callable[[], str], page: Page, fill: Callable[..., list[str]], workspace: Workspace
) -> None:
    fill(river=3, sea=3)
    address = serve()
    open_review(page, address)
    page.keyboard.type("22", delay=20)
    wait_until_saved(page)
    open_review(page, address)
    assert page.locator(".tile").count() == 4  # Two are judged and have left the queue.
    page.keyboard.press("z")
    wait_until_saved(page)
    expect(page.locator(".st-key-queue")).to_contain_text("Unreviewed 5")
    page.keyboard.press("Shift+Z")
    wait_until_saved(page)
    expect(page.locator(".st-key-queue")).to_contain_text("Unreviewed 4")
    assert [(row.label, row.undoes is None) for row in judgements(workspace)] == [
        ("sea", True),
        ("sea", True),
        ("river", False),  # Undone: the label of the folder is back.
        ("sea", False),  # Redone.
    ]


def test_undo_right_after_fast_keys_reverses_the_last_of_them(
    serve: Callable[[], str], page: Page, fill: Callable[..., list[str]], workspace: Workspace
) -> None:
    fill(river=6)
    fill(sea=1)
    open_review(page, serve())
    page.keyboard.type("222zz1", delay=20)
    wait_until_saved(page)
    assert ribbons(page, 4) == ["sea", "river", "river", "river"]
    assert [(row.label, row.undoes is None) for row in judgements(workspace)] == [
        *[("sea", True)] * 3,
        *[("river", False)] * 2,
        ("river", True),
    ]


def test_keys_typed_into_a_field_change_no_image(
    serve: Callable[[], str], page: Page, fill: Callable[..., list[str]], workspace: Workspace
) -> None:
    fill(river=3)
    open_review(page, serve())
    page.get_by_role("textbox", name="Reviewer").fill("")
    page.get_by_role("textbox", name="Reviewer").type("x1fz ben")
    page.get_by_role("textbox", name="Reviewer").press("Enter")
    settle(page)
    assert judgements(workspace) == []
    page.locator(".tile").first.click()
    page.keyboard.press("1")
    wait_until_saved(page)
    assert decisions.log(workspace, limit=1)[0].actor == "human:x1fz ben"


def test_the_mouse_can_do_all_of_it(
    serve: Callable[[], str], page: Page, fill: Callable[..., list[str]], workspace: Workspace
) -> None:
    fill(river=3, sea=2)
    open_review(page, serve())
    page.locator("#tile-2").click()
    page.get_by_role("button", name="sea").click()
    page.get_by_role("button", name="Exclude").click()
    page.get_by_role("button", name="duplicate").click()
    page.get_by_role("button", name="Flag").click()
    page.get_by_role("button", name="Undo").click()
    wait_until_saved(page)
    assert [(row.verdict, row.reason) for row in judgements(workspace)] == [
        ("label", ""),
        ("exclude", "duplicate"),
        ("flag", ""),
        ("label", ""),
    ]
    before = page.locator("#tile-0").bounding_box()
    page.locator("#tile-0").dblclick()
    expect(page.locator(".single .large")).to_be_visible()
    page.keyboard.press("Escape")  # The grid is as it was.
    expect(page.locator("#tile-0")).to_be_visible()
    assert page.locator("#tile-0").bounding_box() == before


def test_a_long_name_is_cut_in_its_middle_and_stays_whole_for_readers(
    serve: Callable[[], str], page: Page, fill: Callable[..., list[str]], workspace: Workspace
) -> None:
    fill(river=1)
    long = "Species of a long-tailed widowbird number 07"
    workspace.connection().execute("UPDATE class SET name = ?", (long,))
    open_review(page, serve())
    name = page.locator("#tile-0 .ribbon .name")
    expect(name).to_have_text(long)
    drawn = "(e) => ['::before', '::after'].map((part) => getComputedStyle(e, part).content).join('')"
    assert "ber 07" in name.evaluate(drawn)
    assert name.evaluate("(e) => e.scrollWidth <= e.clientWidth")
