"""Time to open the Evaluate page with many predictions: `python bench/evaluate_page.py`.

It plants a workspace without image bytes and a run whose predictions err on about a fifth of the images, for
each size. The figures are computed as the job does it, then the page is opened in Chromium.
"""

import argparse
import json
import os
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path

import numpy as np
import psutil
from playwright.sync_api import Browser, Page, sync_playwright

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from bench.first_paint import READY, served
from bench.million_tables import digest
from peakid.curate import decisions
from peakid.evaluate import figures, report, scored_images
from peakid.records import Choice, Run
from peakid.store import run_predictions, runs
from peakid.store import workspace as workspaces
from peakid.store.workspace import Workspace, now

ACTOR = "human:bench"
SIZES = ((50, 100_000, 1.0), (200, 1_000_000, 3.0))  # Classes, images, seconds to open the page.
N_WRONG_SHARE = 0.2
_PART = 50_000


@dataclass(frozen=True)
class Row:
    """Seconds for one size; `peak_mb` is the memory of this process after the figures were computed."""

    n_classes: int
    n_images: int
    load_s: float
    report_s: float
    figures_s: float
    read_s: float
    first_text_s: float
    whole_page_s: float
    server_cpu_s: float
    after_judging_s: float
    peak_mb: float
    limit_s: float


@contextmanager
def without_triggers(workspace: Workspace) -> Iterator[None]:
    """Fill tables without indexes and triggers, which are made again after the last row."""
    connection = workspace.connection()
    for pragma in ("synchronous = OFF", "foreign_keys = OFF"):
        connection.execute(f"PRAGMA {pragma}")
    made = workspace.query(
        "SELECT type, name, sql FROM sqlite_master WHERE type IN ('index', 'trigger') AND sql IS NOT NULL"
    )
    for each in made:
        connection.execute(f"DROP {each['type']} {each['name']}")
    yield
    for each in sorted(made, key=lambda each: each["type"]):  # Indexes first.
        connection.execute(each["sql"])


def plant(folder: Path, n_classes: int, n_images: int, rng: np.random.Generator) -> Workspace:
    """Create a workspace with a snapshot of which every image is in valid, and a run on it."""
    workspace = workspaces.create(folder)
    names = [f"class {k:03}" for k in range(n_classes)]
    given = rng.integers(0, n_classes, n_images)
    digests = [digest(i) for i in range(1, n_images + 1)]
    with without_triggers(workspace), workspace.transaction() as writing:
        fill(writing, names, given, digests)
    run_id = runs.create(
        workspace,
        job_id=None,
        snapshot_id=1,
        recipe={"arch": "resnet18", "image_size_px": 160},
        class_names=names,
        seed=0,
        code_version="bench",
        libraries={},
    )
    pred_probs = np.empty((n_images, n_classes), dtype=np.float32)
    for at in range(0, n_images, _PART):
        part = rng.standard_normal((min(_PART, n_images - at), n_classes), dtype=np.float32)
        # A wrong one is one of the two classes beside the given one.
        off = rng.choice([-1, 0, 1], len(part), p=[N_WRONG_SHARE / 2, 1 - N_WRONG_SHARE, N_WRONG_SHARE / 2])
        part[np.arange(len(part)), (given[at : at + _PART] + off) % n_classes] += 9
        part = np.exp(part)
        pred_probs[at : at + _PART] = part / part.sum(axis=1, keepdims=True)
    labels = [names[k] for k in given]
    run_predictions.add(workspace, run_id, "valid", digests, pred_probs, labels, is_out_of_sample=True)
    metrics = {"accuracy": float((pred_probs.argmax(axis=1) == given).mean())}
    runs.finish(workspace, run_id, "done", best_epoch=1, metrics=metrics)
    return workspace


def fill(writing, names: list[str], given: np.ndarray, digests: list[str]) -> None:
    """Insert classes, images, their decisions and states, and a snapshot of them all."""
    n = len(digests)
    writing.executemany("INSERT INTO class (name, position, created_at) VALUES (?, ?, '2026')",
        [(name, k) for k, name in enumerate(names, 1)])  # fmt: skip
    writing.execute(
        "INSERT INTO acquisition (source, actor, started_at) VALUES ('folder', ?, '2026')", (ACTOR,)
    )
    writing.executemany(
        "INSERT INTO image (id, digest, format, n_bytes, width_px, height_px, phash, dhash, added_at)"
        " VALUES (?, ?, 'JPEG', 1000, 64, 48, '0000000000000000', '0000000000000000', '2026')",
        enumerate(digests, 1),
    )
    writing.executemany(
        "INSERT INTO origin (image_id, acquisition_id, source, path, label, created_at)"
        " VALUES (?, 1, 'folder', ?, ?, '2026')",
        ((i, f"{names[k]}/{i:07}.jpg", names[k]) for i, k in enumerate(given.tolist(), 1)),
    )
    writing.execute("INSERT INTO step (actor, kind, made_at) VALUES (?, 'import', '2026')", (ACTOR,))
    writing.executemany(
        "INSERT INTO decision"
        " (event_id, step_id, image_id, verdict, class_id, is_reviewed, actor, decided_at)"
        " VALUES (?, 1, ?, 'label', ?, 0, ?, '2026')",
        ((f"e{i}", i, k + 1, ACTOR) for i, k in enumerate(given.tolist(), 1)),
    )
    writing.execute(
        "INSERT INTO image_state (image_id, decision_id, verdict, class_id, is_reviewed, actor, decided_at)"
        " SELECT image_id, id, verdict, class_id, is_reviewed, actor, decided_at FROM decision"
    )
    writing.execute(
        "INSERT INTO snapshot (id, digest, name, seed, fractions, class_names, n_images, n_groups, n_leaks,"
        " n_unreviewed, actor, created_at, frozen_at, n_compared)"
        " VALUES (1, ?, '', 0, '{}', ?, ?, ?, 0, ?, ?, ?, ?, ?)",
        ("a" * 64, json.dumps(names), n, n, n, ACTOR, now(), now(), n),
    )
    writing.executemany(
        "INSERT INTO snapshot_item (snapshot_id, image_id, label, split, group_key)"
        " VALUES (1, ?, ?, 'valid', ?)",
        ((i, names[k], digests[i - 1]) for i, k in enumerate(given.tolist(), 1)),
    )


def timed(act) -> tuple[float, object]:
    started = time.perf_counter()
    found = act()
    return time.perf_counter() - started, found


def opened(browser: Browser, url: str) -> tuple[float, float]:
    """Open the page in a new context; return the seconds to the score and to the end of the script."""
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    page: Page = context.new_page()
    page.set_default_timeout(120_000)  # Milliseconds: on a machine with other work.
    started = time.perf_counter()
    page.goto(f"{url}/evaluate")
    page.get_by_text("Accuracy (validation)").wait_for()
    first = time.perf_counter() - started
    page.wait_for_selector(READY)
    page.locator(".js-plotly-plot").first.wait_for()
    whole = time.perf_counter() - started
    context.close()
    return first, whole


def visits(browser: Browser, workspace: Workspace, n: int) -> tuple[float, float, float]:
    """Return the medians of several visits after the first one, which starts the server's imports.

    The third is the CPU time of the server a visit, which other work on the machine hardly changes.
    """
    with served(ROOT / "streamlit_app.py", workspace.path) as url:
        opened(browser, url)
        before = server_cpu_s()
        times = [opened(browser, url) for _ in range(n)]
        cpu_s = (server_cpu_s() - before) / n
    return statistics.median(t[0] for t in times), statistics.median(t[1] for t in times), cpu_s


def server_cpu_s() -> float:
    """Return the CPU time of the server that this process started."""
    (server,) = [each for each in psutil.Process().children() if "streamlit" in each.cmdline()]
    return sum(server.cpu_times()[:2])


def timed_report(workspace: Workspace, run: Run) -> tuple[float, float]:
    """Return the seconds to load the predictions, and to score them."""
    load_s, images = timed(lambda: scored_images.load(workspace, run, "valid"))
    report_s, _ = timed(lambda: report.of_images(workspace, run, images))
    return load_s, report_s


def measured(browser: Browser, n_classes: int, n_images: int, limit_s: float, n_visits: int) -> Row:
    with tempfile.TemporaryDirectory() as folder:
        workspace = plant(Path(folder) / "workspace", n_classes, n_images, np.random.default_rng(0))
        run = runs.show(workspace, 1)
        load_s, report_s = timed_report(workspace, run)
        figures_s, found = timed(lambda: figures.compute(workspace, run, "valid"))
        read_s, _ = timed(lambda: figures.stored(workspace, run, "valid"))
        peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        first, whole, cpu = visits(browser, workspace, n_visits)
        judged = [Choice(each, "label", run.class_names[0]) for each in found.worst.digests[:100]]
        decisions.decide(workspace, judged, actor=ACTOR)
        _, after, _ = visits(browser, workspace, n_visits)
        workspace.close()
    return Row(
        *(n_classes, n_images, load_s, report_s, figures_s, read_s),
        *(first, whole, cpu, after, peak_mb, limit_s),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--visits", type=int, default=5)
    parser.add_argument("--only", type=int, help="The number of classes of the one size to measure.")
    chosen = parser.parse_args()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        sizes = [size for size in SIZES if chosen.only in (None, size[0])]
        rows = [measured(browser, *size, chosen.visits) for size in sizes]
        browser.close()
    print(f"streamlit {version('streamlit')}, Python {sys.version.split()[0]}, {os.cpu_count()} cores")
    columns = ["load_s", "report_s", "figures_s", "read_s", "first_text_s", "whole_page_s", "server_cpu_s"]
    columns.append("after_judging_s")
    print("| classes | predictions | " + " | ".join(columns) + " | peak MB |")
    print("|---" * (len(columns) + 3) + "|")
    for row in rows:
        cells = [f"{row.n_classes}", f"{row.n_images:,}", *(f"{getattr(row, each):.2f}" for each in columns)]
        print("| " + " | ".join([*cells, f"{row.peak_mb:,.0f}"]) + " |")
    print(
        json.dumps({"bench": "evaluate_page", "visits": chosen.visits, "rows": [asdict(row) for row in rows]})
    )


if __name__ == "__main__":
    main()
