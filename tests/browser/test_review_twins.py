"""Duplicates with different labels are seen side by side on the Review page, and either can be judged."""

import io
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from peakid.acquire import folder
from peakid.curate.duplicates import find
from peakid.curate.queues import review_queue
from peakid.store.workspace import Workspace

pytestmark = [pytest.mark.browser, pytest.mark.slow]

N_PAIRS = 9


@pytest.fixture
def twins(workspace: Workspace, draw: Callable[..., bytes], tmp_path: Path) -> None:
    """Nine pairs of the same pixels, once in dom and once in eiger, and a third file of the fourth."""
    for n in range(N_PAIRS):
        data = draw(n, size=(120, 90))
        again = io.BytesIO()
        Image.open(io.BytesIO(data)).save(again, "PNG")
        put(tmp_path / f"photos/dom/{n}.jpg", data)
        put(tmp_path / f"photos/eiger/{n}.png", again.getvalue())
        if n == 3:
            put(tmp_path / "photos/lyskamm/3.jpg", draw(n, size=(90, 70)))
    folder.import_folder(workspace, tmp_path / "photos", actor="import:folder")
    find.scan(workspace)


def put(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def label_of(workspace: Workspace, path: str) -> str:
    found = review_queue.page(workspace, "all", limit=100)
    return next(f"{item.label}{' reviewed' * item.is_reviewed}" for item in found if item.path == path)


def test_twins_share_a_row_whatever_the_width(serve: Callable[[], str], page: Page, twins: None) -> None:
    page.goto(f"{serve()}/review?queue=conflicts")
    page.locator(".tile").first.wait_for()
    for width in (1280, 1010, 820, 1130):
        page.set_viewport_size({"width": width, "height": 800})
        page.wait_for_timeout(500)
        places = page.locator(".tile").evaluate_all(
            """(tiles) => tiles.filter((tile) => tile.isConnected).map((tile) => {
              const box = tile.getBoundingClientRect();
              return [tile.title.split('/')[1].split('.')[0], Math.round(box.left), Math.round(box.top)];
            })"""
        )
        tops: dict[str, set[int]] = {}
        for name, _, top in places:
            tops.setdefault(name, set()).add(top)
        assert len(tops) >= 4  # Rows out of sight have no elements.
        assert all(len(each) == 1 for each in tops.values()), (width, places)
        assert len({(left, top) for _, left, top in places}) == len(places)
    for _ in range(30):  # Down through all rows and up again, without a stop.
        page.keyboard.press("ArrowDown")
    tip = str(page.locator(".tile.focus").get_attribute("title"))
    assert tip.partition("\n")[0] in ("dom/8.jpg", "eiger/8.png")
    for _ in range(30):
        page.keyboard.press("ArrowUp")
    expect(page.locator(".tile.focus")).to_have_attribute("title", re.compile("^dom/0.jpg\n"))
    page.locator(".tile[title^='dom/3.jpg']").dblclick()  # Three duplicates are seen together.
    expect(page.locator(".beside")).to_have_count(2)
    expect(page.locator(".beside").nth(0)).to_contain_text("eiger")
    expect(page.locator(".beside").nth(1)).to_contain_text("lyskamm")


def test_either_of_two_twins_is_judged_with_the_usual_keys_while_both_are_seen(
    serve: Callable[[], str], page: Page, twins: None, workspace: Workspace
) -> None:
    page.goto(f"{serve()}/review?queue=conflicts")
    page.locator(".tile").first.wait_for()
    page.keyboard.press("Enter")
    beside = page.locator(".beside")
    expect(beside).to_have_count(1)
    expect(beside).to_contain_text("eiger")
    expect(page.locator(".caption .path")).to_have_text("dom/0.jpg")
    left, right = page.locator(".window").bounding_box(), beside.bounding_box()
    assert left is not None
    assert right is not None
    assert left["x"] + left["width"] <= right["x"]
    page.keyboard.press("ArrowRight")  # To the duplicate; the pictures stay in their places.
    expect(page.locator(".caption .path")).to_have_text("eiger/0.png")
    expect(beside).to_contain_text("dom")
    left, right = beside.bounding_box(), page.locator(".window").bounding_box()
    assert left is not None
    assert right is not None
    assert left["x"] + left["width"] <= right["x"]
    page.keyboard.press("1")
    expect(page.locator(".status .count")).to_contain_text("1 of 19 · all saved")
    assert label_of(workspace, "eiger/0.png") == "dom reviewed"
    page.keyboard.press("z")
    expect(page.locator(".caption .path")).to_have_text("eiger/0.png")
    beside.click()
    expect(page.locator(".caption .path")).to_have_text("dom/0.jpg")
    page.keyboard.press("2")
    expect(page.locator(".status .count")).to_contain_text("1 of 19 · all saved")
    assert label_of(workspace, "dom/0.jpg") == "eiger reviewed"
    assert label_of(workspace, "eiger/0.png") == "eiger"


def test_a_twin_that_the_filter_leaves_out_is_seen_judged_and_not_counted(
    serve: Callable[[], str], page: Page, twins: None, workspace: Workspace
) -> None:
    page.goto(f"{serve()}/review?queue=conflicts&class=dom")
    page.locator(".tile").first.wait_for()
    expect(page.locator(".status .count")).to_contain_text("0 of 9")
    page.keyboard.press("ArrowRight")
    expect(page.locator(".tile.focus")).to_have_attribute("title", re.compile("^eiger/0.png\n"))
    page.keyboard.press("1")
    expect(page.locator(".status .count")).to_contain_text("0 of 9 · all saved")
    assert label_of(workspace, "eiger/0.png") == "dom reviewed"
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")
    expect(page.locator(".tile.focus")).to_have_attribute("title", re.compile("^dom/0.jpg\n"))
