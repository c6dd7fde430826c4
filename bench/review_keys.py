"""Time from a key to its drawn and its saved decision, on the drawn demo: `python bench/review_keys.py`."""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

from first_paint import READY, served
from playwright.sync_api import Page, sync_playwright

from peakid.curate import decisions
from peakid.store import workspace as workspaces

ROOT = Path(__file__).resolve().parents[1]
# By digest: when a key was pressed, when its frame was painted, and when the tick for "saved" was drawn.
WATCH = """() => {
  const host = [...document.querySelectorAll("*")].find((each) => each.shadowRoot?.querySelector(".gallery"));
  const root = host.shadowRoot;
  window.times = new Map();
  const number = (tile) => Number(tile.id.split("-")[1]);
  window.addEventListener("keydown", (event) => {
    // The gallery handles the key first: the image it decided on is the one before the focus.
    const before = number(root.querySelector(".tile.focus")) - 1;
    const digest = root.querySelector(`#tile-${before}`)?.dataset.digest;
    if (!digest) return;
    window.times.set(digest, { pressed: event.timeStamp });
    requestAnimationFrame(() => setTimeout(() => (window.times.get(digest).painted = performance.now())));
  }, true);
  new MutationObserver((changes) => {
    for (const { target } of changes) {
      const digest = target.closest(".tile")?.dataset.digest;
      const time = target.dataset.done === "saved" && window.times.get(digest);
      if (time) time.saved ??= performance.now();
    }
  }).observe(root, { subtree: true, attributes: true, attributeFilter: ["data-done"] });
}"""


def percentiles(values: Sequence[float]) -> dict[str, float]:
    ranked = statistics.quantiles(values, n=20, method="inclusive")
    return {"p50_ms": round(ranked[9], 1), "p95_ms": round(ranked[18], 1)}


def typed(page: Page, n_keys: int, pause_ms: float) -> dict[str, object]:
    """Press keys with a pause between them. Return the times for tiles that were visible when saved."""
    page.evaluate("() => window.times.clear()")
    started = time.perf_counter()
    page.keyboard.type("12" * (n_keys // 2), delay=pause_ms)
    page.locator(".status .count", has_text="all saved").wait_for(timeout=120_000)
    seconds = time.perf_counter() - started
    page.wait_for_selector(READY)
    times = page.evaluate("() => [...window.times.values()]")
    return {
        "keys": n_keys,
        "pause_ms": pause_ms,
        "painted": percentiles([each["painted"] - each["pressed"] for each in times]),
        "saved": percentiles([each["saved"] - each["pressed"] for each in times if "saved" in each]),
        "all_saved_s": round(seconds, 1),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=600)
    parser.add_argument("--keys", type=int, default=100)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        workspace = Path(folder) / "workspace"
        command = [
            sys.executable,
            "-m",
            "peakid",
            "--workspace",
            str(workspace),
            "demo",
            "--images",
            str(arguments.images),
        ]
        subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        with served(ROOT / "streamlit_app.py", workspace) as url:
            page = browser.new_context(viewport={"width": 1280, "height": 800}).new_page()
            page.goto(f"{url}/review?queue=unreviewed")
            page.locator(".tile").first.wait_for()
            page.wait_for_selector(READY)
            page.evaluate(WATCH)
            rows = [typed(page, arguments.keys, pause_ms) for pause_ms in (1000, 250, 20)]
        browser.close()
        n_decided = sum(
            row.actor.startswith("human:")
            for row in decisions.log(workspaces.create(workspace), limit=10_000)
        )
    print(
        f"streamlit {version('streamlit')}, Python {sys.version.split()[0]}, {os.cpu_count()} cores,"
        f" {arguments.images} images"
    )
    for row in rows:
        print(row)
    print(f"{n_decided} decisions of {3 * arguments.keys} keys")
    print(json.dumps({"bench": "review_keys", "rows": rows, "n_decided": n_decided}))


if __name__ == "__main__":
    main()
