"""From Evaluate to a bundle: a run is tried, exported, made the current model, and bundled."""

import re
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from peakid.acquire import folder
from peakid.dataset import snapshot as snapshots
from peakid.imaging import gate, pixels
from peakid.store import images, run_predictions, runs
from peakid.store.workspace import Workspace

pytestmark = [pytest.mark.slow, pytest.mark.browser]

ANNA = "human:anna"
SETTLED = "[data-testid=stApp][data-test-script-state=notRunning]"
WORK_TIMEOUT_MS = 240_000  # Loading torch, exporting and bundling on two shared cores.


@pytest.fixture
def photos(workspace: Workspace, tmp_path: Path) -> list[Path]:
    """A run whose stored predictions are those of its model; photos with and without its mark."""
    from peakid.learn.run_model import RunModel
    from tests import planted_models

    for name, is_marked in (("plain", False), ("marked", True)):
        for n in range(14):
            path = tmp_path / "photos" / name / f"{n}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(planted_models.photo(n + 100 * is_marked, is_marked=is_marked))
    folder.import_folder(workspace, tmp_path / "photos", actor=ANNA)
    frozen = snapshots.create(
        workspace, actor=ANNA, fractions={"train": 0.3, "valid": 0.5, "test": 0.2}, name="marks"
    )
    run_id = planted_models.plant(workspace, frozen)
    model = RunModel(runs.folder(workspace, run_id))
    valid = [each for each in snapshots.items(workspace, frozen.digest) if each.split == "valid"]
    batch = [
        gate.call(pixels.preprocess, images.read_bytes(workspace, each.digest), size_px=64, resize="crop")
        for each in valid
    ]
    run_predictions.add(
        workspace,
        run_id,
        "valid",
        [each.digest for each in valid],
        model.predict(np.stack(batch))[0],
        [each.label for each in valid],
        is_out_of_sample=True,
    )
    return [tmp_path / "photos" / name / "0.png" for name in ("plain", "marked")]


def test_a_run_is_tried_exported_and_bundled_from_evaluate_on(
    page: Page, serve: Callable[[], str], photos: list[Path], tmp_path: Path
) -> None:
    page.goto(f"{serve()}/evaluate")
    page.get_by_role("link", name="Try or export this run").click()
    expect(page.get_by_role("heading", name="Models", level=1)).to_be_visible()
    assert "run=1" in page.url

    upload = page.get_by_test_id("stFileUploader").filter(has_text="Try photos on run 1")
    upload.locator("input[type=file]").set_input_files(photos)
    expect(page.get_by_text(re.compile(r"^plain \([\d.]+ %\)$"))).to_be_visible(timeout=WORK_TIMEOUT_MS)
    expect(page.get_by_text(re.compile(r"^marked \([\d.]+ %\)$"))).to_be_visible()
    expect(page.get_by_test_id("stImage")).to_have_count(3)  # Both photos, and the heat map of the mark.

    page.get_by_role("button", name="Export run 1", exact=True).click()
    expect(page.get_by_role("heading", name="Export 1")).to_be_visible(timeout=WORK_TIMEOUT_MS)
    expect(page.get_by_test_id("stImage")).to_have_count(3)  # The answers stay where they are.
    page.get_by_role("radio", name="Current").click()
    expect(
        page.get_by_text(re.compile(r"^Export 1 of run 1: .* on validation, set by .*, just now\.$"))
    ).to_be_visible()

    page.get_by_role("textbox", name="Intended use").fill("Find photos with a mark.")
    page.get_by_role("button", name="Make the bundle").click()
    download = page.get_by_role("button", name=re.compile(r"Download run-1-export-1\.zip"))
    expect(download).to_be_visible(timeout=WORK_TIMEOUT_MS)
    with page.expect_download() as waiting:
        download.click()
    waiting.value.save_as(tmp_path / "bundle.zip")
    with zipfile.ZipFile(tmp_path / "bundle.zip") as archive:
        assert {"model.onnx", "verify.py", "MODEL_CARD.md", "checksums.txt"} <= set(archive.namelist())
        assert "Find photos with a mark." in archive.read("MODEL_CARD.md").decode()

    page.set_viewport_size({"width": 820, "height": 1180})
    page.wait_for_selector(SETTLED)
    assert page.evaluate("document.documentElement.scrollWidth") <= 820
