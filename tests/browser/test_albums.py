"""The whole way from a folder of photos to albums, with a photo that is moved and learned from."""

import hashlib
import io
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Page, Response, expect

from peakid.curate.queues import review_queue
from peakid.store import exports
from peakid.store.workspace import Workspace

pytestmark = [pytest.mark.slow, pytest.mark.browser]

COLOURS = {"red": (200, 30, 20), "green": (20, 210, 30), "blue": (10, 40, 220)}


def settled(page: Page) -> None:
    page.locator("[data-testid=stApp][data-test-script-state=notRunning]").wait_for()


def is_lost(answer: Response) -> bool:
    return answer.status >= 400 and ("/album/" in answer.url or "/script/" in answer.url)


def test_a_folder_is_previewed_corrected_written_and_taken_back(
    page: Page, serve, workspace: Workspace, frozen, add_run, colour_export: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "photos"
    folder.mkdir()
    for name, colour in COLOURS.items():
        for n in (1, 2, 3):
            Image.new("RGB", (60, 40 + n), colour).save(folder / f"{name}{n}.png")
    Image.new("RGB", (60, 40), (90, 90, 90)).save(folder / "grey.png")
    (folder / "bad.jpg").write_text("no picture")
    files = [{"name": "model.onnx", "format": "onnx", "sha256": "0" * 64, "bytes": 9}]
    exports.add(workspace, run_id=add_run(frozen), path=colour_export, files=files, parity={})
    errors: list[str] = []
    page.on("response", lambda answer: errors.append(answer.url) if is_lost(answer) else None)
    page.on("pageerror", lambda error: errors.append(str(error)))

    page.goto(f"{serve()}/albums")
    page.get_by_label("Folder of photos").fill(str(folder))
    page.get_by_label("Folder of photos").press("Enter")
    settled(page)
    page.get_by_role("button", name="Preview", exact=True).click()
    expect(page.get_by_text("10 photos in 3 albums.")).to_be_visible(timeout=60_000)
    expect(page.get_by_text("1 file cannot be read and stay where they are")).to_be_visible()
    card = page.get_by_role("button", name="red 4 photos")  # With the grey one: every colour has a third.
    picture = card.locator("img").first
    expect(picture).to_be_visible()
    body = page.request.get(f"{page.url.split('/w/')[0]}{picture.get_attribute('src')}").body()
    assert Image.open(io.BytesIO(body)).size == (8, 8)

    # The photo that the model is least sure of comes first; it is moved with the keys and learned from.
    card.click()
    grey = page.get_by_role("option", name="grey.png")
    expect(grey).to_be_visible()
    assert page.get_by_role("option").first.get_attribute("title") == "grey.png"
    grey.focus()
    page.keyboard.press("Space")
    expect(page.get_by_role("option", selected=True)).to_have_count(1)
    page.get_by_label("Move 1 photo to the album of").click()
    page.get_by_role("option", name="blue", exact=True).click()
    settled(page)
    page.get_by_text("Also learn from this").click()
    page.get_by_role("button", name="Move 1 photo", exact=True).click()
    expect(page.get_by_text("10 photos in 3 albums. 1 moved by hand.")).to_be_visible()
    expect(page.get_by_role("option", name="grey.png")).to_have_count(0)
    digest = hashlib.sha256((folder / "grey.png").read_bytes()).hexdigest()
    [image] = review_queue.items(workspace, [digest])
    assert (image.label, image.is_reviewed) == ("blue", True)

    page.get_by_role("button", name="All albums").click()
    expect(page.get_by_role("button", name="blue 4 photos")).to_be_visible()
    page.get_by_role("button", name="Write 10 photos into 3 albums").click()
    out = tmp_path / "photos albums"
    expect(page.get_by_text(f"Wrote 10 photos into 3 albums in {out}.")).to_be_visible(timeout=60_000)
    assert (out / "blue" / "grey.png").read_bytes() == (folder / "grey.png").read_bytes()
    page.get_by_role("button", name="Take the albums back").click()
    expect(page.get_by_text(f"Took back 10 photos from {out}.")).to_be_visible(timeout=60_000)
    assert not out.exists()
    assert len(list(folder.iterdir())) == 11
    assert errors == []
