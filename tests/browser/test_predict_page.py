"""The page of the prediction server on a phone: photos are chosen, and each gets its classes."""

import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Generator
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, Request, Route, expect

from peakid.dataset import snapshot as snapshots
from peakid.resources import PROJECT_ROOT
from peakid.store import exports
from peakid.store.workspace import Workspace

pytestmark = [pytest.mark.slow, pytest.mark.browser]

AXE = PROJECT_ROOT / "node_modules" / "axe-core" / "axe.min.js"
PHONE = {"width": 390, "height": 844}


@pytest.fixture
def address(colour_export: Path, workspace: Workspace) -> Generator[str]:
    """Where `peakid serve --feedback` serves an export that predicts the colour of a photo."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "peakid", "--workspace", str(workspace.path)]
    environment = {**os.environ, "PYTHONPATH": str(PROJECT_ROOT), "PEAKID_ACTOR": "anna"}
    options = ["serve", str(colour_export), "--port", str(port), "--threshold", "0.5", "--feedback", "--json"]
    with subprocess.Popen(
        [*command, *options], env=environment, stdout=subprocess.PIPE, cwd=PROJECT_ROOT
    ) as process:
        try:
            assert process.stdout is not None
            assert str(port).encode() in process.stdout.readline()
            url = f"http://127.0.0.1:{port}"
            wait_for(f"{url}/health")
            yield url
        finally:
            process.terminate()
            assert process.wait(20) is not None


def wait_for(url: str) -> None:
    for _ in range(200):
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except OSError:
            time.sleep(0.1)
    raise AssertionError(f"{url} does not answer")


@pytest.fixture
def photos(tmp_path: Path) -> Callable[..., list[Path]]:
    """Write photos: `photos("blue", "grey")`. The blue one is blue in one place and dark elsewhere."""

    def written(*names: str) -> list[Path]:
        found = []
        for name in names:
            colour = {"blue": (12, 0, 0), "grey": (90, 90, 90), "red": (220, 30, 10)}[name]
            picture = Image.new("RGB", (300, 200), colour)
            if name == "blue":
                picture.paste((0, 0, 255), (100, 50, 150, 100))
            found.append(tmp_path / f"{name}.png")
            picture.save(found[-1])
        return found

    return written


def opened(chromium: Browser, address: str, scheme: str = "light") -> tuple[Page, list[str]]:
    """Open the page on a phone; what goes wrong or leaves the server is in the list."""
    page = chromium.new_page(viewport=PHONE, has_touch=True, color_scheme=scheme)
    errors: list[str] = []
    page.on("console", lambda message: errors.append(message.text))
    page.on("pageerror", lambda error: errors.append(str(error)))
    own = "/".join(address.split("/")[:3])

    def note(sent: Request) -> None:
        if not sent.url.startswith((own, "blob:", "data:")):
            errors.append(sent.url)

    page.on("request", note)
    page.goto(address)
    return page, errors


def violations(page: Page) -> list[str]:
    if not AXE.is_file():
        return []
    # A script of the test's own: the page allows none but its files.
    page.evaluate(AXE.read_text(encoding="utf-8"))
    found = json.loads(page.evaluate("async () => JSON.stringify((await axe.run()).violations)"))
    return [f"{each['id']}: {[node['html'] for node in each['nodes']]}" for each in found]


def test_photos_are_predicted_on_a_phone(
    chromium: Browser, address: str, photos: Callable[..., list[Path]], tmp_path: Path
) -> None:
    (tmp_path / "text.jpg").write_text("no picture")
    page, errors = opened(chromium, address)
    expect(page.get_by_text("It knows 3 classes: red, green, blue.")).to_be_visible()
    page.set_input_files("#files", [*photos("blue", "grey"), tmp_path / "text.jpg"])
    blue = page.get_by_role("article", name="blue (")
    expect(blue).to_be_visible()
    expect(page.get_by_role("article", name="Not sure")).to_be_visible()
    expect(page.get_by_role("article", name="This file cannot be read")).to_be_visible()
    expect(page.get_by_role("status").first).to_have_text("3 of 3 photos")
    assert page.locator("article ol").count() == 2
    button = blue.get_by_role("button", name="Show what it depends on")
    button.click()
    expect(blue.get_by_text("Hiding the orange parts lowers the probability of blue")).to_be_visible()
    expect(button).to_have_attribute("aria-pressed", "true")
    # The model saw the middle square of the 300 x 200 photo.
    picture, drawn = (blue.locator(each).bounding_box() for each in ("img", "canvas"))
    assert picture is not None
    assert drawn is not None
    assert abs(drawn["width"] - picture["height"]) < 2
    assert abs(drawn["x"] - picture["x"] - (picture["width"] - drawn["width"]) / 2) < 2
    button.press("Enter")
    expect(blue.locator("canvas")).to_be_hidden()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert violations(page) == []
    page.route("**/predict*", as_unfamiliar)
    page.set_input_files("#files", photos("red"))
    strange = page.get_by_role("article", name="Looks like nothing it learned")
    expect(strange.get_by_text("The photo is unlike all photos of its training")).to_be_visible()
    assert errors == []
    page.close()


def as_unfamiliar(route: Route) -> None:
    """Answer as a server whose export knows what its training photos look like."""
    top = [{"label": name, "probability": share} for name, share in (("red", 0.8), ("blue", 0.2))]
    found = {"name": "red.png", "label": "red", "confidence": 0.8, "abstained": False, "top": top}
    route.fulfill(json={"predictions": [{**found, "is_unfamiliar": True, "distance": 1.0}]})


def test_a_wrong_prediction_is_corrected_with_the_keyboard_in_the_dark(
    chromium: Browser, address: str, photos: Callable[..., list[Path]], workspace: Workspace
) -> None:
    page, errors = opened(chromium, address, "dark")
    expect(page.get_by_text("Photos are not stored, unless you correct a prediction.")).to_be_visible()
    page.set_input_files("#camera", photos("red"))
    card = page.get_by_role("article", name="red (")
    card.get_by_text("Wrong? It is ...").press("Enter")
    expect(card.get_by_text("The photo is then stored on the server with this class.")).to_be_visible()
    assert violations(page) == []
    chosen = card.get_by_role("combobox", name="It is")
    chosen.focus()
    chosen.select_option(label="Another class")
    page.keyboard.press("Tab")
    page.keyboard.type("sunset")
    page.keyboard.press("Enter")
    expect(card.get_by_text("Stored as sunset. Thank you.")).to_be_visible()
    row = workspace.one("SELECT d.actor, c.name FROM decision d JOIN class c ON c.id = d.class_id")
    assert row is not None
    assert tuple(row) == ("human:anna", "sunset")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert errors == []
    page.close()


def test_the_models_page_leads_to_the_page_of_an_export(
    chromium: Browser,
    workspace: Workspace,
    fill: Callable[..., list[str]],
    add_run: Callable[..., int],
    colour_export: Path,
    photos: Callable[..., list[Path]],
    serve: Callable[[], str],
) -> None:
    fill(river=24, sea=16)
    run_id = add_run(snapshots.create(workspace, name="first", actor="human:anna"))
    files = [{"name": "model.onnx", "format": "onnx", "sha256": "0" * 64, "bytes": 1}]
    parity = {"onnx": {"n_images": 4, "max_abs_diff": 0.0, "agreement": 1.0}}
    exports.add(workspace, run_id=run_id, path=colour_export, files=files, parity=parity)
    models, _ = opened(chromium, f"{serve()}/models")
    link = models.get_by_role("link", name="Open the prediction page")
    link.wait_for()
    page, errors = opened(chromium, str(link.evaluate("link => link.href")))
    expect(page.get_by_text("Export 1 of Run 1. It knows 3 classes: red, green, blue.")).to_be_visible()
    expect(page.get_by_text("Photos are not stored.", exact=True)).to_be_visible()
    page.set_input_files("#files", photos("blue"))
    expect(page.get_by_role("article", name="blue (")).to_be_visible()
    assert page.locator("details").count() == 0
    assert errors == []
    page.close()
    models.close()
