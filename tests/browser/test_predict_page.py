"""The page of the prediction server on a phone: photos are chosen, and each gets its classes."""

import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Generator
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Browser, expect

from peakid.resources import PROJECT_ROOT

pytestmark = [pytest.mark.slow, pytest.mark.browser]


@pytest.fixture
def address(colour_export: Path) -> Generator[str]:
    """Where `peakid serve` serves an export that predicts the colour of a photo."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "peakid", "serve", str(colour_export), "--port", str(port)]
    environment = {**os.environ, "PYTHONPATH": str(PROJECT_ROOT)}
    with subprocess.Popen(
        [*command, "--threshold", "0.5", "--json"], env=environment, stdout=subprocess.PIPE, cwd=PROJECT_ROOT
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


def test_photos_are_predicted_on_a_phone(chromium: Browser, address: str, tmp_path: Path) -> None:
    for name, colour in {"blue": (10, 40, 220), "grey": (90, 90, 90)}.items():
        Image.new("RGB", (300, 200), colour).save(tmp_path / f"{name}.png")
    (tmp_path / "text.jpg").write_text("no picture")
    page = chromium.new_page(viewport={"width": 390, "height": 844}, has_touch=True)
    errors: list[str] = []
    page.on("console", lambda message: errors.append(message.text))
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(address)
    expect(page.get_by_text("It knows 3 classes: red, green, blue.")).to_be_visible()
    page.set_input_files("#files", [tmp_path / "blue.png", tmp_path / "grey.png", tmp_path / "text.jpg"])
    expect(page.get_by_role("heading", name="blue (81 %)")).to_be_visible()
    expect(page.get_by_role("heading", name="Not sure")).to_be_visible()
    expect(page.get_by_role("heading", name="This file cannot be read")).to_be_visible()
    expect(page.get_by_role("status")).to_have_text("3 of 3 photos")
    assert page.locator("article ol").count() == 2
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert errors == []
    page.close()
