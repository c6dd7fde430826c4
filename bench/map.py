"""The map of 100,000 images beside Plotly's scattergl, in headless Chromium: `python bench/map.py`.

The images are rows without bytes, their embeddings random clusters. WebGL is software rendering where the
machine has no GPU. A drag of the mouse pans both; a lasso goes around a part of the points.
"""

import argparse
import json
import math
import os
import platform
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

import numpy as np
import plotly
from playwright.sync_api import Browser, Page, sync_playwright

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from bench.first_paint import READY, served
from bench.million import fill
from peakid.embed import layouts, stored
from peakid.store import workspace as workspaces
from peakid.store.workspace import Workspace

N_CLUSTERS = 40
N_DIMENSIONS = 1_280  # Of EfficientNet-Lite0.
N_MOVES = 60  # Of the mouse, in one drag.
WIDTH, HEIGHT = 1280, 800
# The times between frames while the mouse is moved, in ms. A frame that is not drawn in time comes late.
WATCH = """() => { window.frames_ms = []; let last = performance.now(); window.isWatching = true;
  const step = (now) => { window.frames_ms.push(now - last); last = now;
    if (window.isWatching) requestAnimationFrame(step); };
  requestAnimationFrame(step); }"""
STOP = "() => { window.isWatching = false; return window.frames_ms.slice(2); }"
PLOTLY = """<!doctype html><html><body style="margin:0"><div id="plot"></div>
<script>__PLOTLY__</script><script>
const [x, y, colour] = __DATA__;
window.began_ms = performance.now();
Plotly.newPlot("plot", [{ type: "scattergl", mode: "markers", x, y, marker: { size: 3, color: colour,
  colorscale: "Viridis" } }], { width: 900, height: 700, dragmode: "pan",
  margin: { l: 0, r: 0, t: 0, b: 0 } }, { scrollZoom: true })
  .then(() => requestAnimationFrame(() => requestAnimationFrame(() => {
    window.painted_ms = performance.now(); document.body.dataset.drawn = "yes"; })));
document.getElementById("plot").on("plotly_selected", (event) => {
  window.selected = event ? event.points.length : 0; window.selected_ms = performance.now(); });
</script></body></html>"""


def planted(folder: Path, n_images: int) -> tuple[Workspace, dict[str, float]]:
    """Return a workspace of images with embeddings, made once, and the seconds its PCA layout took."""
    fill(folder, n_images, 2_000)
    workspace = workspaces.create(folder)
    if not stored.sets(workspace):
        rng = np.random.default_rng(0)
        made = stored.create(workspace, "random", size_px=0, weights_sha256="", n_dimensions=N_DIMENSIONS)
        centres = rng.normal(size=(N_CLUSTERS, N_DIMENSIONS)).astype(np.float32)
        for start in range(0, n_images, 10_000):
            ids = np.arange(start, min(start + 10_000, n_images))
            noise = rng.normal(size=(len(ids), N_DIMENSIONS)).astype(np.float32)
            features = centres[ids * N_CLUSTERS // n_images] + 1.2 * noise
            stored.add(workspace, made.set_id, (ids + 1).tolist(), features)
    started = time.perf_counter()
    layout = layouts.make(workspace, stored.find(workspace).set_id, "pca")
    return workspace, {"pca_s": time.perf_counter() - started, "n_points": layout.n_images}


def frames(page: Page, box: dict[str, float]) -> dict[str, float]:
    """Drag the mouse in a circle around the middle of a box and return how often a frame was drawn."""
    centre = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(*centre)
    page.mouse.down()
    page.evaluate(WATCH)
    for n in range(N_MOVES):
        angle = 2 * math.pi * n / N_MOVES
        page.mouse.move(centre[0] + 120 * math.sin(angle), centre[1] + 90 * (1 - math.cos(angle)))
    found = page.evaluate(STOP)
    page.mouse.up()
    return {
        "frames_per_s": 1000 * len(found) / max(1e-9, sum(found)),
        "p50_ms": statistics.median(found),
        "p95_ms": sorted(found)[int(0.95 * (len(found) - 1))],
    }


def outline(page: Page, box: dict[str, float]) -> None:
    """Draw a lasso around the middle of a box."""
    centre = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    radius = min(box["width"], box["height"]) / 4
    points = [
        (centre[0] + radius * math.cos(n * math.pi / 10), centre[1] + radius * math.sin(n * math.pi / 10))
        for n in range(20)
    ]
    page.mouse.move(*points[0])
    page.mouse.down()
    for x, y in points[1:]:
        page.mouse.move(x, y)


def of_map(browser: Browser, url: str, n_points: int) -> dict[str, float]:
    """Open the page, pan, and open a lasso in Review."""
    page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT})
    page.goto(f"{url}/classes")
    page.wait_for_selector(READY, timeout=120_000)
    started = time.perf_counter()  # As from the navigation: the app is loaded, the map is not.
    page.get_by_role("link", name="Map").click()
    page.wait_for_selector(f".map[data-drawn='{n_points}']", timeout=120_000)
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    found: dict[str, float] = {"first_paint_ms": 1000 * (time.perf_counter() - started)}
    page.wait_for_selector(READY)
    box = page.locator(".overlay").bounding_box()
    assert box is not None
    found |= frames(page, box)
    page.keyboard.press("0")
    page.get_by_role("button", name="Lasso").click()
    outline(page, box)
    started = time.perf_counter()
    page.mouse.up()
    button = page.locator("button.primary", has_text="in Review")
    button.wait_for(timeout=60_000)
    found["lasso_ms"] = 1000 * (time.perf_counter() - started)
    found["n_selected"] = int("".join(filter(str.isdigit, button.inner_text())))
    started = time.perf_counter()
    button.click()
    page.locator(".gallery .tile img").first.wait_for(timeout=120_000)
    found["to_review_ms"] = 1000 * (time.perf_counter() - started)
    page.close()
    return found


def of_plotly(browser: Browser, xy: np.ndarray, codes: Sequence[int]) -> dict[str, float]:
    """Draw the same points with Plotly in a page of its own, pan, and select with a lasso."""
    data = json.dumps([xy[:, 0].round(5).tolist(), xy[:, 1].round(5).tolist(), list(codes)])
    text = PLOTLY.replace("__PLOTLY__", plotly.offline.get_plotlyjs()).replace("__DATA__", data)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "plot.html"
        path.write_text(text, encoding="utf-8")
        page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT})
        page.goto(path.as_uri())
        page.wait_for_selector("body[data-drawn]", timeout=120_000)
        # Without loading its 5 MB and the data, which the map has to fetch.
        found: dict[str, float] = {"first_paint_ms": page.evaluate("window.painted_ms - window.began_ms")}
    box = {"x": 0.0, "y": 0.0, "width": 900.0, "height": 700.0}
    found |= frames(page, box)
    page.evaluate("() => Plotly.relayout('plot', { dragmode: 'lasso', 'xaxis.autorange': true })")
    outline(page, box)
    started = time.perf_counter()
    page.mouse.up()
    page.wait_for_function("window.selected !== undefined", timeout=120_000)
    found["lasso_ms"] = 1000 * (time.perf_counter() - started)
    found["n_selected"] = page.evaluate("window.selected")
    page.close()
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=100_000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--folder", type=Path, help="Keep the workspace here for the next run.")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary, sync_playwright() as playwright:
        workspace, made = planted(arguments.folder or Path(temporary) / "workspace", arguments.images)
        layout = layouts.pca(workspace, stored.find(workspace).set_id)
        points = layouts.points(workspace, layout.layout_id)
        codes = ((points.image_ids - 1) * N_CLUSTERS // arguments.images).tolist()
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        ours, theirs = [], []
        with served(ROOT / "streamlit_app.py", workspace.path) as url:
            for _ in range(arguments.runs):
                ours.append(of_map(browser, url, len(points.image_ids)))
                theirs.append(of_plotly(browser, points.xy, codes))
        renderer = browser.new_page().evaluate(
            "() => { const gl = document.createElement('canvas').getContext('webgl2');"
            " const info = gl && gl.getExtension('WEBGL_debug_renderer_info');"
            " return info ? gl.getParameter(info.UNMASKED_RENDERER_WEBGL) : 'none'; }"
        )
        chromium = browser.version
        browser.close()
    medians = {
        name: {key: round(statistics.median(run[key] for run in runs), 1) for key in runs[0]}
        for name, runs in (("map", ours), ("plotly scattergl", theirs))
    }
    print(f"{'':24}{'map':>12}{'scattergl':>12}")
    for key in ours[0]:
        print(f"{key:24}{medians['map'][key]:>12}{medians['plotly scattergl'].get(key, '-'):>12}")
    facts = {
        "images": arguments.images,
        "runs": arguments.runs,
        "renderer": renderer,
        "chromium": chromium,
        "python": platform.python_version(),
        "load": round(os.getloadavg()[0], 1),
        **{name: version(name) for name in ("streamlit", "plotly", "numpy")},
    }
    print(json.dumps({**facts, **made, **medians}))


if __name__ == "__main__":
    main()
