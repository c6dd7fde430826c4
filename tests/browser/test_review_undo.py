"""Undo takes back what this tab did, says what, and leaves alone what another tab or person did."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from peakid.curate import classes, decisions
from peakid.curate.queues import review_queue
from peakid.store.workspace import Workspace

pytestmark = [pytest.mark.browser, pytest.mark.slow]

SETTLED = "[data-testid=stApp][data-test-script-state=notRunning]"


def open_review(page: Page, address: str) -> None:
    page.goto(f"{address}/review?queue=all")
    page.locator(".tile").first.wait_for()
    page.wait_for_selector(SETTLED)


def wait_until_saved(page: Page) -> None:
    expect(page.locator(".status .count")).to_contain_text("all saved")
    page.wait_for_selector(SETTLED)


def state_of(workspace: Workspace, digests: list[str]) -> list[tuple[str, str | None]]:
    return [(item.verdict, item.label) for item in review_queue.items(workspace, digests)]


def test_undo_in_one_of_two_tabs_leaves_what_the_other_did(
    serve: Callable[[], str], page: Page, fill: Callable[..., list[str]], workspace: Workspace
) -> None:
    digests = fill(river=4, sea=1)
    address = serve()
    open_review(page, address)
    other = page.context.new_page()  # The same browser, so the same name.
    open_review(other, address)
    page.keyboard.press("2")
    wait_until_saved(page)
    other.locator("#tile-2").click()
    other.keyboard.type("xx", delay=20)
    wait_until_saved(other)
    assert state_of(workspace, [digests[0], digests[2]]) == [("label", "sea"), ("exclude", "river")]
    page.keyboard.press("z")
    expect(page.locator(".status .message")).to_have_text("Undid: labelled river/000.jpg as sea.")
    wait_until_saved(page)
    assert state_of(workspace, [digests[0], digests[2]]) == [("label", "river"), ("exclude", "river")]
    page.keyboard.press("z")
    expect(page.locator(".status .message")).to_contain_text("This tab has nothing to undo")
    page.wait_for_timeout(500)
    assert state_of(workspace, [digests[2]]) == [("exclude", "river")]
    page.keyboard.press("Shift+Z")
    wait_until_saved(page)
    assert state_of(workspace, [digests[0]]) == [("label", "sea")]


def test_undo_of_an_image_that_another_tab_judged_since_says_so_and_changes_nothing(
    serve: Callable[[], str], page: Page, fill: Callable[..., list[str]], workspace: Workspace
) -> None:
    digests = fill(river=3, sea=1)
    address = serve()
    open_review(page, address)
    other = page.context.new_page()
    open_review(other, address)
    page.keyboard.press("2")
    wait_until_saved(page)
    other.keyboard.press("f")
    wait_until_saved(other)
    page.keyboard.press("z")
    expect(page.locator(".status .message")).to_contain_text("This later judgement stays.")
    wait_until_saved(page)
    assert state_of(workspace, digests[:1]) == [("flag", "sea")]


def test_what_can_be_undone_has_a_button_beside_the_message(
    serve: Callable[[], str], page: Page, fill: Callable[..., list[str]], workspace: Workspace
) -> None:
    fill(river=4, sea=1)
    open_review(page, serve())
    page.keyboard.type("a2", delay=20)
    wait_until_saved(page)
    expect(page.locator(".status .message")).to_have_text("Labelled 5 images.")
    page.locator(".offer").get_by_role("button", name="Undo").click()
    expect(page.locator(".status .message")).to_have_text("Undid: labelled 5 images.")
    wait_until_saved(page)
    assert decisions.steps(workspace)[0].kind == "undo"
    page.locator(".offer").get_by_role("button", name="Redo").click()
    wait_until_saved(page)
    assert decisions.steps(workspace)[0].kind == "redo"


def test_undo_also_works_when_the_queue_has_become_empty(
    serve: Callable[[], str], page: Page, fill: Callable[..., list[str]], workspace: Workspace
) -> None:
    digests = fill(river=1, sea=1)
    page.goto(f"{serve()}/review?queue=unreviewed&class=river")
    page.locator(".tile").first.wait_for()
    page.keyboard.press("2")
    wait_until_saved(page)
    page.reload()
    expect(page.get_by_text("No image of this queue passes the filters.")).to_be_visible()
    expect(page.locator(".acts button:visible")).to_have_count(2)  # Undo and Redo.
    page.keyboard.type("1x f/?a", delay=20)  # There is nothing to judge.
    page.keyboard.press("z")
    expect(page.locator(".tile")).to_have_count(1)
    expect(page.locator(".status .message")).to_be_in_viewport()
    expect(page.locator(".status .message")).to_have_text("Undid: labelled river/000.jpg as sea.")
    wait_until_saved(page)
    assert state_of(workspace, digests) == [("label", "river"), ("label", "sea")]


def test_the_undo_of_a_tag_says_which_tag_and_of_which_image(
    serve: Callable[[], str], page: Page, fill: Callable[..., list[str]]
) -> None:
    fill(river=1)
    open_review(page, serve())
    page.keyboard.press("Enter")
    page.get_by_label("Tags").fill("snow")
    page.keyboard.press("Enter")
    expect(page.get_by_title("Remove snow")).to_be_visible()
    wait_until_saved(page)
    page.keyboard.press("z")
    expect(page.locator(".status .message")).to_have_text("Undid: added the tag snow to river/000.jpg.")


def test_the_key_z_takes_back_accepted_suggestions_as_the_button_beside_them_does(
    serve: Callable[[], str], page: Page, plant: Callable[..., dict[str, str]], workspace: Workspace
) -> None:
    for name in ("river", "sea"):
        classes.add(workspace, name)
    digests = list(plant({f"image-{n:02}": None for n in range(12)}).values())
    with workspace.transaction() as connection:
        for n, digest in enumerate(digests):  # Confidences of .99 to .88.
            connection.execute(
                "INSERT INTO suggestion (image_id, suggested_class_id, confidence)"
                " SELECT id, 1, ? FROM image WHERE digest = ?",
                (0.99 - 0.01 * n, digest),
            )
    page.goto(f"{serve()}/review?queue=suggestions")
    expect(page.locator(".tile")).to_have_count(12)
    page.get_by_role("button", name="Accept 5 suggestions above 95 %").click()
    expect(page.locator(".tile")).to_have_count(7)
    assert state_of(workspace, digests)[:6] == [("label", "river")] * 5 + [("clear", None)]
    page.wait_for_selector(SETTLED)
    page.keyboard.press("z")
    expect(page.locator(".status .message")).to_have_text("Undid: accepted 5 suggestions above 95 %.")
    expect(page.locator(".tile")).to_have_count(12)
    expect(page.get_by_role("button", name="Accept 5 suggestions above 95 %")).to_be_enabled()
    assert state_of(workspace, digests) == [("clear", None)] * 12
    page.keyboard.press("z")
    expect(page.locator(".status .message")).to_contain_text("This tab has nothing to undo")
