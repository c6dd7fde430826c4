"""Time the search for near-equal hashes against other libraries: `python bench/duplicates.py`."""

import argparse
import contextlib
import importlib.util
import io
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from peakid.curate.duplicates import hash_search, pair_search

RADIUS = 8
BRUTE_UP_TO, FAISS_UP_TO, IMAGEDEDUP_UP_TO = 100_000, 100_000, 10_000
Method = Callable[[np.ndarray], hash_search.Found]


def uniform(n: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 2**64, n, dtype=np.uint64)


def clustered(n: int, seed: int) -> np.ndarray:
    """Bursts of ten shots, each up to six bits from its burst's centre."""
    rng = np.random.default_rng(seed)
    hashes = np.repeat(rng.integers(0, 2**64, n // 10, dtype=np.uint64), 10)
    for _ in range(6):
        hashes ^= np.uint64(1) << rng.integers(0, 64, len(hashes), dtype=np.uint64)
    return rng.permutation(hashes)


def by_peakid(hashes: np.ndarray) -> hash_search.Found:
    return hash_search.Index(hashes).pairs(radius=RADIUS)


def by_brute_force(hashes: np.ndarray) -> hash_search.Found:
    q, t, distance = hash_search.compare(hashes[:, None], hashes[:, None], radius=RADIUS)
    return q[q > t], t[q > t], distance[q > t]


def by_faiss(hashes: np.ndarray) -> hash_search.Found:
    import faiss

    index = faiss.IndexBinaryFlat(64)
    rows = hashes.view(np.uint8).reshape(-1, 8)
    index.add(rows)
    limits, distance, found = index.range_search(rows, RADIUS + 1)
    q = np.repeat(np.arange(len(rows)), np.diff(limits).astype(np.int64))
    return q[q > found], found[q > found], distance[q > found].astype(np.int64)


def by_imagededup(hashes: np.ndarray) -> hash_search.Found:
    from imagededup.methods import PHash

    encodings = {str(n): f"{int(value):016x}" for n, value in enumerate(hashes)}
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        near = PHash(verbose=False).find_duplicates(
            encoding_map=encodings, max_distance_threshold=RADIUS, scores=True
        )
    rows = [(int(a), int(b), d) for a, others in near.items() for b, d in others if int(a) > int(b)]
    q, t, distance = np.array(rows, dtype=np.int64).reshape(-1, 3).T
    return q, t, distance


METHODS: dict[str, tuple[str, int, Method]] = {
    "peakid": ("", 10**9, by_peakid),
    "numpy brute force": ("", BRUTE_UP_TO, by_brute_force),
    "faiss flat": ("faiss", FAISS_UP_TO, by_faiss),
    "imagededup": ("imagededup", IMAGEDEDUP_UP_TO, by_imagededup),
}
PACKAGES = {"faiss": "faiss-cpu", "imagededup": "imagededup"}


def digest(found: hash_search.Found) -> int:
    """Name a set of pairs, so that those of two processes can be compared."""
    q, t, distance = found
    return hash(tuple(np.sort((q << 40) + (t << 8) + distance).tolist()))


def measured(name: str, kind: str, n: int) -> dict[str, float]:
    """Run one method in a process of its own, so that its memory is its own."""
    code = f"import bench.duplicates as d; d.one({name!r}, {kind!r}, {n})"
    environment = {**os.environ, "PYTHONHASHSEED": "0", "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )
    return json.loads(done.stdout.splitlines()[-1])


def one(name: str, kind: str, n: int) -> None:
    hashes = {"uniform": uniform, "clustered": clustered}[kind](n, 0)
    METHODS[name][2](hashes[:2])  # Its imports are not what is measured.
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    started = time.perf_counter()
    found = METHODS[name][2](hashes)
    seconds = time.perf_counter() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(
        json.dumps(
            {
                "seconds": seconds,
                "mb": (peak - before) / 1024,
                "pairs": len(found[0]),
                "digest": digest(found),
            }
        )
    )


def all_pairs(sizes: list[int]) -> Iterator[dict[str, object]]:
    for kind in ("uniform", "clustered"):
        for n in sizes:
            expected = None
            for name, (package, up_to, _) in METHODS.items():
                if n > up_to or (package and importlib.util.find_spec(package) is None):
                    continue
                row = measured(name, kind, n)
                expected = row["digest"] if expected is None else expected
                same = "same pairs" if row["digest"] == expected else "OTHER PAIRS"
                cost = f"{row['seconds']:>8.2f} s {row['mb']:>6.0f} MB"
                print(f"{kind:<10}{n:>9,}  {name:<18}{cost} {row['pairs']:>9,} pairs  {same}", flush=True)
                yield {"kind": kind, "n": n, "method": name, **row, "is_same": same == "same pairs"}


def added(n: int, n_new: int) -> dict[str, float]:
    """Time `n_new` images against `n` by the rule in use, upright, once both indexes are there."""
    table = pair_search.HashSet(np.stack([clustered(n, 1), clustered(n, 2)], axis=1))
    queries = np.ascontiguousarray(table.upright[:: n // n_new][:n_new])
    started = time.perf_counter()
    table.near(queries[:1], radius=pair_search.NEAR)
    built = time.perf_counter() - started
    started = time.perf_counter()
    table.near(queries, radius=pair_search.NEAR)
    return {"index_s": built, "search_s": time.perf_counter() - started}


def lost(n: int) -> dict[str, float]:
    """Return the share of pairs within the rule that the candidate lookup misses, for simulated edits."""
    rng = np.random.default_rng(3)
    one = np.stack([uniform(n, 4), uniform(n, 5)], axis=1)
    other = one.copy()
    for _ in range(24):  # Up to 24 changed bits, anywhere in the two hashes.
        keep = rng.random(n) < rng.random(n)
        other[np.arange(n), rng.integers(0, 2, n)] ^= np.where(
            keep, np.uint64(1) << rng.integers(0, 64, n, dtype=np.uint64), np.uint64(0)
        )
    apart = np.bitwise_count(one ^ other)
    near = apart.sum(axis=1) <= pair_search.NEAR
    seen = (apart <= RADIUS).any(axis=1)
    return {str(limit): float(1 - seen[near & (apart.sum(axis=1) <= limit)].mean()) for limit in (16, 20, 24)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=[10_000, 30_000, 100_000, 300_000, 1_000_000])
    arguments = parser.parse_args()
    for package, name in PACKAGES.items():
        print(f"{name}: {version(name) if importlib.util.find_spec(package) else 'not installed'}")
    print(f"Python {sys.version.split()[0]}, numpy {np.__version__}, {os.cpu_count()} cores, one thread")
    print(f"radius {RADIUS} of 64 bits")
    rows = list(all_pairs(arguments.sizes))
    largest = max(arguments.sizes)
    new = added(largest, 1000)
    print(
        f"1,000 new against {largest:,}: {new['search_s']:.2f} s, once {new['index_s']:.1f} s for the indexes"
    )
    missing = lost(200_000)
    print(
        "pairs lost by looking candidates up: "
        + ", ".join(f"{share:.1%} of those within {limit} bits" for limit, share in missing.items())
    )
    print(json.dumps({"bench": "duplicates", "rows": rows, "added": new, "lost": missing}))


if __name__ == "__main__":
    main()
