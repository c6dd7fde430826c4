"""Time the quick preset to its first result: `python bench/quick.py --data FOLDER [--folder intel6]`.

The time is that of `train --wait`: start of the worker, libraries, decoding, embeddings, the head,
predictions and files. Training on all photos and on a third of them separates what grows with the photos
from what does not.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
WEIGHTS = "tf2_mobilenet_v2_1.0_224_ptq-torchvision-fp16.pth"
TARGET_PHOTOS, TARGET_S = 3000, 300


def peakid(workspace: Path, *arguments: object) -> dict:
    """Run one command and return its JSON document."""
    command = [sys.executable, "-m", "peakid", "--workspace", str(workspace), *map(str, arguments), "--json"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)}\n{done.stderr}")
    return json.loads(done.stdout)


def measure(photos: Path, folder: Path, every: int, settings: list[str]) -> dict:
    """Train with the quick preset on every n-th photo. Return times and scores."""
    linked = folder / f"photos-{every}"
    for place in sorted(path for path in photos.rglob("*") if path.is_dir()):
        for file in sorted(path for path in place.iterdir() if path.is_file())[::every]:
            target = linked / file.relative_to(photos)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(file.read_bytes())
    workspace = folder / f"workspace-{every}"
    peakid(workspace, "init")
    peakid(workspace, "import", "folder", linked)
    frozen = peakid(workspace, "snapshot", "create")
    started = time.perf_counter()
    run = peakid(workspace, "train", "--recipe", "quick", *settings, "--wait")
    seconds = time.perf_counter() - started
    score = peakid(workspace, "evaluate", run["run_id"], "--split", "test")
    return {
        "n_images": frozen["n_images"],
        "seconds": seconds,
        "job_seconds": run["seconds"],
        "valid_accuracy": run["metrics"]["accuracy"],
        "test_accuracy": score["accuracy"],
        "n_test": score["n_images"],
        "interval": score["accuracy_interval"],
        "load": os.getloadavg()[0],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="The folder that holds data/ and weights/.")
    parser.add_argument("--folder", default="intel6")
    parser.add_argument("--image-size-px", type=int, default=160)
    given = parser.parse_args()
    weights = (given.data / "weights" / WEIGHTS).resolve()
    settings = [
        "--set",
        "arch=mobilenet_v2",
        "--set",
        f"pretrained={weights}",
        "--set",
        f"image_size_px={given.image_size_px}",
    ]
    with tempfile.TemporaryDirectory() as folder:
        photos = (given.data / "data" / given.folder).resolve()
        few, all_of_them = (measure(photos, Path(folder), every, settings) for every in (3, 1))
    each = (all_of_them["seconds"] - few["seconds"]) / (all_of_them["n_images"] - few["n_images"])
    fixed = all_of_them["seconds"] - each * all_of_them["n_images"]
    guess = fixed + each * TARGET_PHOTOS
    print(f"{given.folder}, {given.image_size_px} px; torch {version('torch')}, {os.cpu_count()} cores")
    for row in (few, all_of_them):
        low, high = row["interval"]
        print(
            f"{row['n_images']:>6} photos: {row['seconds']:6.1f} s, valid {row['valid_accuracy']:.3f}, "
            f"test {row['test_accuracy']:.3f} ({low:.3f}-{high:.3f}, n = {row['n_test']}),"
            f" load {row['load']:.1f}"
        )
    print(
        f"{fixed:.0f} s fixed + {each * 1000:.0f} ms per photo:"
        f" {TARGET_PHOTOS} photos in {guess:.0f} s (target {TARGET_S} s)"
    )
    print(
        json.dumps(
            {
                "bench": "quick",
                "folder": given.folder,
                "rows": [few, all_of_them],
                "fixed_s": fixed,
                "each_s": each,
            }
        )
    )


if __name__ == "__main__":
    main()
