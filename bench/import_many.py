"""Import very many small files: speed, memory, and what `kill -9` loses: `python bench/import_many.py`.

The files are 250 drawn pictures with different comments, so that an import sees different bytes. They are
imported as copies, then in place, each in one process. Then they are imported as copies by a process that
is killed ten times at random moments and started again.
"""

import argparse
import io
import json
import os
import platform
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from PIL import Image

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from peakid.acquire import folder
from peakid.store import workspace as workspaces

N_DRAWN, N_CLASSES, PER_FOLDER = 250, 20, 1000
SIZE_PX = (160, 120)
N_KILLS = 10
POLL_S = 0.1


def draw(target: Path, n_files: int) -> None:
    """Write `n_files` JPEGs below class folders, the same each time."""
    drawn = [_drawn(seed) for seed in range(min(N_DRAWN, n_files))]
    for n in range(n_files):
        data, comment = drawn[n % len(drawn)], n.to_bytes(4, "big")
        place = target / f"class {n // PER_FOLDER % N_CLASSES:02}" / f"{n // PER_FOLDER:03}"
        if n % PER_FOLDER == 0:
            place.mkdir(parents=True)
        (place / f"{n:06}.jpg").write_bytes(data[:2] + b"\xff\xfe\x00\x06" + comment + data[2:])


def _drawn(seed: int) -> bytes:
    coarse = np.random.default_rng(seed).integers(0, 256, (9, 12, 3), dtype=np.uint8)
    out = io.BytesIO()
    Image.fromarray(coarse).resize(SIZE_PX, Image.Resampling.BICUBIC).save(out, "JPEG", quality=85)
    return out.getvalue()


def imported(photos: Path, place: Path, *, is_in_place: bool, every: int) -> dict[str, Any]:
    """Import in this process; answer rate and memory per `every` files."""
    workspace, process = workspaces.create(place), psutil.Process()
    marks, last = [], time.monotonic()

    def report(_phase: str, step: int, _total: int, _message: str) -> None:
        nonlocal last
        if step % every:
            return
        helpers = sum(child.memory_info().rss for child in process.children())
        rate, last = every / (time.monotonic() - last), time.monotonic()
        marks.append(
            {
                "n": step,
                "rate": rate,
                "rss_mb": process.memory_info().rss / 2**20,
                "decoder_mb": helpers / 2**20,
            }
        )
        print(
            "{n:>9,} files  {rate:>6.0f} a second  {rss_mb:>5.0f} MB  decoder {decoder_mb:>5.0f} MB".format(
                **marks[-1]
            ),
            flush=True,
        )

    brought = folder.import_folder(
        workspace, photos, in_place=is_in_place, actor="human:bench", report=report
    )
    return {
        "n_added": brought.n_added,
        "seconds": brought.seconds,
        "rate": brought.n_added / brought.seconds,
        "marks": marks,
    }


def killed(photos: Path, place: Path, n_files: int, seed: int) -> dict[str, Any]:
    """Import by a process that is killed when it passes random counts of images; then once to the end."""
    workspaces.create(place)
    command = [
        sys.executable,
        "-m",
        "peakid",
        "--workspace",
        str(place),
        "import",
        "folder",
        str(photos),
        "--json",
    ]
    moments, rng, n_kills, started = (
        sorted(random.Random(seed).sample(range(1, n_files), N_KILLS)),
        random.Random(seed + 1),
        0,
        time.monotonic(),
    )
    for moment in moments:
        process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, start_new_session=True)
        while process.poll() is None and _count(place) < moment:
            time.sleep(POLL_S)
        time.sleep(rng.random() * 0.4)
        n_kills += process.poll() is None
        process.kill()
        print(f"killed with {_count(place):,} images, {process.wait() == -signal.SIGKILL}", flush=True)
    answer = json.loads(subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, check=True).stdout)
    return {
        "n_kills": n_kills,
        "seconds": time.monotonic() - started,
        "last": {key: answer[key] for key in ("n_added", "n_known", "n_rejected")},
    }


def _count(place: Path) -> int:
    with closing(sqlite3.connect(place / workspaces.DATABASE_NAME, timeout=10)) as connection:
        return connection.execute("SELECT COUNT(*) FROM image").fetchone()[0]


def checked(place: Path, n_files: int) -> dict[str, int]:
    """Count what would be wrong: all but the first three must be 0."""
    missing = "SELECT COUNT(*) FROM image WHERE id NOT IN (SELECT image_id FROM"
    questions = {
        "n_images": "SELECT COUNT(*) FROM image",
        "n_origins": "SELECT COUNT(DISTINCT path) FROM origin",
        "n_decisions": "SELECT COUNT(*) FROM decision",
        "n_twice": "SELECT COUNT(*) FROM (SELECT 1 FROM origin GROUP BY path HAVING COUNT(*) > 1)",
        "n_without_origin": f"{missing} origin)",
        "n_without_state": f"{missing} image_state WHERE verdict = 'label')",
        "n_without_measure": f"{missing} image_measure)",
        "n_without_hashes": f"{missing} orientation_hash)",
        "n_broken_keys": "SELECT COUNT(*) FROM pragma_foreign_key_check",
    }
    with closing(sqlite3.connect(place / workspaces.DATABASE_NAME)) as connection:
        found = {name: connection.execute(sql).fetchone()[0] for name, sql in questions.items()}
        digests = {row[0] for row in connection.execute("SELECT digest FROM image")}
    stored, thumbs = _names(place / "images"), _names(place / "thumbs")
    found["n_without_bytes"], found["n_without_thumbnail"] = (
        len(digests - stored),
        len({f"{digest}.jpg" for digest in digests} - thumbs),
    )
    found["n_stored_and_unknown"], found["n_lost"] = len(stored - digests), n_files - found["n_images"]
    return found


def _names(top: Path) -> set[str]:
    return {name for _, _, files in os.walk(top) for name in files}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--files", type=int, default=100_000)
    parser.add_argument("--every", type=int, help="files between two lines; default a tenth")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--in", dest="place", type=Path, help="a folder with 60 KB of room per file; default a temporary one"
    )
    options = parser.parse_args()
    versions = {name: version(name) for name in ("pillow", "numpy")} | {"sqlite": sqlite3.sqlite_version}
    print(f"Python {platform.python_version()}, {os.cpu_count()} cores, {versions}")
    top = Path(tempfile.mkdtemp(prefix="peakid-many-", dir=options.place))
    try:
        result = measured(top, options.files, options.every or max(1, options.files // 10), options.seed)
    finally:
        shutil.rmtree(top)
    print(json.dumps({"bench": "import_many", "n_files": options.files, **result, "versions": versions}))


def measured(top: Path, n_files: int, every: int, seed: int) -> dict[str, Any]:
    started, result = time.monotonic(), {}
    draw(top / "photos", n_files)
    print(f"{n_files:,} files drawn in {time.monotonic() - started:.1f} s")
    for name, is_in_place in (("in_place", True), ("copied", False)):
        print(name)
        result[name] = imported(top / "photos", top / name, is_in_place=is_in_place, every=every)
        result[name]["n_copies"] = len(_names(top / name / "images"))
        shutil.rmtree(top / name)
    result["killed"] = killed(top / "photos", top / "killed", n_files, seed)
    result["killed"]["found"] = checked(top / "killed", n_files)
    print(result["killed"])
    return result


if __name__ == "__main__":
    main()
