"""Time to open each tab of the Evaluate page with many predictions: `python bench/evaluate_page.py`.

It plants a workspace without image bytes and two runs whose predictions err on about a fifth of the images,
for each size. The figures are computed as the job does it. Then each tab is opened in Chromium: its address
in a new browser and in one that has opened it before, and the page from the navigation of an app that runs.
A one-line Streamlit app is opened between the visits: other work on the machine slows both. `--only 50` is
one size.
"""

import argparse
import json
import os
import resource
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from importlib.metadata import version
from pathlib import Path

import numpy as np
import psutil
from playwright.sync_api import Browser, Playwright, sync_playwright

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from bench import page_visits
from bench.first_paint import served
from bench.million_tables import digest
from bench.page_visits import Opened
from peakid.curate import decisions
from peakid.evaluate import figures, scored_images
from peakid.evaluate.comparing import stored_comparisons
from peakid.evaluate.slices import stored_slices
from peakid.evaluate.trust import stored_trust
from peakid.records import Choice
from peakid.store import run_predictions, runs
from peakid.store import workspace as workspaces
from peakid.store.workspace import Workspace, now

ACTOR = "human:bench"
MADE_AT = "2026-01-01T00:00:00+00:00"
SIZES = ((50, 100_000, 1.0), (200, 1_000_000, 3.0))  # Classes, images, seconds to open the page.
TABS = ("errors", "trust", "slices", "compare", "curve")
N_WRONG_SHARE = 0.2
_PART = 50_000


@dataclass(frozen=True)
class Computed:
    """Seconds to compute the figures of one size, as the job does it; `peak_mb` is the memory it took."""

    n_classes: int
    n_images: int
    load_s: float
    figures_s: float
    trust_s: float
    slices_s: float
    compare_s: float
    peak_mb: float


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
    """Create a workspace with a snapshot of which every image is in valid, and two runs on it."""
    workspace = workspaces.create(folder)
    names = [f"class {k:03}" for k in range(n_classes)]
    given = rng.integers(0, n_classes, n_images)
    digests = [digest(i) for i in range(1, n_images + 1)]
    with without_triggers(workspace), workspace.transaction() as writing:
        fill(writing, names, given, digests, rng)
    for _ in range(2):
        add_run(workspace, names, given, digests, rng)
    return workspace


def add_run(
    workspace: Workspace, names: list[str], given: np.ndarray, digests: list[str], rng: np.random.Generator
) -> None:
    """Add a run whose predictions err on about a fifth of the images."""
    n_images, n_classes = len(given), len(names)
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


def fill(
    writing: sqlite3.Connection,
    names: list[str],
    given: np.ndarray,
    digests: list[str],
    rng: np.random.Generator,
) -> None:
    """Insert classes, images with sizes and measures, decisions and states, and a snapshot of them all."""
    n = len(digests)
    writing.executemany(
        "INSERT INTO class (name, position, created_at) VALUES (?, ?, ?)",
        [(name, k, MADE_AT) for k, name in enumerate(names, 1)],
    )
    writing.execute(
        f"INSERT INTO acquisition (source, actor, started_at) VALUES ('folder', ?, '{MADE_AT}')",
        (ACTOR,),
    )
    writing.executemany(
        "INSERT INTO image (id, digest, format, n_bytes, width_px, height_px, phash, dhash, added_at)"
        f" VALUES (?, ?, 'JPEG', 1000, ?, 480, '0000000000000000', '0000000000000000', '{MADE_AT}')",
        zip(range(1, n + 1), digests, rng.integers(300, 4000, n).tolist(), strict=True),
    )
    brightness, sharpness, years = rng.random(n), rng.gamma(2, 100, n), rng.integers(2005, 2027, n)
    writing.executemany(
        "INSERT INTO image_measure (image_id, brightness, highlight, shadow, contrast, sharpness,"
        " entropy_bits, colourfulness, readable_share, is_animated, taken_at)"
        " VALUES (?, ?, 0, 0, .2, ?, 7, .3, 1, 0, ?)",
        (
            (i, float(brightness[i - 1]), float(sharpness[i - 1]), f"{years[i - 1]}-07-01T12:00:00")
            for i in range(1, n + 1)
        ),
    )
    writing.executemany(
        "INSERT INTO origin (image_id, acquisition_id, source, path, label, created_at)"
        f" VALUES (?, 1, 'folder', ?, ?, '{MADE_AT}')",
        ((i, f"{names[k]}/{i:07}.jpg", names[k]) for i, k in enumerate(given.tolist(), 1)),
    )
    writing.execute(f"INSERT INTO step (actor, kind, made_at) VALUES (?, 'import', '{MADE_AT}')", (ACTOR,))
    writing.executemany(
        "INSERT INTO decision"
        " (event_id, step_id, image_id, verdict, class_id, is_reviewed, actor, decided_at)"
        f" VALUES (?, 1, ?, 'label', ?, 0, ?, '{MADE_AT}')",
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


def visits(
    playwright: Playwright,
    browser: Browser,
    workspace: Workspace,
    n: int,
    limit_s: float,
    size: tuple[int, int],
    tabs: Sequence[str] = TABS,
) -> list[Opened]:
    """Return the medians of several visits of each tab in both ways, after one that starts the imports."""
    rows = []
    one_line = page_visits.plain_app(workspace.path.parent)
    with served(ROOT / "streamlit_app.py", workspace.path) as url, served(one_line, workspace.path) as plain:
        page_visits.open_plain(browser, plain)
        for tab in tabs:
            address = f"{url}/evaluate?run=2&tab={tab}"
            page_visits.open_fresh(browser, address, tab)
            before, fresh, plain_s = server_cpu_s(), [], []
            for _ in range(n):
                fresh.append(page_visits.open_fresh(browser, address, tab))
                plain_s.append(page_visits.open_plain(browser, plain))
            cpu_s = (server_cpu_s() - before) / n
            rows.append(row(size, tab, "fresh", fresh, statistics.median(plain_s), cpu_s, limit_s))
            before, kept = server_cpu_s(), workspace.path.parent / f"browser-{tab}"
            with page_visits.kept_browser(playwright, kept, address) as context:
                both = [page_visits.open_again(context, address, tab, plain) for _ in range(n)]
            cpu_s = (server_cpu_s() - before) / (n + page_visits.N_BEFORE)
            again, plain_s = [each[0] for each in both], [each[1] for each in both]
            rows.append(row(size, tab, "again", again, statistics.median(plain_s), cpu_s, limit_s))
        if "errors" in tabs:  # The tab that a click opens.
            before = server_cpu_s()
            clicked = page_visits.open_from_navigation(browser, url, "errors", n + 1)[1:]
            cpu_s = (server_cpu_s() - before) / (n + 1)  # With the page from which it is opened.
            plain_s = [page_visits.open_plain(browser, plain) for _ in range(n)]
            rows.append(
                row(size, "errors", "navigation", clicked, statistics.median(plain_s), cpu_s, limit_s)
            )
    return rows


def row(
    size: tuple[int, int],
    tab: str,
    way: str,
    found: Sequence[dict[str, float]],
    plain_s: float,
    cpu_s: float,
    limit_s: float,
) -> Opened:
    stages = page_visits.medians(found)
    whole_s = stages["whole"]
    return Opened(*size, tab, way, stages["score"], whole_s, stages, cpu_s, whole_s / plain_s, limit_s)


def server_cpu_s() -> float:
    """Return the CPU time of the server with the app that this process started."""
    children = psutil.Process().children()
    (server,) = [each for each in children if str(ROOT / "streamlit_app.py") in each.cmdline()]
    return sum(server.cpu_times()[:2])


def measured(
    playwright: Playwright,
    browser: Browser,
    folder: Path,
    n_classes: int,
    n_images: int,
    limit_s: float,
    n_visits: int,
) -> tuple[Computed, list[Opened]]:
    path = folder / f"{n_classes}"
    if path.exists():
        workspace = workspaces.open_existing(path)
    else:
        workspace = plant(path, n_classes, n_images, np.random.default_rng(0))
    run = runs.show(workspace, 2)
    load_s, _ = timed(lambda: scored_images.load(workspace, run, "valid"))
    figures_s, found = timed(lambda: figures.compute(workspace, run, "valid"))
    trust_s, _ = timed(lambda: stored_trust.compute(workspace, run, "valid"))
    slices_s, _ = timed(lambda: stored_slices.compute(workspace, run, "valid"))
    pair = [runs.show(workspace, 1), run]
    compare_s, _ = timed(lambda: stored_comparisons.compute(workspace, pair, "valid"))
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    computed = Computed(n_classes, n_images, load_s, figures_s, trust_s, slices_s, compare_s, peak_mb)
    print(json.dumps(asdict(computed)), file=sys.stderr)
    rows = visits(playwright, browser, workspace, n_visits, limit_s, (n_classes, n_images))
    judged = [Choice(each, "label", run.class_names[0]) for each in found.worst.digests[:100]]
    decisions.decide(workspace, judged, actor=ACTOR)
    tabs = ("errors", "slices", "compare")
    later = visits(playwright, browser, workspace, n_visits, limit_s, (n_classes, n_images), tabs)
    after = [replace(each, tab=f"{each.tab}, 100 judged since") for each in later]
    workspace.close()
    return computed, [*rows, *after]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--visits", type=int, default=5)
    parser.add_argument("--only", type=int, help="The number of classes of the one size to measure.")
    parser.add_argument("--keep", type=Path, help="Folder of the workspaces, which are used again.")
    chosen = parser.parse_args()
    computed, rows = [], []
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as temporary:
        browser = playwright.chromium.launch(executable_path=page_visits.CHROMIUM, args=["--no-sandbox"])
        folder = chosen.keep or Path(temporary)
        for size in [each for each in SIZES if chosen.only in (None, each[0])]:
            one, several = measured(playwright, browser, folder, *size, chosen.visits)
            computed.append(one)
            rows += several
        browser.close()
    print(f"streamlit {version('streamlit')}, Python {sys.version.split()[0]}, {os.cpu_count()} cores")
    print_table("classes, predictions", computed)
    print_table("classes, predictions", rows)
    print(
        json.dumps(
            {
                "bench": "evaluate_page",
                "visits": chosen.visits,
                "computed": [asdict(each) for each in computed],
                "opened": [asdict(each) for each in rows],
            }
        )
    )


def print_table(first: str, rows: Sequence[Computed | Opened]) -> None:
    """Print records of one kind as a table, times with two decimals."""
    names = [name for name in vars(rows[0]) if name not in ("n_classes", "n_images")]
    print("| " + " | ".join([first, *names]) + " |")
    print("|---" * (len(names) + 1) + "|")
    for row in rows:
        values = [getattr(row, name) for name in names]
        cells = [shown(each) for each in values]
        print("| " + " | ".join([f"{row.n_classes}, {row.n_images:,}", *cells]) + " |")


def shown(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {seconds:.2f}" for name, seconds in value.items())
    return f"{value:,.2f}" if isinstance(value, float) else str(value)


if __name__ == "__main__":
    main()
