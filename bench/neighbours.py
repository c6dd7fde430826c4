"""Measure the index of neighbours against comparing all: `python bench/neighbours.py --rows 100000`.

The embeddings are drawn around real ones: each is a mean of nine neighbours with random weights, and every
number of it is multiplied by random noise. Without a folder of real ones (`--real`), random clusters take
their place. The rows are written to a file of float16, as a workspace has them; all is deleted at the end.
"""

import argparse
import importlib.metadata
import json
import os
import platform
import resource
import shutil
import statistics
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from peakid.embed import neighbours, stored
from peakid.embed.index import among, build, reduction, search, shard_files
from peakid.embed.index.among import Among
from peakid.store import workspace as workspaces
from peakid.store.workspace import Workspace

N_DIMENSIONS = 1280
NOISE = 0.3  # Of the logarithm. The cosine to the nearest image is then .9, to the fiftieth .83.
N_QUERIES = 200
BLOCK = 8192
WANTED = (10, 50)
LEAST_WANTED = 4  # Images of a class that are shown beside one.


def real(folder: Path | None) -> np.ndarray:
    """Return embeddings of photos, float32 of shape (N, 1280)."""
    files = sorted(folder.glob("*_224.npz")) if folder else []
    if not files:
        rng = np.random.default_rng(7)
        middles = rng.gamma(0.5, size=(60, N_DIMENSIONS))
        return (middles[rng.integers(60, size=2_000)] * rng.gamma(2, size=(2_000, N_DIMENSIONS))).astype("f4")
    return np.concatenate([np.load(each)["features"] for each in files]).astype(np.float32)


def drawn(around: np.ndarray, n: int) -> Iterator[np.ndarray]:
    """Yield blocks of float16 embeddings, n rows in all."""
    near = neighbours.nearest(around, around, 31).indices
    rng = np.random.default_rng(0)
    for first in range(0, n, BLOCK):
        own = rng.integers(len(around), size=min(BLOCK, n - first))
        chosen = near[own[:, None], rng.integers(31, size=(len(own), 8))]
        chosen[:, 0] = own
        weights = rng.dirichlet(np.full(8, 0.5), size=len(own)).astype(np.float32)
        rows = np.einsum("mk,mkc->mc", weights, around[chosen])
        rows *= np.exp(rng.normal(scale=NOISE, size=rows.shape).astype(np.float32))
        yield rows.astype(np.float16)


def filled(folder: Path, around: np.ndarray, n: int) -> Workspace:
    """Return a workspace of rows without bytes whose images have embeddings."""
    workspace = workspaces.create(folder)
    made = stored.create(workspace, "drawn", size_px=224, weights_sha256="", n_dimensions=N_DIMENSIONS)
    with workspace.transaction() as connection:
        connection.execute("PRAGMA defer_foreign_keys = ON")
        connection.executemany(
            "INSERT INTO image (id, digest, format, n_bytes, width_px, height_px, phash, dhash, added_at)"
            " VALUES (?, ?, 'JPEG', 1, 8, 8, '0000000000000000', '0000000000000000', '2026')",
            ((i, f"{i:064x}") for i in range(1, n + 1)),
        )
        connection.executemany(
            "INSERT INTO embedding (set_id, image_id, row) VALUES (?, ?, ?)",
            ((made.set_id, i, i - 1) for i in range(1, n + 1)),
        )
    file = stored.file_of(workspace, made.set_id)
    file.parent.mkdir(exist_ok=True)
    with file.open("wb") as opened:
        for block in drawn(around, n):
            opened.write(block.tobytes())
    return workspace


def seconds(act: Any) -> float:
    """Return the time of the processor, of all threads: on a busy machine the clock measures the others."""
    started = time.process_time()
    act()
    return time.process_time() - started


def peak_mb() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def compared(workspace: Workspace, n_queries: int) -> dict[str, Any]:
    """Time one and many queries by comparing all, and return what they find."""
    known = stored.load(workspace, stored.find(workspace).set_id)
    rows = np.sort(np.random.default_rng(1).choice(len(known.image_ids), n_queries, replace=False))
    neighbours.nearest(known.features, known.features[:1], 1)  # The file is in memory then.
    one = [seconds(lambda: neighbours.nearest(known.features, known.features[:1], 50)) for _ in range(3)]
    started = time.process_time()
    found = neighbours.nearest(known.features, known.features[rows], max(WANTED), exclude=rows)
    many = time.process_time() - started
    return {
        "rows": rows,
        "ids": known.image_ids[found.indices],
        "one_s": statistics.median(one),
        "many_s": many,
    }


def by_index(workspace: Workspace, exact: dict[str, Any]) -> dict[str, Any]:
    """Time queries by the index, and compare what it finds with `exact`."""
    chosen = stored.find(workspace)
    vectors = stored.vectors(workspace, chosen.set_id)
    ids = exact["rows"] + 1
    first = seconds(lambda: search.nearest(workspace, chosen, vectors[:1], max(WANTED)))
    result: dict[str, Any] = {"first_query_s": first}
    for k in WANTED:
        took, shares = [], []
        for row, image_id, expected in zip(exact["rows"], ids, exact["ids"], strict=True):
            started = time.process_time()
            found = search.nearest(workspace, chosen, vectors[[row]], k, exclude=np.array([image_id]))
            took.append(1000 * (time.process_time() - started))
            shares.append(len(np.intersect1d(found.image_ids[0], expected[:k])) / k)
        result[f"recall@{k}"] = float(np.mean(shares))
        result[f"least_recall@{k}"] = float(np.min(shares))
        result[f"ms@{k}"] = statistics.median(took)
        result[f"p95_ms@{k}"] = float(np.quantile(took, 0.95))
    return result


def among_some(workspace: Workspace, n_queries: int) -> dict[str, Any]:
    """Return the recall and the time where only every fifth image counts, as the images of a class do."""
    chosen = stored.find(workspace)
    vectors = stored.vectors(workspace, chosen.set_id)
    some = Among("SELECT image_id FROM embedding WHERE set_id = 1 AND image_id % 5 = 0")
    rows = np.sort(np.random.default_rng(2).choice(len(vectors), n_queries, replace=False))
    limit, build.BRUTE_FORCE_UP_TO = build.BRUTE_FORCE_UP_TO, len(vectors)
    exact = among.nearest(workspace, chosen, vectors[rows], LEAST_WANTED, among=some).image_ids
    build.BRUTE_FORCE_UP_TO = min(limit, len(vectors) // 5 - 1)
    took, shares = [], []
    for row, expected in zip(rows.tolist(), exact, strict=True):
        started = time.process_time()
        found = among.nearest(workspace, chosen, vectors[[row]], LEAST_WANTED, among=some)
        took.append(1000 * (time.process_time() - started))
        shares.append(len(np.intersect1d(found.image_ids[0], expected)) / LEAST_WANTED)
    build.BRUTE_FORCE_UP_TO = limit
    name = f"every fifth@{LEAST_WANTED}"
    return {f"recall, {name}": float(np.mean(shares)), f"ms, {name}": statistics.median(took)}


def packages(around: np.ndarray, n: int) -> list[dict[str, Any]]:
    """Compare usearch and voyager, in all dimensions and in fewer, with one thread."""
    import usearch.index
    import voyager

    rows = np.concatenate(list(drawn(around, n)))
    at = np.sort(np.random.default_rng(1).choice(n, N_QUERIES, replace=False))
    exact = neighbours.nearest(rows, rows[at], max(WANTED), exclude=at).indices
    unit, reduced = neighbours.normalised(rows), reduction.fit(rows)
    fewer = reduced.of(unit)
    found = []
    for name, n_components, kind in (
        ("usearch", N_DIMENSIONS, "f16"),
        ("voyager", N_DIMENSIONS, "float8"),
        ("usearch", 256, "f16"),
        ("usearch", 128, "f16"),
        ("usearch", 256, "i8"),
        ("voyager", 256, "float8"),
        ("voyager", 256, "float32"),
    ):
        given = unit if n_components == N_DIMENSIONS else np.ascontiguousarray(fewer[:, :n_components])
        file = Path(os.environ.get("TMPDIR", "/tmp")) / f"bench-neighbours-{os.getpid()}"
        if name == "usearch":
            index = usearch.index.Index(
                ndim=n_components,
                metric="cos" if kind == "i8" else "l2sq",
                dtype=kind,
                connectivity=build.CONNECTIVITY,
                expansion_add=build.EXPANSION_ADD,
            )
            took = seconds(lambda index=index, given=given: index.add(np.arange(n), given, threads=1))
            index.save(str(file))
            started = time.process_time()
            candidates = index.search(given[at], search.LEAST_CANDIDATES, threads=1).keys
        else:
            scaled = given / np.abs(given).max() if kind == "float8" else given
            types = {"float8": voyager.StorageDataType.Float8, "float32": voyager.StorageDataType.Float32}
            index = voyager.Index(
                voyager.Space.Euclidean,
                n_components,
                M=build.CONNECTIVITY,
                ef_construction=build.EXPANSION_ADD,
                storage_data_type=types[kind],
            )
            took = seconds(lambda index=index, scaled=scaled: index.add_items(scaled, num_threads=1))
            index.save(str(file))
            started = time.process_time()
            candidates = index.query(scaled[at], k=search.LEAST_CANDIDATES, num_threads=1)[0]
        ms = 1000 * (time.process_time() - started) / len(at)
        mb = file.stat().st_size / 2**20
        file.unlink()
        row = {
            "package": name,
            "dimensions": n_components,
            "stored": kind,
            "build_s": took,
            "mb": mb,
            "ms": ms,
        }
        for k in WANTED:
            row[f"recall@{k}"] = float(
                np.mean(
                    [
                        np.isin(exact[i, :k], _ordered(unit, own, near)[:k]).mean()
                        for i, (own, near) in enumerate(zip(at, candidates.astype(np.int64), strict=True))
                    ]
                )
            )
        found.append(row)
        print(row, flush=True)
    return found


def _ordered(unit: np.ndarray, own: int, near: np.ndarray) -> np.ndarray:
    near = near[near != own]
    return near[np.argsort(-(unit[near] @ unit[own]), kind="stable")]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--folder", type=Path, default=Path("/tmp/peakid-neighbours"))
    parser.add_argument("--real", type=Path, help="Folder of .npz files with `features` of 1,280 dimensions.")
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--queries", type=int, default=N_QUERIES)
    parser.add_argument("--packages", action="store_true", help="Compare usearch and voyager instead.")
    parser.add_argument("--keep", action="store_true", help="Keep the folder, for the next call.")
    parser.add_argument(
        "--seconds", type=float, default=0, help="Stop building after this; the next call continues."
    )
    options = parser.parse_args()
    around = real(options.real)
    versions = f"usearch {importlib.metadata.version('usearch')}, numpy {np.__version__}"
    print(
        f"Python {platform.python_version()}, {versions}, {os.cpu_count()} cores, {len(around):,} real ones"
    )
    if options.packages:
        rows = packages(around, options.rows)
        print(json.dumps({"bench": "neighbours", "rows": options.rows, "packages": rows}))
        return
    is_there = (options.folder / "peakid.db").exists()
    workspace = (
        workspaces.open_existing(options.folder) if is_there else filled(options.folder, around, options.rows)
    )
    build.BRUTE_FORCE_UP_TO = min(build.BRUTE_FORCE_UP_TO, options.rows - 1)
    set_id, before = stored.find(workspace).set_id, peak_mb()
    began, began_cpu = time.monotonic(), time.process_time()
    covered = build.build(
        workspace,
        set_id,
        should_stop=lambda: bool(options.seconds) and time.monotonic() - began > options.seconds,
    )
    built = time.process_time() - began_cpu
    parts = f"{covered.n_indexed:,} of {covered.n_rows:,} in {built:.1f} s of CPU"
    print(f"built {parts}, peak {peak_mb()} MB (before {before})")
    if covered.n_missing:
        return
    mb = sum(each.stat().st_size for each in shard_files.folder(workspace, set_id).iterdir()) / 2**20
    found = by_index(workspace, exact := compared(workspace, options.queries))
    found |= among_some(workspace, options.queries)
    result = {
        "bench": "neighbours",
        "rows": options.rows,
        "built_s": round(built, 1),
        "index_mb": round(mb),
        "peak_mb": peak_mb(),
        "compared_one_s": round(exact["one_s"], 3),
        "compared_many_s": round(exact["many_s"], 2),
        **{name: round(value, 4) for name, value in found.items()},
    }
    for name, value in result.items():
        print(f"{name:<20} {value}")
    print(json.dumps(result))
    if not options.keep:
        shutil.rmtree(options.folder)


if __name__ == "__main__":
    main()
