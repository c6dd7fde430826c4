"""Two reviewers of one workspace: each keeps their name, and the second is told what the first did."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Browser, Page, expect

from peakid.curate import decisions
from peakid.records import Choice
from peakid.store.workspace import Workspace

pytestmark = [pytest.mark.slow, pytest.mark.browser]


def settled(page: Page) -> None:
    page.wait_for_selector("[data-testid=stApp][data-test-script-state=notRunning]")


def test_a_reviewer_name_is_kept_over_reloads_and_pages_in_one_browser(
    serve: Callable[[], str], page: Page, chromium: Browser, fill: Callable[..., list[str]]
) -> None:
    fill(river=2)
    address = serve()
    page.goto(address)
    field = page.get_by_role("textbox", name="Reviewer")
    expect(field).to_have_value("anna")
    field.fill("Zoë; path=/x")  # Characters that have a meaning in a cookie.
    field.press("Enter")
    settled(page)
    page.wait_for_function("document.cookie.includes('peakid_reviewer=')")
    page.goto(f"{address}/history")
    expect(page.get_by_role("textbox", name="Reviewer")).to_have_value("Zoë; path=/x")
    other = chromium.new_context().new_page()
    other.goto(address)
    expect(other.get_by_role("textbox", name="Reviewer")).to_have_value("anna")
    other.context.close()


def test_the_second_of_two_people_is_told_and_may_overrule(
    serve: Callable[[], str], page: Page, fill: Callable[..., list[str]], workspace: Workspace
) -> None:
    first, *_ = fill(river=2, sea=1)
    page.goto(f"{serve()}/review")
    settled(page)
    page.locator(".tile").first.wait_for()
    # While anna looks at the image, another reviewer judges it.
    decisions.decide(workspace, [Choice(first, "label", "sea")], actor="human:beat")
    page.locator("#tile-0").click()
    page.keyboard.press("1")  # The class river.
    expect(page.get_by_text("beat labelled this sea just now")).to_be_visible()
    assert decisions.log(workspace)[0].actor == "human:beat"
    page.locator("#tile-0").click()
    page.keyboard.press("1")
    expect(page.locator("#tile-0 .ribbon .name")).to_have_text("river")
    expect(page.locator(".status .count")).to_contain_text("all saved")
    newest = decisions.log(workspace)[0]
    assert (newest.actor, newest.label) == ("human:anna", "river")
