"""What an engine costs: time and memory by number of photos and workers, per shard, and for the merge.

    python bench/scale.py [--sizes 10000,100000,1000000] [--workers 1,2] [--parts decode,map,overhead]
                          [--engines local,ray] [--out FILE]

`decode`: drawn photos are measured as a scan measures them. `map`: hashes and embeddings are synthesised by
workers, and the job writes both to a workspace as it does real ones. `overhead`: shards that compute nothing.
Each configuration runs in a process of its own. Prints tables, a projection to ten machines, and JSON as the
last line; with --out, what was measured before is read from the file and added to.
"""

import argparse
import contextlib
import hashlib
import io
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
sys.path.insert(0, str(HERE))
os.environ["PYTHONPATH"] = os.pathsep.join([str(HERE), os.environ.get("PYTHONPATH", "")])

import numpy as np
import psutil
from PIL import Image
from scale_units import N_DIMENSIONS

from peakid.embed import stored
from peakid.engines import opening, shard_files
from peakid.engines.records import Shard, in_blocks
from peakid.engines.shard_files import ShardFiles
from peakid.job_settings import JobSettings
from peakid.jobs.maps import embedding, measuring, packing
from peakid.records import no_report
from peakid.store import images
from peakid.store import workspace as workspaces
from peakid.store.workspace import Workspace

STORED_EVERY = 16  # Shards of one write: what two seconds of real embedding have on a fast machine.
N_DRAWN = 64
PHOTO_PX = (1024, 768)
N_EMPTY = 2000
PAYLOADS = (1, 64 * N_DIMENSIONS * 2)  # Bytes: nothing, and the embeddings of 64 photos.
MACHINES, CORES = 10, 16  # Of the projection.
DECODE_MS, EMBED_MS = 5.0, 10.0  # Replaced by what was measured, where it was.


def digest(number: int) -> str:
    return hashlib.sha256(str(number).encode()).hexdigest()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--sizes", default="10000,100000,1000000")
    parser.add_argument("--workers", default="1,2")
    parser.add_argument("--parts", default="decode,map,overhead")
    parser.add_argument("--engines", default="local,ray")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--one", help="Measure one configuration in this process.")
    given = parser.parse_args()
    if given.one:
        print(json.dumps(one(json.loads(given.one))))
        return
    rows = json.loads(given.out.read_text()) if given.out and given.out.exists() else []
    for asked in configurations(given):
        rows = [row for row in rows if any(row.get(key) != value for key, value in asked.items())]
        rows.append(asked | measured(asked))
        print(rows[-1], file=sys.stderr, flush=True)
        if given.out:
            given.out.write_text(json.dumps(rows))
    for part in ("decode", "map", "overhead"):
        print_table(part, [row for row in rows if row["part"] == part])
    projected = projection(rows)
    print("\n".join(["", *projected["assumptions"], *projected["lines"]]))
    print(json.dumps({"rows": rows, "projection": projected}))


def configurations(given: argparse.Namespace) -> Iterator[dict[str, Any]]:
    sizes = [int(each) for each in given.sizes.split(",")]
    workers = [int(each) for each in given.workers.split(",")]
    for part in given.parts.split(","):
        for engine in given.engines.split(","):
            for n_workers in workers:
                if part == "overhead":
                    for n_bytes in PAYLOADS:
                        yield {"part": part, "engine": engine, "workers": n_workers, "n_bytes": n_bytes}
                elif part == "decode" and engine == "local":
                    yield {"part": part, "engine": engine, "workers": n_workers, "n": min(sizes)}
                elif part == "map" and engine == "local":
                    for n in sizes:
                        yield {"part": part, "engine": engine, "workers": n_workers, "n": n}


def measured(asked: dict[str, Any]) -> dict[str, Any]:
    command = [sys.executable, __file__, "--one", json.dumps(asked)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def one(asked: dict[str, Any]) -> dict[str, Any]:
    """Measure one configuration; `head_mb` is the peak of this process."""
    act = {"decode": decode, "map": synthesised, "overhead": overhead}[asked["part"]]
    with tempfile.TemporaryDirectory(prefix="peakid-scale-") as folder:
        found = act(asked, Path(folder))
    return found | {"head_mb": peak_mb()}


def workers() -> dict[str, float]:
    """Return the CPU time of all processes below this one, and the memory of the largest.

    On a busy machine CPU time says more than the clock.
    """
    cpu_s, largest = 0.0, 0
    for process in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.Error):
            times = process.cpu_times()
            cpu_s += times.user + times.system
            largest = max(largest, process.memory_info().rss)
    return {"workers_cpu_s": round(cpu_s, 2), "worker_mb": round(largest / 2**20)}


def peak_mb() -> int:
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


def settings_of(asked: dict[str, Any]) -> JobSettings:
    return JobSettings(engine=asked["engine"], n_workers=asked["workers"])


def filled(folder: Path, n: int) -> Workspace:
    """Return a workspace with rows of that many images and no bytes."""
    workspace = workspaces.create(folder / "workspace")
    connection = workspace.connection()
    for pragma in ("synchronous = OFF", "cache_size = -400000", "foreign_keys = OFF"):
        connection.execute(f"PRAGMA {pragma}")
    columns = "id, digest, format, n_bytes, width_px, height_px, phash, dhash, added_at"
    fixed = f"'JPEG', 100000, 640, 480, '{'0' * 16}', '{'0' * 16}', '2026'"
    with workspace.transaction() as writing:
        writing.executemany(
            f"INSERT INTO image ({columns}) VALUES (?, ?, {fixed})",
            ((number, digest(number)) for number in range(1, n + 1)),
        )
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    workspace.close()
    return workspaces.open_existing(folder / "workspace")  # With the usual pragmas.


def synthesised(asked: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Hashes and embeddings by workers, merged into a workspace in the order of the images."""
    workspace, settings = filled(folder, asked["n"]), settings_of(asked)
    base_mb = peak_mb()
    known = stored.create(workspace, "synthetic", size_px=160, weights_sha256="", n_dimensions=N_DIMENSIONS)
    merge_s, head_cpu_s, began = 0.0, time.process_time(), time.perf_counter()
    waiting: list[Any] = []
    with opening.opened(settings) as engine:
        kept = ShardFiles(shard_files.folder_of(workspace))
        missing = stored.missing(workspace, known.set_id)
        listed_s = time.perf_counter() - began
        ids = {digest: image_id for image_id, digest in missing}
        shards = (
            Shard("scale_units:synthesise", 1, tuple(digest for _, digest in block))
            for block in in_blocks(missing, embedding.BLOCK)
        )
        for done in engine.map_in_order(shards, kept, should_stop=lambda: False):
            waiting.append(done)
            if len(waiting) == STORED_EVERY:
                merge_s += merge(workspace, known.set_id, ids, waiting)
                waiting = []
        merge_s += merge(workspace, known.set_id, ids, waiting)
        used, of_workers = engine.use(), workers()
    seconds = time.perf_counter() - began
    assert stored.counts(workspace, known.set_id).n_missing == 0
    return {
        "seconds": round(seconds, 2),
        "photos_per_s": round(asked["n"] / seconds),
        "listed_s": round(listed_s, 2),
        "merge_s": round(merge_s, 2),
        "merged_per_s": round(asked["n"] / merge_s),
        "head_cpu_s": round(time.process_time() - head_cpu_s, 2),
        **of_workers,
        "shards": used.n_shards,
        "database_mb": round((workspace.path / "peakid.db").stat().st_size / 2**20),
        "base_mb": base_mb,
    }


def merge(workspace: Workspace, set_id: int, ids: dict[str, int], waiting: list[Any]) -> float:
    """Write hashes and embeddings as the job does; return the seconds."""
    if not waiting:
        return 0.0
    began = time.perf_counter()
    numbers = [ids[digest] for done in waiting for digest in done.shard.digests]
    arrays = [packing.unpacked(done.data)[1] for done in waiting]
    hashes = np.concatenate([each["hashes"] for each in arrays]).tolist()
    with workspace.transaction() as connection:
        connection.executemany(
            "UPDATE image SET phash = ?, dhash = ? WHERE id = ?",
            [(f"{a:016x}", f"{b:016x}", n) for (a, b), n in zip(hashes, numbers, strict=True)],
        )
    stored.add(workspace, set_id, numbers, np.concatenate([each["features"] for each in arrays]))
    for done in waiting:
        done.forget()
    return time.perf_counter() - began


def decode(asked: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Photos measured as a scan does: 64 drawings, each with other bytes at its end."""
    workspace, settings = workspaces.create(folder / "workspace"), settings_of(asked)
    random, drawn = np.random.default_rng(0), []
    for _ in range(N_DRAWN):
        out = io.BytesIO()
        coarse = Image.fromarray(random.integers(0, 256, (24, 32, 3), dtype=np.uint8))
        coarse.resize(PHOTO_PX, Image.Resampling.BICUBIC).save(out, "JPEG", quality=85)
        drawn.append(out.getvalue())
    rows = []
    for number in range(1, asked["n"] + 1):
        data = drawn[number % N_DRAWN] + number.to_bytes(4, "big")
        own = hashlib.sha256(data).hexdigest()
        path = images.image_path(workspace, own)
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(data)
        rows.append((number, own, len(data), *PHOTO_PX))
    zero = "0" * 16
    with workspace.transaction() as connection:
        connection.executemany(
            "INSERT INTO image (id, digest, format, n_bytes, width_px, height_px, phash, dhash, added_at)"
            f" VALUES (?, ?, 'JPEG', ?, ?, ?, '{zero}', '{zero}', '2026')",
            rows,
        )
    began = time.perf_counter()
    with opening.opened(settings) as engine:
        used = measuring.measure(workspace, engine, settings, report=no_report, should_stop=lambda: False)
        of_workers = workers()
    seconds = time.perf_counter() - began
    shutil.rmtree(workspace.images_dir)
    return {
        "seconds": round(seconds, 2),
        "photos_per_s": round(asked["n"] / seconds),
        "unit_s": round(used.core_seconds, 2),
        **of_workers,
        "cpu_ms_per_photo": round(1000 * of_workers["workers_cpu_s"] / asked["n"], 2),
        "shards": used.n_shards,
    }


def overhead(asked: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Shards that compute nothing, after the workers have started."""
    settings, n_bytes = settings_of(asked), asked["n_bytes"]

    def shards(first: int, n: int) -> Iterator[Shard]:
        for number in range(first, first + n):
            digests = tuple(digest(64 * number + each) for each in range(64))
            yield Shard("scale_units:nothing", 1, digests, {"n_bytes": n_bytes})

    kept, began = ShardFiles(folder / "shards"), time.perf_counter()
    head_cpu_s = 0.0
    with opening.opened(settings) as engine:
        for done in engine.map(shards(0, 50), kept, should_stop=lambda: False):
            done.forget()
        started_s, began = time.perf_counter() - began, time.perf_counter()
        head_cpu_s = time.process_time()
        for done in engine.map(shards(50, N_EMPTY), kept, should_stop=lambda: False):
            done.forget()
        seconds = time.perf_counter() - began
        head_cpu_s = time.process_time() - head_cpu_s
    return {
        "shards": N_EMPTY,
        "started_s": round(started_s, 2),
        "seconds": round(seconds, 2),
        "ms_per_shard": round(1000 * seconds / N_EMPTY, 2),
        "head_cpu_ms_per_shard": round(1000 * head_cpu_s / N_EMPTY, 2),
    }


def print_table(part: str, rows: list[dict[str, Any]]) -> None:
    if not rows:
        return
    columns = [key for key in rows[0] if key != "part"]
    print(f"\n{part}\n| {' | '.join(columns)} |\n|{'---|' * len(columns)}")
    for row in rows:
        print(f"| {' | '.join(str(row.get(column, '-')) for column in columns)} |")


def projection(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Return how long a million and ten million photos would take on ten machines, with the assumptions."""
    decoded = [row["cpu_ms_per_photo"] for row in rows if row["part"] == "decode" and row["workers"] == 1]
    decode_ms = decoded[0] if decoded else DECODE_MS
    largest = max((row for row in rows if row["part"] == "map"), key=lambda row: row["n"], default=None)
    head_s_per_photo = largest["head_cpu_s"] / largest["n"] if largest else 1e-4
    lines, figures = [], []
    for n in (1_000_000, 10_000_000):
        workers_s = n * (decode_ms + EMBED_MS) / 1000 / (MACHINES * CORES)
        head_s = n * head_s_per_photo
        figures.append({"n": n, "workers_s": round(workers_s), "head_s": round(head_s)})
        limit = "the head" if head_s > workers_s else "the workers"
        lines.append(
            f"{n:,} photos: workers {workers_s:,.0f} s, head {head_s:,.0f} s; at least"
            f" {max(head_s, workers_s) / 60:,.1f} min, limited by {limit}."
        )
    n_cores = MACHINES * CORES
    assumptions = [
        f"Projection to {MACHINES} machines of {CORES} cores, not measured. Assumed:",
        f"- a photo costs {decode_ms:g} ms (part decode) and {EMBED_MS:g} ms (assumed: lite0 at 160 px);",
        f"- workers scale linearly: each has its core, and the shared disk is fast enough for {n_cores};",
        f"- giving out shards of {embedding.BLOCK} photos and merging them costs the head"
        f" {1e6 * head_s_per_photo:,.0f} us of CPU a photo, as with the largest size above;",
        "- its disk keeps up;",
        "- nothing else runs, and starting Ray and the workers (seconds) does not count;",
        "- the network of the head takes 2.6 kB a photo.",
    ]
    return {"assumptions": assumptions, "lines": lines, "figures": figures}


if __name__ == "__main__":
    main()
