"""Back returns to the choice before on the same page; what a page writes by itself is no step of it."""

import io
import re
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import pytest
from PIL import Image
from playwright.sync_api import Locator, Page, expect

from peakid.acquire import folder
from peakid.curate.duplicates import find
from peakid.dataset import snapshot as snapshots
from peakid.store.workspace import Workspace

pytestmark = [pytest.mark.browser, pytest.mark.slow]

IDLE = "[data-testid=stApp][data-test-script-state=notRunning]"


@pytest.fixture
def photos(workspace: Workspace, draw: Callable[..., bytes], tmp_path: Path) -> None:
    """Forty photos of two classes, of which three have an exact duplicate and two a near one."""
    for n in range(40):
        data = draw(n, size=(160, 120))
        put(tmp_path / f"photos/{'sea' if n % 2 else 'river'}/{n:02}.jpg", data)
        if n < 3:
            again = io.BytesIO()
            Image.open(io.BytesIO(data)).save(again, "PNG")
            put(tmp_path / f"photos/{'sea' if n % 2 else 'river'}/{n:02}.png", again.getvalue())
        elif n < 5:
            put(tmp_path / f"photos/{'sea' if n % 2 else 'river'}/{n:02}s.jpg", draw(n, size=(80, 60)))
    folder.import_folder(workspace, tmp_path / "photos", actor="import:folder")
    find.scan(workspace)


def put(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def settle(page: Page) -> None:
    page.wait_for_timeout(300)
    page.wait_for_selector(IDLE)


def test_a_page_opened_from_elsewhere_is_left_by_one_press(
    serve: Callable[[], str], page: Page, photos: None
) -> None:
    address = serve()
    for name in ("duplicates", "review", "history?section=pace", "train?recipe=quick", "evaluate", ""):
        page.goto(f"{address}/thumb/none")
        page.goto(f"{address}/{name}")
        page.get_by_test_id("stSidebarNav").wait_for()
        settle(page)
        page.go_back()
        assert page.url.endswith("/thumb/none"), name


def test_each_choice_on_a_page_is_one_step_of_back(
    serve: Callable[[], str],
    page: Page,
    photos: None,
    workspace: Workspace,
    add_run: Callable[..., int],
) -> None:
    snapshot = snapshots.create(workspace, name="first", actor="human:anna")
    add_run(snapshot)
    snapshots.create(workspace, name="second", actor="human:anna")
    page.goto(f"{serve()}/classes")
    nav = page.get_by_test_id("stSidebarNav")
    nav.wait_for()
    choices = {
        "Duplicates": ("Near 2", "Exact 3", "Settled 0"),
        "Review": ("Unreviewed", "Worth your time"),
        "History": ("My pace", "All steps", "Backup"),
        "Snapshots": ("Images", "Changes", "Write and verify"),
        "Evaluate": ("Test", "Validation", "Trust", "Slices", "Errors"),
    }
    for name, options in choices.items():
        nav.get_by_role("link", name=name).click()
        page.wait_for_url(f"**/{name.lower()}*")
        settle(page)
        addresses = [page.url]
        for option in options:
            pill(page, option)
            page.wait_for_url(lambda url, before=addresses[-1]: url != before)
            settle(page)
            addresses.append(page.url)
        for before, option in zip(addresses[-2::-1], [*options[-2::-1], None], strict=True):
            page.go_back()
            settle(page)
            assert page.url == before, name
            if option is not None:
                expect(choice(page, option)).to_be_checked()
        page.go_forward()
        settle(page)
        assert page.url == addresses[1], name
        expect(choice(page, options[0])).to_be_checked()
        page.go_back()
        settle(page)
        page.go_back()
        settle(page)
        assert page.url.split("?")[0].endswith("/classes"), name
        expect(page.get_by_role("heading", name="Classes")).to_be_visible()


def choice(page: Page, text: str) -> Locator:
    return page.get_by_role("radio", name=text).first


def pill(page: Page, text: str) -> None:
    choice(page, text).click()


def test_back_and_forward_show_what_was_chosen_on_each_page(
    serve: Callable[[], str], page: Page, photos: None
) -> None:
    page.goto(f"{serve()}/duplicates?tab=near")
    page.locator(".duplicates .row").first.wait_for()
    pill(page, "Exact 3")
    expect(page.locator(".duplicates .row")).to_have_count(3)
    page.get_by_test_id("stSidebarNav").get_by_role("link", name="History").click()
    page.wait_for_url("**/history*")
    settle(page)
    page.go_back()
    expect(page.locator(".duplicates .row")).to_have_count(3)
    assert page.url.endswith("/duplicates?tab=exact")
    page.go_forward()
    page.wait_for_url("**/history*")
    expect(page.get_by_role("heading", name="History")).to_be_visible()


@pytest.fixture
def evaluated(workspace: Workspace, photos: None, add_run: Callable[..., int]) -> None:
    """Two runs on the photos, with one and with two errors in each split."""
    snapshot = snapshots.create(workspace, name="first", actor="human:anna")
    for n_wrong in (1, 2):
        add_run(snapshot, n_wrong=n_wrong)


def test_back_closes_a_cell_of_the_matrix_and_forward_opens_it_again(
    serve: Callable[[], str], page: Page, evaluated: None
) -> None:
    page.goto(f"{serve()}/evaluate?run=1")
    canvas = page.locator(".matrix[data-cells] canvas")
    canvas.wait_for()
    settle(page)
    title = page.get_by_text("river taken for sea: 1 image")
    canvas.focus()
    for key in ("ArrowDown", "ArrowUp", "ArrowRight", "Enter"):  # The second cell of the first row.
        canvas.press(key)
    expect(title).to_be_visible()
    settle(page)
    page.go_back()
    expect(title).to_have_count(0)
    settle(page)
    assert page.url.endswith("/evaluate?run=1")
    page.go_forward()
    expect(title).to_be_visible()


@pytest.mark.parametrize(
    ("view", "role", "name"),
    [
        ("run=1&tab=errors", "button", re.compile("river taken for sea")),
        ("run=1&tab=slices", "button", re.compile("of .* wrong")),
        ("run=2&tab=compare&wall=lost", "link", "Open in Review"),
        ("run=1&tab=trust", "button", re.compile("Review these|Review them|Review")),
    ],
)
def test_back_from_review_returns_to_the_tab_that_opened_it(
    serve: Callable[[], str],
    page: Page,
    evaluated: None,
    view: str,
    role: Literal["button", "link"],
    name: str | re.Pattern[str],
) -> None:
    page.goto(f"{serve()}/evaluate?{view}")
    page.get_by_test_id("stSidebarNav").wait_for()
    settle(page)
    page.get_by_test_id("stMain").get_by_role(role, name=name).first.click()
    page.wait_for_url("**/review?queue=*")
    settle(page)
    reviewed = page.url
    page.go_back()
    page.wait_for_url(f"**/evaluate?{view}")
    expect(page.get_by_role("heading", name="Evaluate")).to_be_visible()
    settle(page)
    assert page.url.endswith(f"/evaluate?{view}")
    page.go_forward()
    settle(page)
    assert page.url == reviewed


def test_typing_a_filter_is_no_step_of_back(serve: Callable[[], str], page: Page, photos: None) -> None:
    page.goto(f"{serve()}/review?queue=all")
    page.locator(".tile").first.wait_for()
    settle(page)
    pill(page, "Unreviewed")
    settle(page)
    page.get_by_role("button", name="Filter").click()
    for text in ("sea", "river"):
        page.get_by_role("textbox", name="Text", exact=True).fill(text)
        page.get_by_role("textbox", name="Text", exact=True).press("Enter")
        page.wait_for_url(f"**text={text}*")
        settle(page)
    page.go_back()
    settle(page)
    assert page.url.endswith("/review?queue=all")
    expect(page.get_by_role("button", name="Text: ")).to_have_count(0)


def test_back_takes_away_the_selection_of_runs_and_its_marks(
    serve: Callable[[], str], page: Page, evaluated: None
) -> None:
    page.goto(f"{serve()}/train")
    page.get_by_test_id("stSidebarNav").wait_for()
    settle(page)
    compared = page.get_by_role("button", name=re.compile("Compare run . with run ."))
    for _ in range(2):  # With a mark left over, the clicks of the second time would take it away.
        select_runs(page, 2)
        expect(compared).to_be_visible()
        assert "runs=" in page.url
        settle(page)
        page.go_back()
        expect(compared).to_have_count(0)
        settle(page)
        assert page.url.endswith("/train")


def select_runs(page: Page, n: int) -> None:
    """Click the marks of the first rows of the table of runs."""
    table = page.get_by_test_id("stDataFrame").filter(visible=True).last
    table.scroll_into_view_if_needed()
    for row in range(1, n + 1):
        table.click(position={"x": 16, "y": 17 + 33 * row})
        settle(page)
