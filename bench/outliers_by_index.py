"""Compare the outliers that the index helps to find with those of comparing all.

Run `python bench/outliers_by_index.py`. The embeddings are those of `bench/neighbours.py`, in ten classes,
among which foreign ones are planted: mixed with their own numbers in another order. The exact score is
computed of the images whose score from a sample is lowest. It is at least that score, so the first ones
of all are known as far as their exact scores are below the lowest score of the others.
"""

import argparse
import json
import os
import platform
import sys
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from bench import neighbours as bench
from peakid.embed import neighbours, outlier_scores, outliers, stored
from peakid.embed.index import build, search
from peakid.embed.neighbours import Features
from peakid.store import workspace as workspaces
from peakid.store.workspace import Workspace

N_PLANTED = 400
N_CLASSES = 10
WANTED = (40, 100)
BLOCK = 8192


def plant(workspace: Workspace, n: int) -> np.ndarray:
    """Replace rows of the file by foreign ones, give every image a label; return the ids of the planted."""
    chosen = stored.find(workspace)
    vectors = np.memmap(
        stored.file_of(workspace, chosen.set_id), np.float16, "r+", shape=(n, bench.N_DIMENSIONS)
    )
    random = np.random.default_rng(11)
    rows = np.sort(random.choice(n, N_PLANTED, replace=False))
    shares = np.linspace(0.2, 1, N_PLANTED)[:, None]  # Of the number of each in another place.
    own = vectors[rows].astype(np.float32)
    vectors[rows] = ((1 - shares) * own + shares * random.permuted(own, axis=1)).astype(np.float16)
    vectors.flush()
    centres = vectors[np.sort(random.choice(n, N_CLASSES, replace=False))]
    with workspace.transaction() as connection:
        connection.executemany(
            "INSERT INTO class (name, position, created_at) VALUES (?, ?, '2026')",
            ((f"class {k}", k) for k in range(1, N_CLASSES + 1)),
        )
        for first in range(0, n, BLOCK):
            nearest = neighbours.nearest(centres, vectors[first : first + BLOCK], 1).indices[:, 0]
            connection.executemany(
                "INSERT OR REPLACE INTO image_state (image_id, verdict, class_id) VALUES (?, 'label', ?)",
                ((first + i + 1, k + 1) for i, k in enumerate(nearest.tolist())),
            )
    return rows + 1


def exact(features: Features, labels: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Return the score of some rows by comparing them with all others: float32 of shape (len(rows),)."""
    best = np.zeros(len(rows), np.float32)
    queries = features[rows]
    for each in np.unique(labels):
        members = np.flatnonzero(labels == each)
        place = np.searchsorted(members, rows)
        is_member = members[np.minimum(place, len(members) - 1)] == rows
        found = neighbours.nearest(
            neighbours.ChosenRows(np.asarray(features), members),
            queries,
            min(outliers.N_NEIGHBOURS, max(1, len(members) // 2)),
            exclude=np.where(is_member, place, -1),
        )
        best = np.maximum(best, found.similarity.mean(axis=1))
    return best


def measured(act: Callable[[], object]) -> dict[str, float]:
    """Return the CPU time of all threads in s, and the most memory that was allocated meanwhile, in MB."""
    tracemalloc.start()
    started = time.process_time()
    act()
    took = time.process_time() - started
    peak = tracemalloc.get_traced_memory()[1] / 2**20
    tracemalloc.stop()
    return {"cpu_s": round(took, 1), "peak_mb": round(peak)}


def stored_scores(workspace: Workspace) -> np.ndarray:
    """Return the score of each image in the order of the ids: all have one."""
    rows = workspace.query("SELECT score FROM outlier_score ORDER BY image_id")
    return np.array([row["score"] for row in rows])


def refreshed(workspace: Workspace, *, with_index: bool) -> tuple[np.ndarray, dict[str, float]]:
    with workspace.transaction() as connection:
        connection.execute("DELETE FROM outlier_state")
    build.BRUTE_FORCE_UP_TO = (stored.find(workspace).n_images - 1) if with_index else sys.maxsize
    times = measured(lambda: outlier_scores.refresh(workspace))
    return stored_scores(workspace), times


def compared(workspace: Workspace, planted: np.ndarray, n_exact: int) -> dict[str, Any]:
    """Return the overlap of the first images with those of comparing all, with and without the index."""
    chosen = stored.find(workspace)
    vectors = stored.vectors(workspace, chosen.set_id)
    sampled, sample_times = refreshed(workspace, with_index=False)
    build.BRUTE_FORCE_UP_TO = len(vectors) - 1
    assert search.is_complete(workspace, chosen), "The index is not complete."
    by_index, index_times = refreshed(workspace, with_index=True)
    labels = np.array(
        [row["class_id"] for row in workspace.query("SELECT class_id FROM image_state ORDER BY image_id")]
    )
    order = np.argsort(sampled, kind="stable")
    rows = np.sort(order[:n_exact])
    started = time.process_time()
    score = exact(vectors, labels, rows)
    exact_s = time.process_time() - started
    true = rows[np.argsort(score, kind="stable")]
    known = int((np.sort(score) < sampled[order[n_exact]]).sum())
    result: dict[str, Any] = {
        "sample": sample_times,
        "index": index_times,
        "exact": {"images": n_exact, "cpu_s": round(exact_s, 1), "first_known": known},
        "planted": len(planted),
    }
    for k in WANTED:
        if known < k:
            continue
        for name, values in (("sample", sampled), ("index", by_index)):
            first = np.argsort(values, kind="stable")[:k]
            result[f"overlap_{name}@{k}"] = len(np.intersect1d(first, true[:k])) / k
            result[f"planted_{name}@{k}"] = len(np.intersect1d(first + 1, planted))
        result[f"planted_exact@{k}"] = len(np.intersect1d(true[:k] + 1, planted))
        at = np.searchsorted(rows, true[:k])
        result[f"off_by@{k}"] = round(float(np.abs(by_index[true[:k]] - score[at]).max()), 4)
    return result


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--folder", type=Path, default=Path("/tmp/peakid-outliers"))
    parser.add_argument("--real", type=Path, help="As of bench/neighbours.py.")
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument("--exact", type=int, default=4_000, help="Images whose exact score is computed.")
    parser.add_argument("--build-only", action="store_true", help="The next call measures.")
    options = parser.parse_args()
    planted_file = options.folder / "planted.json"
    if planted_file.exists():
        workspace = workspaces.open_existing(options.folder)
        planted = np.array(json.loads(planted_file.read_text()))
    else:
        workspace = bench.filled(options.folder, bench.real(options.real), options.rows)
        planted = plant(workspace, options.rows)
        planted_file.write_text(json.dumps(planted.tolist()))
    set_id = stored.find(workspace).set_id
    print("index:", measured(lambda: build.build(workspace, set_id)), flush=True)
    if options.build_only:
        return
    result = {
        "bench": "outliers_by_index",
        "rows": options.rows,
        **compared(workspace, planted, options.exact),
        "python": platform.python_version(),
        "numpy": np.__version__,
        "cores": os.cpu_count(),
    }
    for name, value in result.items():
        print(f"{name:<20} {value}")
    print(json.dumps(result))


if __name__ == "__main__":
    main()
