"""Images are searched by meaning on the Review page: more like one image, like a file, and the strangest."""

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from peakid.store import images
from peakid.store.workspace import Workspace
from tests import planted_embeddings

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.fixture
def digests(workspace: Workspace, fill: Callable[..., list[str]]) -> list[str]:
    """Thirty images: the farther apart two are in the list, the less similar; the last is like no other."""
    found = fill(river=15, sea=15)
    vectors = [[np.cos(n / 40), np.sin(n / 40), 0] for n in range(29)]
    planted_embeddings.plant(workspace, dict(zip(found, [*vectors, [0, 0, 1]], strict=True)))
    return found


def shown(page: Page) -> list[str]:
    """The digests on screen in the order of the grid."""
    return page.locator(".tile").evaluate_all(
        "(tiles) => tiles.sort((a, b) => Number(a.id.slice(5)) - Number(b.id.slice(5)))"
        ".map((tile) => tile.dataset.digest)"
    )


def open_find(page: Page) -> None:
    page.get_by_role("button", name="Find", exact=False).filter(has_text="image_search").click()


def test_images_are_found_by_an_image_by_a_file_and_by_being_strange(
    serve: Callable[[], str], page: Page, workspace: Workspace, digests: list[str], tmp_path: Path
) -> None:
    page.goto(f"{serve()}/review?queue=all")
    page.locator(".tile").first.wait_for()
    page.keyboard.press("Home")
    page.keyboard.press("s")
    expect(page).to_have_url(re.compile(f"queue=similar%3A{digests[0]}"))
    expect(page.locator(".tile").first).to_have_attribute("data-digest", digests[1])
    assert shown(page)[:10] == digests[1:11]
    expect(page.locator(".tile").first.locator(".badge")).to_have_text("1.00 similar")
    expect(page.get_by_text("Similar to 000.jpg 29")).to_be_visible()

    page.keyboard.press("2")  # A judgement there changes the address of no queue.
    expect(page.locator(".status .count")).to_contain_text("all saved")
    page.go_back()
    expect(page).to_have_url(re.compile("queue=all$"))
    expect(page.locator(".tile.focus")).to_have_attribute("data-digest", digests[0])  # Where S was pressed.
    assert shown(page)[0] == digests[0]
    page.go_forward()
    expect(page.locator(".tile").first).to_have_attribute("data-digest", digests[1])

    page.keyboard.press("End")
    page.keyboard.press("Enter")
    expect(page.locator(".caption .why")).to_have_text("similarity 0.00 to 000.jpg")
    page.get_by_role("button", name="More like this").click()
    expect(page).to_have_url(re.compile(f"queue=similar%3A{digests[29]}"))
    expect(page.locator(".caption .why")).to_contain_text("to 014.jpg")  # The new queue has the keyboard.
    page.keyboard.press("Enter")
    page.locator(".tile").first.wait_for()

    (tmp_path / "known.jpg").write_bytes(images.read_bytes(workspace, digests[20]))
    (tmp_path / "broken.jpg").write_bytes(b"no picture")
    open_find(page)
    page.locator("input[type=file]").set_input_files(tmp_path / "broken.jpg")
    page.get_by_role("button", name="Find similar images").click()
    expect(page.get_by_text("broken.jpg is not a picture that can be read")).to_be_visible()
    page.locator("input[type=file]").set_input_files(tmp_path / "known.jpg")
    expect(page.get_by_text("known.jpg")).to_be_visible()
    page.get_by_role("button", name="Find similar images").click()
    expect(page).to_have_url(re.compile(f"queue=similar%3A{digests[20]}"))
    expect(page.get_by_text("Similar to 005.jpg 29")).to_be_visible()
    page.locator("[data-testid=stApp][data-test-script-state=notRunning]").wait_for()

    open_find(page)
    page.get_by_role("button", name="Outliers", exact=True).click()
    expect(page).to_have_url(re.compile("queue=outliers"))
    expect(page.locator(".tile").first).to_have_attribute("data-digest", digests[29])
    expect(page.locator(".tile").first.locator(".badge")).to_have_text(re.compile("nearest (river|sea) 0.0"))
