"""A change that is not saved leaves no mark of success in the browser."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from peakid.curate import classes, decisions, remarks
from peakid.store.workspace import Workspace

from .test_review import open_review, settle, wait_until_saved

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def add(page: Page, field: str, text: str) -> None:
    box = page.locator(".about").get_by_label(field, exact=True)
    box.fill(text)
    box.press("Enter" if field != "Note" else "Tab")


def test_a_tag_note_or_further_class_that_is_refused_leaves_the_image_as_it_was(
    serve: Callable[[], str], page: Page, fill: Callable[..., list[str]], workspace: Workspace
) -> None:
    (first, *_) = fill(river=3, sea=1)
    remarks.note(workspace, first, "two otters", actor="human:anna")
    open_review(page, serve())
    page.keyboard.press("Enter")
    count, mark = page.locator(".status .count"), page.locator(".caption .mark")
    for field, text, what in (
        ("Also shows", "zebra", "The further class “zebra” of river/000.jpg was not saved."),
        ("Tags", "x" * 61, "The tag “xxx"),
        ("Note", "y" * 2001, "The note of river/000.jpg was not saved."),
    ):
        add(page, field, text)
        expect(page.locator(".status .message")).to_contain_text(what)
        expect(count).to_contain_text("1 not saved")
        assert count.inner_text().startswith("0 of 4")  # The image is not judged.
        assert "all saved" not in count.inner_text()
        expect(mark).to_have_text("!")
        settle(page)
    assert page.locator(".about button[title^=Remove]").count() == 0  # No tag and no class is drawn.
    expect(page.locator(".about").get_by_label("Note", exact=True)).to_have_value("two otters")
    add(page, "Tags", "swimming")
    wait_until_saved(page)
    expect(mark).to_have_text("")
    assert remarks.names(workspace) == ["swimming"]


def test_a_judgement_of_several_images_that_is_refused_leaves_no_tick(
    serve: Callable[[], str], page: Page, fill: Callable[..., list[str]], workspace: Workspace
) -> None:
    fill(river=4, sea=1)
    open_review(page, serve())
    classes.retire(workspace, "sea")  # In another tab, a moment ago.
    page.keyboard.press("Shift+ArrowRight")
    page.keyboard.press("2")
    expect(page.locator(".status .message")).to_contain_text("sea")
    expect(page.locator(".status .count")).to_contain_text("2 not saved")
    for n in range(2):
        expect(page.locator(f"#tile-{n} .mark")).to_have_text("!")
        expect(page.locator(f"#tile-{n} .ribbon .name")).to_have_text("river")
    assert page.locator(".status .count").inner_text().startswith("0 of 5")
    assert [row for row in decisions.log(workspace) if row.actor == "human:anna"] == []
