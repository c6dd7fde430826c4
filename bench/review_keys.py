"""Time from a key to its drawn and its saved decision, on the drawn demo: `python bench/review_keys.py`.

With `--workspace FOLDER` in a workspace that is there, such as that of `bench/million.py`: the decisions stay
in it. The clock measures other programs too; the CPU time of the server for each key does not.
"""

import argparse
import contextlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from importlib.metadata import version
from pathlib import Path

import psutil
from first_paint import READY, served
from playwright.sync_api import Page, sync_playwright

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


def typed(page: Page, server: psutil.Process, n_keys: int, pause_ms: float) -> dict[str, object]:
    """Press keys with a pause between them. Return the times for tiles that were visible when saved."""
    page.evaluate("() => window.times.clear()")
    started, used = time.perf_counter(), cpu_s(server)
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
        "server_cpu_ms_a_key": round(1000 * (cpu_s(server) - used) / n_keys, 1),
        "load": os.getloadavg()[0],
    }


def cpu_s(process: psutil.Process) -> float:
    """Return the CPU time of a process so far, without that of processes that it has started."""
    times = process.cpu_times()
    return times.user + times.system


@contextlib.contextmanager
def demo(n_images: int) -> Iterator[Path]:
    """Draw the demo in a folder that is deleted afterwards."""
    with tempfile.TemporaryDirectory() as folder:
        workspace = Path(folder) / "workspace"
        command = [sys.executable, "-m", "peakid", "--workspace", str(workspace)]
        command += ["demo", "--images", str(n_images)]
        subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        yield workspace


def n_decisions(folder: Path) -> int:
    """Return how many decisions of people a workspace has."""
    row = workspaces.open_existing(folder).one("SELECT COUNT(*) FROM decision WHERE actor GLOB 'human:*'")
    return int(row[0]) if row else 0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=600)
    parser.add_argument("--keys", type=int, default=100)
    parser.add_argument("--workspace", type=Path, help="Judge images of this workspace instead.")
    arguments = parser.parse_args()
    there = contextlib.nullcontext(arguments.workspace) if arguments.workspace else demo(arguments.images)
    with there as workspace, sync_playwright() as playwright:
        before = n_decisions(workspace)
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        with served(ROOT / "streamlit_app.py", workspace) as url:
            (server,) = (
                each for each in psutil.Process().children() if "streamlit" in " ".join(each.cmdline())
            )
            page = browser.new_context(viewport={"width": 1280, "height": 800}).new_page()
            page.goto(f"{url}/review?queue=unreviewed")
            page.locator(".tile").first.wait_for(timeout=120_000)
            page.wait_for_selector(READY)
            page.evaluate(WATCH)
            rows = [typed(page, server, arguments.keys, pause_ms) for pause_ms in (1000, 250, 20)]
        browser.close()
        n_decided = n_decisions(workspace) - before
    name = arguments.workspace or f"{arguments.images} images"
    print(
        f"streamlit {version('streamlit')}, Python {sys.version.split()[0]}, {os.cpu_count()} cores, {name}"
    )
    for row in rows:
        print(row)
    print(f"{n_decided} decisions of {3 * arguments.keys} keys")
    print(json.dumps({"bench": "review_keys", "rows": rows, "n_decided": n_decided}))


if __name__ == "__main__":
    main()
