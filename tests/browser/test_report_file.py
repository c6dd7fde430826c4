"""The report of a run in Chromium without a network: both themes, axe-core, and printed on A4."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from peakid.evaluate.report_file import writing
from peakid.records import Snapshot
from peakid.resources import PROJECT_ROOT
from peakid.store.workspace import Workspace

pytestmark = [pytest.mark.browser, pytest.mark.slow]

AXE = PROJECT_ROOT / "node_modules" / "axe-core" / "axe.min.js"


@pytest.fixture
def file(workspace: Workspace, frozen: Snapshot, add_run: Callable[..., int], tmp_path: Path) -> Path:
    report = writing.of_run(
        workspace,
        add_run(frozen, n_wrong=3),
        split="valid",
        with_tta=False,
        with_gallery=True,
        actor="human:anna",
    )
    writing.write(report, html=tmp_path / "report.html", json=None)
    return tmp_path / "report.html"


def test_the_page_is_whole_without_a_network_in_both_themes(chromium: Browser, file: Path) -> None:
    grounds = []
    for theme, width in (("light", 1280), ("dark", 820)):
        context = chromium.new_context(
            viewport={"width": width, "height": 900}, color_scheme=theme, offline=True
        )
        page, said, asked = context.new_page(), [], []
        page.on("console", lambda message, said=said: said.append(message.text))
        page.on("pageerror", lambda error, said=said: said.append(str(error)))
        page.on("request", lambda request, asked=asked: asked.append(request.url))
        page.goto(file.as_uri())
        assert not said
        assert [each for each in asked if not each.startswith("data:")] == [file.as_uri()]
        assert page.locator("h1").inner_text() == "Run 1 on validation"
        assert page.evaluate("[...document.images].every((each) => each.naturalWidth > 0)")
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        grounds.append(page.evaluate("getComputedStyle(document.body).backgroundColor"))
        context.close()
    assert grounds == ["rgb(250, 251, 252)", "rgb(18, 23, 29)"]


@pytest.mark.skipif(not AXE.is_file(), reason="axe-core is not installed: run `npm ci`")
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing(chromium: Browser, file: Path, theme: str) -> None:
    context = chromium.new_context(color_scheme=theme, bypass_csp=True)  # The page allows no script.
    page = context.new_page()
    page.goto(file.as_uri())
    page.evaluate(AXE.read_text(encoding="utf-8"))
    found = json.loads(page.evaluate("async () => JSON.stringify((await axe.run()).violations)"))
    context.close()
    assert [(each["id"], each["nodes"][0]["html"]) for each in found] == []


def test_it_prints_on_a4_with_light_colours(chromium: Browser, file: Path) -> None:
    context = chromium.new_context(color_scheme="dark")
    page = context.new_page()
    page.goto(file.as_uri())
    printed = page.pdf(prefer_css_page_size=True, print_background=True)
    boxes = set(re.findall(rb"/MediaBox \[0 0 ([\d.]+) ([\d.]+)\]", printed))
    assert {(round(float(w)), round(float(h))) for w, h in boxes} == {(595, 842)}  # Points: 210 x 297 mm.
    page.emulate_media(media="print")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    context.close()
