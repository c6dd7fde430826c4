"""Time queues, filters, decisions and the map with a million images: `python bench/million.py`.

With `--rows 1000000 2000000` it does so for each number of images, each in a process and a folder of its own,
and prints the kinds of queries side by side.

It fills a workspace with rows without bytes. The first `--thumbs` images share a few thumbnails by hard
links, so that a browser can open the workspace too. The data is ordered as in practice: one class after the
other, the oldest images reviewed first. A folder that is already filled is used again.
"""

import argparse
import functools
import io
import json
import math
import os
import platform
import resource
import sqlite3
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from bench.million_tables import ACTOR, EMBEDDINGS_FILE, N_DIMENSIONS, digest, tables
from peakid.curate import decisions, image_issues
from peakid.curate.duplicates import duplicate_groups
from peakid.curate.queues import review_queue
from peakid.curate.queues.filters import Filters
from peakid.embed import layouts, places, stored
from peakid.embed.places import Points
from peakid.records import Choice
from peakid.store import comparisons, images, status
from peakid.store import workspace as workspaces
from peakid.store.workspace import Workspace
from peakid.suggest import map_colours

N_RUNS = 20  # Of each timing.
PAGE = 240  # What the review page asks for.
LIMIT_MS = 100


def fill(folder: Path, n_images: int, n_thumbs: int) -> None:
    """Create a workspace of that many images. Triggers and indexes come last, for a tenth of the time."""
    workspace = workspaces.create(folder)
    if workspace.one("SELECT 1 FROM image LIMIT 1"):
        return
    connection = workspace.connection()
    # A cache of 800 MB, which ends with the process.
    for pragma in ("synchronous = OFF", "cache_size = -800000", "foreign_keys = OFF"):
        connection.execute(f"PRAGMA {pragma}")
    made = workspace.query(
        "SELECT type, name, sql FROM sqlite_master WHERE type IN ('index', 'trigger') AND sql IS NOT NULL"
    )
    with workspace.transaction() as writing:
        for each in made:
            writing.execute(f"DROP {each['type']} {each['name']}")
        for sql, rows in tables(n_images, np.random.default_rng(0)):
            timed_step(sql, lambda sql=sql, rows=rows: writing.executemany(sql, rows))
        for each in sorted(made, key=lambda each: each["type"]):  # Indexes first.
            timed_step(each["name"], lambda each=each: writing.execute(each["sql"]))
        for sql in DERIVED:
            timed_step(sql, lambda sql=sql: writing.execute(sql))
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    # As long as its vectors would be, without a byte on the disk.
    file = stored.folder(workspace) / EMBEDDINGS_FILE
    file.parent.mkdir(exist_ok=True)
    file.touch()
    os.truncate(file, 2 * N_DIMENSIONS * n_images)
    share_thumbnails(workspace, n_thumbs)


# What the triggers keep, as the migration that brought them made it of rows that were there already.
DERIVED = (
    "INSERT INTO image_state"
    " (image_id, decision_id, verdict, class_id, is_reviewed, reason, actor, decided_at, judged_in)"
    " SELECT i.id, d.id, COALESCE(d.verdict, 'clear'), d.class_id, COALESCE(d.is_reviewed, 0),"
    " COALESCE(d.reason, ''), d.actor, d.decided_at, d.basis ->> '$.queue'"
    " FROM image i LEFT JOIN decision d ON d.id ="
    " (SELECT MAX(n.id) FROM decision n WHERE n.image_id = i.id)",
    "INSERT INTO image_text SELECT image_id, words FROM image_text_now",
    "INSERT INTO image_tag SELECT value, image_id FROM remark WHERE kind = 'tag'",
    "INSERT INTO image_note SELECT image_id, value FROM remark WHERE kind = 'note'",
    "INSERT INTO label_conflict SELECT * FROM label_conflict_now",
    "INSERT INTO embedding_count SELECT set_id, COUNT(*) FROM embedding GROUP BY set_id",
)


def timed_step(name: str, act: Callable[[], object]) -> None:
    started = time.perf_counter()
    act()
    if (took := time.perf_counter() - started) > 1:
        print(f"{took:6.1f} s  {name[:60]}", file=sys.stderr, flush=True)


def share_thumbnails(workspace: Workspace, n_thumbs: int) -> None:
    """Give the first images thumbnails: eight files, hard-linked."""
    for n in range(8):
        out = io.BytesIO()
        pixels = np.random.default_rng(n).integers(0, 256, (6, 8, 3), dtype=np.uint8)
        Image.fromarray(pixels).resize((256, 192), Image.Resampling.BICUBIC).save(out, "JPEG", quality=80)
        (workspace.thumbs_dir / f"shared-{n}.jpg").write_bytes(out.getvalue())
    for i in range(1, n_thumbs + 1):
        path = images.thumbnail_path(workspace, digest(i))
        path.parent.mkdir(exist_ok=True)
        if not path.exists():
            os.link(workspace.thumbs_dir / f"shared-{i % 8}.jpg", path)


def queues(workspace: Workspace) -> list[str]:
    cell = review_queue.confusion_queue(1, "test", "class 03", "class 04")
    fixed = [
        "worth",
        *review_queue.FIXED_QUEUES,
        "conflicts",
        "model-disagrees",
        "uncertain",
        "recent",
        "sample",
        "class:class 20",
        cell,
    ]
    return [*fixed, *(review_queue.issue_queue(kind) for kind in image_issues.counts(workspace))]


FILTERS = {
    "class": Filters(class_name="class 20"),
    "split": Filters(split="test"),
    "source": Filters(source="zip"),
    "added, month": Filters(added="2026-08"),
    "added, day": Filters(added="2026-08-09"),
    "taken, year": Filters(taken="2016"),
    "taken, day": Filters(taken="2016-03-03"),
    "issue": Filters(issue="blurry"),
    "range, rare": Filters(ranges="confidence=..0.34"),
    "range, common": Filters(ranges="sharpness=0.1..0.9"),
    "tag, rare": Filters(tag="rare"),
    "tag, common": Filters(tag="common"),
    "text, rare": Filters(text="note about"),
    "text, common": Filters(text="class 21/photo"),
    "text, none": Filters(text="unheard of"),
    "three": Filters(class_name="class 20", split="valid", text="photo"),
}


def timed(act: Callable[[], object], n_runs: int) -> dict[str, float]:
    """Return ms: median and p95 of CPU time, and the median of wall time, which depends on other programs."""
    cpu, wall = [], []
    for _ in range(n_runs):
        started, cpu_started = time.perf_counter(), time.process_time()
        act()
        cpu.append(1000 * (time.process_time() - cpu_started))
        wall.append(1000 * (time.perf_counter() - started))
    n_95 = min(n_runs - 1, math.ceil(0.95 * n_runs) - 1)
    return {"p50": statistics.median(cpu), "p95": sorted(cpu)[n_95], "wall": statistics.median(wall)}


def measured(workspace: Workspace, n_runs: int, only: str) -> Iterator[tuple[str, dict[str, float]]]:
    """Yield the name and the times of everything that a page does whose name has the text `only`."""
    for name, act, n in everything(workspace, n_runs):
        if only in name:
            yield name, timed(act, n)


def everything(workspace: Workspace, n_runs: int) -> Iterator[tuple[str, Callable[[], object], int]]:
    """Yield the name of everything that a page does, what does it, and how often it is timed."""
    for queue in queues(workspace):
        first = review_queue.page(workspace, queue, limit=PAGE)
        after = first[-1].cursor if first else None
        yield (
            f"first page, {queue}",
            lambda queue=queue: review_queue.page(workspace, queue, limit=PAGE),
            n_runs,
        )
        yield (
            f"next page, {queue}",
            lambda queue=queue, after=after: review_queue.page(workspace, queue, limit=PAGE, after=after),
            n_runs,
        )
        yield (
            f"count, {queue}",
            lambda queue=queue: review_queue.count(workspace, queue, most=1000),
            n_runs,
        )
    for queue in queues(workspace)[:12]:
        for name, filters in FILTERS.items():
            ask = functools.partial(review_queue.page, workspace, queue, limit=PAGE, filters=filters)
            found = ask()
            yield f"first page, {queue} x {name}", ask, n_runs // 2
            after = found[-1].cursor if found else None
            yield (
                f"next page, {queue} x {name}",
                lambda ask=ask, after=after: ask(after=after),
                n_runs // 2,
            )
            yield (
                f"count, {queue} x {name}",
                lambda queue=queue, filters=filters: review_queue.count(
                    workspace, queue, filters=filters, most=1000
                ),
                n_runs // 2,
            )
    yield "all chips", lambda: review_queue.offered(workspace), n_runs
    waiting = iter(review_queue.page(workspace, "unreviewed", limit=1000))
    yield "decide", lambda: decide(workspace, next(waiting).digest), 10 * n_runs
    yield "undo", lambda: decisions.undo(workspace, actor=ACTOR), n_runs
    yield "status", lambda: status.read(workspace), n_runs
    yield "embeddings: sets", lambda: stored.sets(workspace), n_runs
    yield "embeddings: counts", lambda: stored.counts(workspace, 1), n_runs
    yield "map: layout", lambda: layouts.find(workspace, 1, "pca"), n_runs
    yield "map: points", lambda: layouts.points(workspace, 1), n_runs
    for colour_by in map_colours.available(workspace):
        colour = functools.partial(map_colours.colouring, workspace, 1, colour_by)
        yield f"map: colours by {colour_by}", colour, n_runs
    yield from parts_of_the_map(workspace, n_runs)
    yield "duplicates: not compared", lambda: comparisons.n_missing(workspace), n_runs
    yield "map: version", lambda: map_colours.version(workspace, "label"), n_runs


def parts_of_the_map(workspace: Workspace, n_runs: int) -> Iterator[tuple[str, Callable[[], object], int]]:
    """Yield what a part of the map does in which all points are drawn, and one with more than are drawn."""
    layout = layouts.show(workspace, 1)
    if layout.n_placed == layout.n_images:
        ids = np.array([row[0] for row in workspace.query("SELECT image_id FROM image_state ORDER BY 1")])
        xy = np.random.default_rng(3).normal(scale=0.3, size=(len(ids), 2))
        places.write(workspace, 1, layout.made_at, Points(ids, np.clip(xy, -1, 1).astype(np.float32)))
        layout = layouts.show(workspace, 1)
    for side in (0.04, 0.2):
        box = (-side, -side, side, side)
        drawn = layouts.in_sight(workspace, layout, box)[0].image_ids.tolist()
        name = f"map: a part with {len(drawn):,} drawn"
        yield f"{name}, points", lambda box=box: layouts.in_sight(workspace, layout, box), n_runs
        colour = functools.partial(map_colours.colouring, workspace, 1, "label", image_ids=drawn)
        yield f"{name}, colours by label", colour, n_runs


def side_by_side(folder: Path, sizes: Sequence[int], n_runs: int, n_thumbs: int) -> None:
    """Measure each number of images in a process of its own, and print a row for each kind of query."""
    found = {}
    for n in sizes:
        given = [
            "--folder",
            f"{folder}-{n}",
            "--images",
            str(n),
            "--runs",
            str(n_runs),
            "--thumbs",
            str(n_thumbs),
        ]
        done = subprocess.run(
            [sys.executable, __file__, *given], stdout=subprocess.PIPE, text=True, check=True
        )
        found[n] = json.loads(done.stdout.splitlines()[-1])
    print_side_by_side(found)


def print_side_by_side(found: Mapping[int, Mapping[str, Any]]) -> None:
    """Print the median of the medians and the worst 95th percentile of each kind, in ms of CPU time."""
    table: dict[str, dict[str, Any]] = {}
    for n, document in found.items():
        for kind, rows in grouped(document["ms"]).items():
            table.setdefault(kind, {})[str(n)] = {
                "n": len(rows),
                "p50": round(statistics.median(row["p50"] for row in rows), 2),
                "worst_p95": round(max(row["p95"] for row in rows), 1),
                "over_100_ms": sum(row["p95"] >= LIMIT_MS for row in rows),
            }
    print("ms of CPU: median p50, worst p95 (kinds with a p95 of 100 or more)".ljust(40))
    print(f"{'':<34}" + "".join(f"{n:>26,}" for n in found))
    for kind, columns in table.items():
        cells = (
            f"{each['p50']:>12.2f}{each['worst_p95']:>9.1f}{'  (' + str(each['over_100_ms']) + ')':<5}"
            for each in columns.values()
        )
        print(f"{kind:<34}" + "".join(cells))
    peaks = {
        str(n): {name: document[name] for name in ("peak_mb", "groups_mb")} for n, document in found.items()
    }
    print(json.dumps({"bench": "million", "side_by_side": table, "memory": peaks}))


def grouped(rows: Mapping[str, dict[str, float]]) -> dict[str, list[dict[str, float]]]:
    """Return the rows by kind: first pages, next pages and counts, of queues alone and with a filter."""
    found: dict[str, list[dict[str, float]]] = {}
    for name, row in rows.items():
        what = name.partition(",")[0]
        is_of_queue = what in ("first page", "next page", "count")
        kind = f"{what} of {'queue x filter' if ' x ' in name else 'a queue'}" if is_of_queue else name
        found.setdefault(kind, []).append(row)
    return found


def decide(workspace: Workspace, wanted: str) -> None:
    decisions.decide(
        workspace, [Choice(wanted, "label", "class 05", basis={"queue": "unreviewed"})], actor=ACTOR
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--folder", type=Path, default=Path("/tmp/peakid-million"))
    parser.add_argument("--images", type=int, default=1_000_000)
    parser.add_argument("--rows", type=int, nargs="+", help="Several numbers of images, side by side.")
    parser.add_argument("--thumbs", type=int, default=5_000)
    parser.add_argument("--runs", type=int, default=N_RUNS)
    parser.add_argument("--only", default="", help="Only what has this text in its name.")
    parser.add_argument("--fill-only", action="store_true")
    options = parser.parse_args()
    started = time.perf_counter()
    if options.rows:
        side_by_side(options.folder, options.rows, options.runs, options.thumbs)
        return
    if options.fill_only:
        fill(options.folder, options.images, options.thumbs)
        return
    # In a process of its own, so that its memory is not counted.
    subprocess.run([sys.executable, __file__, *sys.argv[1:], "--fill-only"], check=True)
    print(
        f"filled in {time.perf_counter() - started:.0f} s,"
        f" {(options.folder / workspaces.DATABASE_NAME).stat().st_size / 2**20:,.0f} MB"
    )
    workspace = workspaces.open_existing(options.folder)
    rows = dict(measured(workspace, options.runs, options.only))
    print(f"{'ms':<70}{'CPU p50':>9}{'CPU p95':>9}{'wall p50':>9}")
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    if options.only in "duplicate groups":
        rows["duplicate groups, first time"] = timed(lambda: duplicate_groups.list_groups(workspace), 1)
        rows["duplicate groups, later"] = timed(lambda: duplicate_groups.list_groups(workspace), options.runs)
    groups_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    for name, row in rows.items():
        times = f"{row['p50']:>9.2f}{row['p95']:>9.2f}{row['wall']:>9.2f}"
        print(f"{name:<70}{times}{'' if row['p95'] < LIMIT_MS else '   over'}")
    slow = {name: round(row["p95"]) for name, row in rows.items() if row["p95"] >= LIMIT_MS}
    memory = f"peak {peak_mb:.0f} MB, with duplicate groups {groups_mb:.0f} MB"
    print(
        f"Python {sys.version.split()[0]}, SQLite {sqlite3.sqlite_version}, {platform.machine()},"
        f" {os.cpu_count()} cores, {memory}"
    )
    print(
        json.dumps(
            {
                "bench": "million",
                "images": options.images,
                "peak_mb": round(peak_mb),
                "groups_mb": round(groups_mb),
                "over_100_ms": slow,
                "ms": rows,
            }
        )
    )


if __name__ == "__main__":
    main()
