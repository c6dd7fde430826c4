"""One press of Back leaves a page, whatever was chosen on it."""

import io
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Page, expect

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


def test_choices_on_a_page_are_not_steps_of_back(
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
    choices: dict[str, tuple[Callable[[], object], ...]] = {
        "Duplicates": (lambda: pill(page, "Near 2"), lambda: pill(page, "Exact 3")),
        "Review": (lambda: pill(page, "Unreviewed"), lambda: pill(page, "Worth your time", is_first=True)),
        "History": (lambda: pill(page, "My pace"), lambda: pill(page, "All steps")),
        "Snapshots": (lambda: pill(page, "Images"), lambda: pill(page, "Changes")),
        "Evaluate": (lambda: pill(page, "Test"),),
    }
    for name, chosen in choices.items():
        nav.get_by_role("link", name=name).click()
        page.wait_for_url(f"**/{name.lower()}*")
        settle(page)
        for choose in chosen:
            choose()
            settle(page)
        assert "?" in page.url, name
        page.go_back()
        settle(page)
        assert page.url.split("?")[0].endswith("/classes"), name
        expect(page.get_by_role("heading", name="Classes")).to_be_visible()


def pill(page: Page, text: str, *, is_first: bool = False) -> None:
    found = page.get_by_role("radio", name=text).or_(page.get_by_role("button", name=text, exact=True))
    found.first.click()


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
