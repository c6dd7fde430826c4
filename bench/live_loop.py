"""From a key to the queue in its new order, on drawn embeddings: `python bench/live_loop.py`.

It opens the label issues of a workspace in Chromium, with the process of the live head beside the server. It
measures the time from a key to the new order, whether anything in sight moves, and whether a key is lost.
"""

import argparse
import hashlib
import io
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

import numpy as np
import psutil
from PIL import Image
from playwright.sync_api import Page, sync_playwright

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from bench.first_paint import READY, served
from peakid.curate import decisions
from peakid.curate.queues import suggested
from peakid.embed import stored
from peakid.store import decision_log, images
from peakid.store import workspace as workspaces
from peakid.store.comparisons import RULE_VERSION
from peakid.store.workspace import Workspace, now
from peakid.suggest import live

N_DIMENSIONS = 1280  # Of EfficientNet-Lite0.
NOISE = 5.5  # Of the features, where class centres are 1: about nine of ten images are recognised.
SHARE_WRONG = 0.05
BLOCK = 5000  # Images whose embeddings are drawn at once.
QUEUE = "label-issues"

# At every frame, notes each tile in sight that is elsewhere than at the frame before, although the grid was
# not scrolled; and the moment of every new order.
WATCH = """() => {
  const host = [...document.querySelectorAll("*")].find((each) => each.shadowRoot?.querySelector(".gallery"));
  const root = host.shadowRoot.querySelector(".gallery");
  const grid = root.querySelector(".grid");
  window.live = { moved: [], fits: [], keys: [], saved: new Map(), frames: 0 };
  let before = new Map(), top = grid.scrollTop;
  const look = () => {
    const now = new Map();
    for (const tile of root.querySelectorAll(".tile")) {
      const box = tile.getBoundingClientRect(), frame = grid.getBoundingClientRect();
      if (box.bottom > frame.top && box.top < frame.bottom && box.top < window.innerHeight)
        now.set(tile.dataset.digest, `${Math.round(box.left)},${Math.round(box.top)}`);
    }
    if (grid.scrollTop === top)
      for (const [digest, place] of before)
        if (now.get(digest) !== place) window.live.moved.push([digest, place, now.get(digest) ?? "gone"]);
    [before, top] = [now, grid.scrollTop];
    window.live.frames += 1;
    requestAnimationFrame(look);
  };
  look();
  window.addEventListener("keydown", () => window.live.keys.push(performance.now()), true);
  window.live.fit = Number(root.dataset.fit);
  new MutationObserver(() => {
    if (Number(root.dataset.fit) > window.live.fit) window.live.fits.push(performance.now());
    window.live.fit = Math.max(window.live.fit, Number(root.dataset.fit));
  }).observe(root, { attributes: true, attributeFilter: ["data-fit"] });
}"""


def fill(workspace: Workspace, n_images: int, n_classes: int) -> None:
    """Add images with hard-linked thumbnails, labels of which some are wrong, and drawn embeddings."""
    rng = np.random.default_rng(0)
    names = [f"class {n:02}" for n in range(n_classes)]
    true = rng.integers(0, n_classes, n_images)
    given = np.where(rng.random(n_images) < SHARE_WRONG, rng.integers(0, n_classes, n_images), true)
    digests = [hashlib.sha256(str(n).encode()).hexdigest() for n in range(n_images)]
    with workspace.transaction() as connection:
        acquisition = connection.execute(
            "INSERT INTO acquisition (source, actor, started_at) VALUES ('folder', 'import:folder', ?)",
            (now(),),
        ).lastrowid
        step = decision_log.new_step(connection, actor="import:folder", kind="import")
        class_ids = [decision_log.class_id(connection, name) for name in names]
        for n, digest in enumerate(digests):
            label = names[given[n]]
            image_id = connection.execute(
                "INSERT INTO image (digest, format, n_bytes, width_px, height_px, phash, dhash, added_at,"
                " compared_with) VALUES (?, 'JPEG', 10, 256, 192, ?, ?, ?, ?)",
                (digest, digest[:16], digest[16:32], now(), RULE_VERSION),
            ).lastrowid
            connection.execute(
                "INSERT INTO origin (image_id, acquisition_id, source, path, label, created_at)"
                " VALUES (?, ?, 'folder', ?, ?, ?)",
                (image_id, acquisition, f"{label}/{n:06}.jpg", label, now()),
            )
            decision_log.append(
                connection, step_id=step, image_id=image_id, verdict="label", class_id=class_ids[given[n]],
                is_reviewed=False, actor="import:folder",
            )  # fmt: skip
    share_thumbnails(workspace, digests)
    centres = rng.normal(size=(n_classes, N_DIMENSIONS))
    found = stored.create(workspace, "drawn", size_px=160, weights_sha256="0", n_dimensions=N_DIMENSIONS)
    ids = [row["id"] for row in workspace.query("SELECT id FROM image ORDER BY id")]
    for begin in range(0, n_images, BLOCK):
        some = true[begin : begin + BLOCK]
        features = centres[some] + NOISE * rng.normal(size=(len(some), N_DIMENSIONS)).astype(np.float32)
        stored.add(workspace, found.set_id, ids[begin : begin + BLOCK], features)


def share_thumbnails(workspace: Workspace, digests: Sequence[str]) -> None:
    for n in range(8):
        out = io.BytesIO()
        pixels = np.random.default_rng(n).integers(0, 256, (6, 8, 3), dtype=np.uint8)
        Image.fromarray(pixels).resize((256, 192), Image.Resampling.BICUBIC).save(out, "JPEG", quality=80)
        (workspace.thumbs_dir / f"shared-{n}.jpg").write_bytes(out.getvalue())
    for n, digest in enumerate(digests):
        path = images.thumbnail_path(workspace, digest)
        path.parent.mkdir(exist_ok=True)
        os.link(workspace.thumbs_dir / f"shared-{n % 8}.jpg", path)


def percentiles(values: Sequence[float]) -> dict[str, float]:
    ranked = statistics.quantiles(values, n=20, method="inclusive")
    return {"p50_s": round(ranked[9] / 1000, 2), "p95_s": round(ranked[18] / 1000, 2)}


def settled(page: Page, workspace: Workspace, *, within_s: float = 180) -> None:
    """Wait until the head knows every judgement and the browser has the newest order."""
    ends_at = time.monotonic() + within_s
    while time.monotonic() < ends_at:
        is_known = not live.is_outdated(workspace)
        if is_known and page.evaluate("() => window.live.fit") == suggested.fit_number(workspace):
            time.sleep(0.5)
            return
        time.sleep(0.1)
    raise SystemExit("the order does not settle")


def one_by_one(page: Page, workspace: Workspace, n_keys: int) -> list[float]:
    """Press a key, wait for the queue in its new order, and go on; return the times in ms."""
    times = []
    for n in range(n_keys):
        settled(page, workspace)
        before = page.evaluate("() => window.live.fits.length")
        page.keyboard.press("m" if n % 2 else " ")
        page.wait_for_function(f"window.live.fits.length > {before}", timeout=60_000)
        times.append(page.evaluate(f"() => window.live.fits[{before}] - window.live.keys.at(-1)"))
    return times


def typed(page: Page, workspace: Workspace, n_keys: int, pause_ms: float) -> dict[str, float]:
    """Press keys without waiting; return how often the order changed and when it knew the last key, in s."""
    settled(page, workspace)
    page.evaluate("() => { window.live.keys = []; window.live.fits = []; }")
    page.keyboard.type("m " * (n_keys // 2), delay=pause_ms)
    page.locator(".status .count", has_text="all saved").wait_for(timeout=120_000)
    settled(page, workspace)
    keys, fits = page.evaluate("() => [window.live.keys, window.live.fits]")
    return {
        "keys": len(keys),
        "orders": len(fits),
        "last_order_after_s": round((fits[-1] - keys[-1]) / 1000, 2),
    }


def process_of(workspace: Workspace) -> psutil.Process | None:
    for each in psutil.process_iter():
        try:
            command = each.cmdline()
        except psutil.Error:
            continue
        if "peakid.jobs.suggester" in command and str(workspace.path) in command and "/bin/sh" not in command:
            return each
    return None


def measured(folder: Path, arguments: argparse.Namespace) -> dict[str, object]:
    workspace = workspaces.create(folder / "workspace")
    fill(workspace, arguments.images, arguments.classes)
    with sync_playwright() as playwright, served(ROOT / "streamlit_app.py", workspace.path) as url:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        page = browser.new_context(viewport={"width": 1280, "height": 800}).new_page()
        started = time.perf_counter()
        page.goto(f"{url}/review?queue={QUEUE}")
        page.wait_for_selector(READY)
        page.locator(".tile").first.wait_for(timeout=180_000)
        first_s = time.perf_counter() - started
        page.evaluate(WATCH)
        single = one_by_one(page, workspace, arguments.keys)
        quick = typed(page, workspace, arguments.burst, 250)
        moved, frames = page.evaluate("() => [window.live.moved, window.live.frames]")
        found = process_of(workspace)
        n_decided = sum(each.actor.startswith("human:") for each in decisions.log(workspace, limit=100_000))
        row = workspace.query("SELECT number, seconds, n_issues FROM head_fit")[0]
        assert found is not None, "the process of the live head has ended"
        peak, cpu = found.memory_info().rss / 2**20, found.cpu_times()
        found.terminate()
        browser.close()
    n_keys = arguments.keys + 2 * (arguments.burst // 2)
    return {
        "images": arguments.images,
        "classes": arguments.classes,
        "first_queue_s": round(first_s, 1),
        "one_by_one": {"keys": len(single), **percentiles(single)},
        "four_a_second": quick,
        "fits": row["number"],
        "last_fit_s": round(row["seconds"], 2),
        "issues": row["n_issues"],
        "moved_in_sight": len(moved),
        "frames": frames,
        "keys_lost": n_keys - n_decided,
        "process_mib": round(peak),
        "process_cpu_s_a_fit": round((cpu.user + cpu.system) / row["number"], 2),
        "load": round(os.getloadavg()[0], 1),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=10_000)
    parser.add_argument("--classes", type=int, default=30)
    parser.add_argument("--keys", type=int, default=20)
    parser.add_argument("--burst", type=int, default=60)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        result = measured(Path(folder), arguments)
    versions = [f"{name} {version(name)}" for name in ("streamlit", "numpy", "scipy")]
    print(f"{', '.join(versions)}, Python {sys.version.split()[0]}, {os.cpu_count()} cores")
    for name, value in result.items():
        print(f"{name:16} {value}")
    print(json.dumps({"bench": "live_loop", **result}))


if __name__ == "__main__":
    main()
