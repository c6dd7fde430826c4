"""Review from twenty processes at once, then check the log: `python bench/reviewers.py`.

Each process has a connection of its own and does what a session of the app does on a key: it reads the
loaded images again, counts the queue, writes the decision, and sometimes loads the next page, undoes or
tags. It uses a workspace of `bench/million.py`; `--images` sets its size.
"""

import argparse
import json
import multiprocessing
import os
import platform
import random
import sqlite3
import statistics
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from peakid.curate import decisions, remarks
from peakid.curate.queues import review_queue
from peakid.records import Choice
from peakid.store import workspace as workspaces

PAGE = 240
QUEUES = ("unreviewed", "worth", "conflicts", "issue:dark", "class:class 20", "model-disagrees")


def review(folder: str, number: int, seconds: float, out: "multiprocessing.Queue[dict[str, object]]") -> None:
    """Review until the time is up. Return the times of each action in ms, the digests, and errors."""
    workspace = workspaces.open_existing(Path(folder))
    actor, random_ = f"human:reviewer {number}", random.Random(number)
    times: dict[str, list[float]] = {"page": [], "judge": [], "refresh": []}
    judged: list[str] = []
    errors: list[str] = []
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        queue = random_.choice(QUEUES)
        started = time.perf_counter()
        items = review_queue.page(workspace, queue, limit=PAGE)
        times["page"].append(1000 * (time.perf_counter() - started))
        for item in random_.sample(items, min(12, len(items))):
            if time.monotonic() > until:
                break
            time.sleep(random_.uniform(0.2, 0.6))  # A quick reviewer looks this long.
            started = time.perf_counter()
            choice = Choice(
                item.digest,
                "label",
                item.label or "class 01",
                base_decision_id=item.decision_id,
                basis={"queue": queue},
            )
            try:
                done = decisions.decide(workspace, [choice], actor=actor)
                if random_.random() < 0.05:
                    remarks.tag(workspace, [item.digest], f"by {number}", actor=actor)
            except sqlite3.Error as error:
                errors.append(str(error))
                continue
            times["judge"].append(1000 * (time.perf_counter() - started))
            judged += [decision.digest for decision in done.decisions]
            started = time.perf_counter()
            review_queue.items(workspace, [each.digest for each in items])
            review_queue.count(workspace, queue, most=1000)
            times["refresh"].append(1000 * (time.perf_counter() - started))
    out.put({"actor": actor, "times": times, "judged": judged, "errors": errors})


def wrong(workspace: workspaces.Workspace, reports: list[dict[str, object]]) -> list[str]:
    """Name every reviewer whose judgements are not in the log exactly as they were made, in order."""
    sql = "SELECT i.digest FROM decision d JOIN image i ON i.id = d.image_id WHERE d.actor = ? ORDER BY d.id"
    return [
        str(one["actor"])
        for one in reports
        if [row["digest"] for row in workspace.query(sql, (one["actor"],))] != one["judged"]
    ]


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--folder", type=Path, default=Path("/tmp/peakid-reviewers"))
    parser.add_argument("--images", type=int, default=100_000)
    parser.add_argument("--people", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=30)
    return parser.parse_args()


def filled(folder: Path, n_images: int) -> workspaces.Workspace:
    """Return a workspace of that many images which this script has not used before."""
    filler = [sys.executable, str(ROOT / "bench" / "million.py"), "--folder", str(folder)]
    subprocess.run([*filler, "--images", str(n_images), "--thumbs", "0", "--fill-only"], check=True)
    workspace = workspaces.open_existing(folder)
    if workspace.one("SELECT 1 FROM step WHERE actor GLOB 'human:reviewer*'"):
        raise SystemExit(f"{folder} was reviewed by this script before; give another --folder")
    return workspace


def reviewed(folder: Path, n_people: int, seconds: float) -> list[dict[str, object]]:
    """Let that many processes review, and return what each reports."""
    spawn = multiprocessing.get_context("spawn")
    out = spawn.Queue()
    people = [spawn.Process(target=review, args=(str(folder), n, seconds, out)) for n in range(n_people)]
    for one in people:
        one.start()
    reports = [out.get() for _ in people]
    for one in people:
        one.join()
    return reports


def timings(act: str, reports: list[dict[str, object]]) -> dict[str, float]:
    took = sorted(value for one in reports for value in one["times"][act])
    row = {"n": len(took), "p50": statistics.median(took), "p95": took[int(0.95 * len(took))]}
    print(f"{act:<10}{row['n']:>8}{row['p50']:>10.1f}{row['p95']:>10.1f}{took[-1]:>10.1f}")
    return row | {"worst": took[-1]}


def main() -> None:
    given = options()
    workspace = filled(given.folder, given.images)
    reports = reviewed(given.folder, given.people, given.seconds)
    rows = {act: timings(act, reports) for act in ("page", "judge", "refresh")}
    errors, lost = [error for one in reports for error in one["errors"]], wrong(workspace, reports)
    n_judged = sum(len(one["judged"]) for one in reports)
    print(
        f"{n_judged} decisions by {given.people} people, errors: {errors or 'none'},"
        f" logs that differ: {lost or 'none'}"
    )
    machine = f"{platform.machine()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}"
    print(f"Python {sys.version.split()[0]}, SQLite {sqlite3.sqlite_version}, {machine}")
    facts = {"judged": n_judged, "errors": len(errors), "wrong": len(lost)}
    print(json.dumps({"bench": "reviewers", "people": given.people, "ms": rows, **facts}))


if __name__ == "__main__":
    main()
