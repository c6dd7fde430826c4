"""The Duplicates page in a real browser, with keys faster than anyone types."""

import io
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from peakid.acquire import folder
from peakid.curate import decisions
from peakid.curate.duplicates import duplicate_groups, find, proposed_groups, resolve
from peakid.store.workspace import Workspace

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.fixture(params=[12])
def groups(
    request: pytest.FixtureRequest, workspace: Workspace, draw: Callable[..., bytes], tmp_path: Path
) -> list[duplicate_groups.DuplicateGroup]:
    """Groups of two files with the same pixels, in the order of the page."""
    root = tmp_path / "photos" / "sea"
    root.mkdir(parents=True)
    for n in range(request.param):
        data = draw(n, size=(64, 48), format="PNG")
        (root / f"{n:03}.png").write_bytes(data)
        Image.open(io.BytesIO(data)).save(root / f"{n:03}.bmp")
    folder.import_folder(workspace, root.parent, actor="import:folder")
    find.scan(workspace)
    return [group for group in duplicate_groups.list_groups(workspace) if group.kind == "exact"]


@pytest.mark.parametrize("groups", [103], indirect=True)
def test_a_hundred_groups_resolved_by_key_lose_nothing(
    serve: Callable[[], str], page: Page, groups: list[duplicate_groups.DuplicateGroup], workspace: Workspace
) -> None:
    assert len(groups) == 103
    page.goto(f"{serve()}/duplicates?tab=exact")
    page.locator(".duplicates .row").first.wait_for()
    # In one group all images are kept, that is undone, and the group is resolved.
    page.keyboard.type("k" * 97 + "azk" + "ka", delay=20)
    expect(page.locator(".duplicates .status .count")).to_contain_text(
        "100 of 103 · all saved", timeout=60_000
    )
    excluded = [
        row.digest for row in reversed(decisions.log(workspace, limit=1000)) if row.verdict == "exclude"
    ]
    assert excluded == [group.images[1].digest for group in groups[:99]]
    assert duplicate_groups.n_waiting(workspace) == 3
    page.get_by_role("button", name="Show the next groups").click()
    expect(page.locator(".duplicates .row")).to_have_count(3)
    expect(page.get_by_test_id("stSidebarNav")).to_contain_text("Duplicates 3")
    page.keyboard.press("z")
    expect(page.get_by_test_id("stSidebarNav")).to_contain_text("Duplicates 4")


@pytest.mark.parametrize("groups", [1], indirect=True)
def test_one_settled_group_is_counted_as_one(
    serve: Callable[[], str], page: Page, groups: list[duplicate_groups.DuplicateGroup], workspace: Workspace
) -> None:
    resolve.keep_best(workspace, rule="largest", keys=[groups[0].group_key], actor="human:anna")
    page.goto(f"{serve()}/duplicates?tab=settled")
    expect(page.locator(".duplicates .status")).to_contain_text("1 group shown")


def test_undo_after_a_button_also_works_when_it_has_emptied_the_tab(
    serve: Callable[[], str], page: Page, groups: list[duplicate_groups.DuplicateGroup], workspace: Workspace
) -> None:
    page.goto(f"{serve()}/duplicates?tab=exact")
    page.locator(".duplicates .row").first.wait_for()
    page.get_by_role("button", name="Exclude 12 images").click()
    expect(page.get_by_text("Excluded 12 duplicates")).to_be_visible()
    expect(page.locator(".duplicates .row")).to_have_count(0)
    assert duplicate_groups.n_waiting(workspace) == 0
    page.wait_for_selector("[data-testid=stApp][data-test-script-state=notRunning]")
    page.keyboard.press("z")
    expect(page.locator(".duplicates .row").first).to_be_visible()
    expect(page.get_by_text("Undid: excluded 12 duplicates")).to_be_visible()
    assert duplicate_groups.n_waiting(workspace) == 12
    page.wait_for_selector("[data-testid=stApp][data-test-script-state=notRunning]")
    page.get_by_role("button", name="Exclude 12 images").click()
    expect(page.locator(".duplicates .row")).to_have_count(0)
    page.get_by_role("button", name="Undo").click()
    expect(page.locator(".duplicates .row").first).to_be_visible()
    assert duplicate_groups.n_waiting(workspace) == 12


def test_undo_in_the_grid_also_works_when_the_tab_has_emptied_meanwhile(
    serve: Callable[[], str], page: Page, groups: list[duplicate_groups.DuplicateGroup], workspace: Workspace
) -> None:
    others = [group.group_key for group in groups[1:]]
    resolve.keep_best(workspace, keys=others, actor="human:ben")
    page.goto(f"{serve()}/duplicates?tab=exact")
    page.locator(".duplicates .row").first.wait_for()
    page.keyboard.press("k")
    expect(page.locator(".duplicates .status .count")).to_contain_text("1 of 1 · all saved")
    # Another choice on the page makes it run: the tab has no group any more.
    page.get_by_role("radio", name="Near 0").click()
    # Without waiting, both clicks may become one run of the page, which keeps the grid of its tab.
    expect(page.get_by_text("No two images look the same")).to_be_visible()
    page.get_by_role("radio", name="Exact 0").click()
    expect(page.get_by_text("No two images have the same pixels")).to_be_visible()
    page.wait_for_selector("[data-testid=stApp][data-test-script-state=notRunning]")
    page.wait_for_timeout(1000)  # The grid of this tab has taken the place of the other one's.
    page.keyboard.press("z")
    expect(page.locator(".duplicates .row")).to_have_count(1)
    expect(page.get_by_text("Undid: kept one in the group of")).to_be_in_viewport()
    assert duplicate_groups.n_waiting(workspace) == 1


def test_undo_pressed_while_the_tab_empties_is_saved(
    serve: Callable[[], str], page: Page, groups: list[duplicate_groups.DuplicateGroup], workspace: Workspace
) -> None:
    others = [group.group_key for group in groups[1:]]
    resolve.keep_best(workspace, keys=others, actor="human:ben")
    page.goto(f"{serve()}/duplicates?tab=exact")
    page.locator(".duplicates .row").first.wait_for()
    for delay_ms in (0, 150, 400, 800):
        page.keyboard.press("k")
        expect(page.locator(".duplicates .status .count")).to_contain_text("1 of 1 · all saved")
        page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")  # The page runs again.
        page.wait_for_timeout(delay_ms)
        page.keyboard.press("z")
        expect(page.locator(".duplicates .row:not(.done)")).to_have_count(1)
        expect(page.locator(".duplicates .status .count")).to_contain_text("0 of 1 · all saved")
        assert duplicate_groups.n_waiting(workspace) == 1


def test_a_proposed_duplicate_is_drawn_over_the_first_image_and_a_key_settles_it(
    serve: Callable[[], str], page: Page, propose: Callable[..., list[str]], workspace: Workspace
) -> None:
    propose((0, 1, "strong"), (2, 3, "proposed"))
    page.goto(f"{serve()}/duplicates?tab=proposed")
    expect(page.locator(".duplicates .row")).to_have_count(2)
    overlay = page.locator(".duplicates .row").first.locator("img[src*='/aligned/']")
    expect(overlay).to_have_js_property("naturalWidth", 48)
    expect(page.locator(".duplicates .row").first).to_contain_text("agreement 0.80, shares a split")
    page.keyboard.press("n")
    page.keyboard.press("a")
    expect(page.locator(".duplicates .status .count")).to_contain_text("2 of 2 · all saved")
    assert proposed_groups.n_waiting(workspace) == 0
    page.keyboard.press("z")
    page.keyboard.press("z")
    expect(page.locator(".duplicates .status .count")).to_contain_text("0 of 2 · all saved")
    assert proposed_groups.n_waiting(workspace) == 2
