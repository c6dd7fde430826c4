"""Selections, more than nine classes, more images than fit the window, and the keyboard alone."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from peakid.curate import classes, decisions
from peakid.curate.queues import review_queue
from peakid.records import Decision
from peakid.store.workspace import Workspace

pytestmark = [pytest.mark.browser, pytest.mark.slow]

SETTLED = "[data-testid=stApp][data-test-script-state=notRunning]"
COUNT_NODES = """
    [document.body, ...[...document.querySelectorAll('*')].map((each) => each.shadowRoot).filter(Boolean)]
      .reduce((n, root) => n + root.querySelectorAll('*').length, 0)
"""


def open_review(page: Page, address: str, queue: str = "unreviewed") -> None:
    page.goto(f"{address}/review?queue={queue}")
    page.locator(".tile").first.wait_for()
    page.wait_for_selector(SETTLED)


def wait_until_saved(page: Page) -> None:
    expect(page.locator(".status .count")).to_contain_text("all saved")
    page.wait_for_selector(SETTLED)


def judgements(workspace: Workspace) -> list[Decision]:
    """The reviewer's decisions, oldest first."""
    return [row for row in reversed(decisions.log(workspace, limit=5000)) if row.actor == "human:anna"]


def steps(workspace: Workspace) -> list[list[str]]:
    """The reviewer's steps, oldest first, each as the digests it decided."""
    made: dict[int, list[str]] = {}
    for row in judgements(workspace):
        made.setdefault(row.step_id, []).append(row.digest)
    return list(made.values())


def test_a_range_by_keys_and_a_range_by_mouse_are_each_one_step(
    serve: Callable[[], str], page: Page, fill: Callable[..., list[str]], workspace: Workspace
) -> None:
    digests = fill(river=8, sea=8)
    open_review(page, serve())
    page.keyboard.press("Shift+ArrowRight")
    page.keyboard.press("Shift+ArrowRight")
    expect(page.locator(".status .offer")).to_contain_text("3 selected")
    page.keyboard.press("2")
    page.locator("#tile-4").click()
    page.locator("#tile-6").click(modifiers=["Shift"])
    page.locator("#tile-5").click(modifiers=["Control"])
    page.keyboard.press("f")
    wait_until_saved(page)
    assert steps(workspace) == [digests[:3], [digests[4], digests[6]]]
    page.keyboard.press("z")
    page.keyboard.press("z")
    page.keyboard.press("Shift+Z")
    wait_until_saved(page)
    assert [item.label for item in review_queue.items(workspace, digests[:4])] == [
        "sea",
        "sea",
        "sea",
        "river",
    ]
    assert review_queue.count(workspace, "flagged") == 0
    expect(page.locator(".status .count")).to_contain_text("3 of 16")


def test_one_key_keeps_a_page_except_for_images_judged_before(
    serve: Callable[[], str], page: Page, fill: Callable[..., list[str]], workspace: Workspace
) -> None:
    digests = fill(river=60)
    open_review(page, serve())
    page.keyboard.type("xx", delay=20)
    page.keyboard.press("a")
    n_selected = page.locator(".tile.selected").count()
    assert 5 < n_selected < 40
    page.keyboard.press("Space")
    wait_until_saved(page)
    assert steps(workspace) == [digests[:1], digests[1 : n_selected + 1]]
    expect(page.locator(f"#tile-{n_selected + 1}")).to_be_in_viewport()
    expect(page.locator(f"#tile-{n_selected + 1}")).to_have_class("tile focus")
    page.keyboard.press("Control+a")
    expect(page.locator(".status .offer")).to_contain_text(f"{59 - n_selected} selected")


def test_a_whole_queue_is_judged_as_one_step_after_a_confirmation(
    serve: Callable[[], str], page: Page, fill: Callable[..., list[str]], workspace: Workspace
) -> None:
    fill(river=300, sea=1)  # More than are loaded at once.
    open_review(page, serve())
    page.keyboard.press("Shift+A")
    page.keyboard.press("2")
    expect(page.get_by_role("dialog")).to_contain_text("Label 301 images as sea?")
    page.keyboard.type("21 x", delay=20)  # Only Enter confirms.
    assert judgements(workspace) == []
    page.keyboard.press("Enter")
    expect(page.locator(".status .message")).to_contain_text("Judged all 301 images")
    wait_until_saved(page)
    assert review_queue.count(workspace, "class:sea") == 301
    assert len({row.step_id for row in judgements(workspace)}) == 1
    page.reload()
    page.get_by_text("Every label was given or confirmed").wait_for()
    open_review(page, page.url.split("/review")[0], "all")
    page.keyboard.press("z")
    wait_until_saved(page)
    assert (review_queue.count(workspace, "class:river"), review_queue.count(workspace, "unreviewed")) == (
        300,
        301,
    )


def test_a_class_beyond_the_ninth_is_found_by_typing(
    serve: Callable[[], str], page: Page, fill: Callable[..., list[str]], workspace: Workspace
) -> None:
    fill(river=2)
    for name in ("alp", "cliff", "crag", "dune", "fen", "glen", "heath", "isle", "moor", "crater lake"):
        classes.add(workspace, name)
    open_review(page, serve())
    page.keyboard.type(
        "/cra\n", delay=20
    )  # Of the two that begin with it, crag is first in the order of classes.
    page.keyboard.type("/crater", delay=20)  # C and R belong to Streamlit outside of a field.
    expect(page.get_by_role("option", name="crater lake")).to_have_attribute("aria-selected", "true")
    page.keyboard.press("Enter")
    wait_until_saved(page)
    assert [row.label for row in judgements(workspace)] == ["crag", "crater lake"]
    expect(page.get_by_text("Clear caches")).to_have_count(0)


def test_two_thousand_images_are_loaded_while_scrolling_and_few_are_drawn(
    serve: Callable[[], str], page: Page, plant: Callable[..., dict[str, str]]
) -> None:
    plant({f"{n:05}": "river" for n in range(2000)})
    open_review(page, serve())
    while page.locator("#tile-1999").count() == 0:
        page.keyboard.press("End")
        page.wait_for_timeout(50)
    expect(page.locator("#tile-1999")).to_be_visible()
    assert page.locator(".tile").count() < 60
    assert page.evaluate(COUNT_NODES) < 900
    page.keyboard.press("Home")
    expect(page.locator("#tile-0")).to_be_visible()


def test_the_large_image_is_zoomed_and_moved_by_keys_and_wheel(
    serve: Callable[[], str], page: Page, fill: Callable[..., list[str]], workspace: Workspace
) -> None:
    fill(river=3)
    open_review(page, serve())
    page.keyboard.press("Enter")
    large = page.locator(".large")
    expect(large).to_have_attribute("style", re.compile("background"))
    page.keyboard.press("+")
    page.keyboard.press("+")
    expect(page.locator(".window")).to_have_class("window zoomed")
    before = large.evaluate("each => each.style.transform")
    page.keyboard.press("Shift+ArrowRight")
    assert large.evaluate("each => each.style.transform") != before
    page.keyboard.press("0")
    expect(page.locator(".window")).to_have_class("window")
    large.hover()
    page.mouse.wheel(0, -200)
    expect(page.locator(".window")).to_have_class("window zoomed")
    page.keyboard.press("1")  # The next image is shown whole.
    expect(page.locator(".window")).to_have_class("window")
    expect(page.locator(".caption .path")).to_have_text("river/001.jpg")
    wait_until_saved(page)
    assert len(judgements(workspace)) == 1


def test_a_keyboard_alone_reaches_everything(
    serve: Callable[[], str], page: Page, fill: Callable[..., list[str]], workspace: Workspace
) -> None:
    fill(river=60)
    open_review(page, serve())
    grid = page.get_by_role("listbox", name="Images to judge")
    expect(grid).to_be_focused()
    page.keyboard.press("PageDown")
    place = grid.get_attribute("aria-activedescendant")
    assert place is not None
    assert int(place.removeprefix("tile-")) > 5
    expect(page.locator(f"#{place}")).to_have_attribute("aria-selected", "true")
    page.keyboard.press("Shift+Tab")  # Back to the bar above.
    expect(page.get_by_role("button", name="Keys")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog", name="Keys")).to_be_visible()
    page.keyboard.press("Escape")
    expect(grid).to_be_focused()
    slider = page.get_by_role("slider", name="Image size")
    slider.focus()
    wide = page.locator(".tile").first.bounding_box()
    for _ in range(20):
        page.keyboard.press("ArrowRight")
    larger = page.locator(".tile").first.bounding_box()
    assert wide is not None
    assert larger is not None
    assert larger["width"] > wide["width"] + 30
    page.reload()
    page.locator(".tile").first.wait_for()
    expect(slider).to_have_value("228")  # Kept in the browser.
    assert judgements(workspace) == []
