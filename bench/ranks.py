"""Train on one and on two ranks with several seeds: `python bench/ranks.py --data FOLDER [--seeds 5]`.

Each seed trains the same recipe on the same snapshot on both, one after the other, in alternating order. The
metrics are compared in pairs; what two seeds of one rank differ by says what a difference means.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path

from scipy import stats

from peakid.evaluate import scored_images
from peakid.store import runs
from peakid.store.workspace import Workspace, open_existing

ROOT = Path(__file__).resolve().parents[1]
RECIPE = {
    "arch": "timm/tf_efficientnet_lite0",  # A package holds its weights.
    "image_size_px": 64,
    "batch_size": 16,
    "head_epochs": 1,
    "body_epochs": 3,
    "device": "cpu",
}


def peakid(workspace: Path, *arguments: object) -> dict:
    """Run one command and return its JSON document."""
    command = [sys.executable, "-m", "peakid", "--workspace", str(workspace), *map(str, arguments), "--json"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)}\n{done.stderr}")
    return json.loads(done.stdout)


def one(workspace: Path, seed: int, n_ranks: int, engine: str) -> dict:
    settings = [part for key, value in RECIPE.items() for part in ("--set", f"{key}={value}")]
    on = ["--ranks", n_ranks, "--engine", engine]
    told = peakid(
        workspace, "train", "--recipe", "standard", *settings, "--set", f"seed={seed}", *on, "--wait"
    )
    opened = open_existing(workspace)
    epochs = runs.epochs(opened, told["run_id"])
    body = [each.seconds for each in epochs if each.phase == epochs[-1].phase]
    return {
        "accuracy": _accuracy(opened, told["run_id"]),
        "valid_loss": told["metrics"]["valid_loss"],
        "epoch_s": statistics.median(body),
        "job_s": told["seconds"],
    }


def _accuracy(workspace: Workspace, run_id: int) -> float:
    """Return the share of validation and test images that were predicted right: one split alone is small."""
    right = [bool(each) for split in ("valid", "test") for each in _right(workspace, run_id, split)]
    return statistics.mean(right)


def _right(workspace: Workspace, run_id: int, split: str) -> list[bool]:
    found = scored_images.load(workspace, runs.show(workspace, run_id), split)
    return (found.pred_probs.argmax(axis=1) == found.given).tolist()


def interval(values: list[float]) -> tuple[float, float, float]:
    """Return the mean of paired differences and its 95 % interval (Student's t)."""
    mean = statistics.mean(values)
    half = stats.t.ppf(0.975, len(values) - 1) * statistics.stdev(values) / len(values) ** 0.5
    return mean, mean - half, mean + half


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="The folder that holds data/.")
    parser.add_argument("--folder", default="otters")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--engine", default="local", choices=["local", "ray"])
    given = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        workspace = Path(folder) / "workspace"
        peakid(workspace, "init")
        peakid(workspace, "import", "folder", (given.data / "data" / given.folder).resolve())
        peakid(workspace, "scan")
        peakid(workspace, "snapshot", "create")
        for seed in range(given.seeds):
            order = (1, 2) if seed % 2 else (2, 1)
            found = {n_ranks: one(workspace, seed, n_ranks, given.engine) for n_ranks in order}
            rows.append({"seed": seed, "one": found[1], "two": found[2]})
            print(rows[-1], file=sys.stderr, flush=True)
    report(given.folder, given.engine, rows)


def report(name: str, engine: str, rows: list[dict]) -> None:
    versions = f"torch {version('torch')}, fastai {version('fastai')}"
    print(f"{name}, engine {engine}; {versions}, {os.cpu_count()} cores")
    print("             1 rank  2 ranks  difference (95 % interval)  between seeds of 1 rank")
    found = {}
    for key in ("accuracy", "valid_loss", "epoch_s", "job_s"):
        one_rank, two_ranks = ([row[at][key] for row in rows] for at in ("one", "two"))
        mean, low, high = interval([b - a for a, b in zip(one_rank, two_ranks, strict=True)])
        spread = statistics.stdev(one_rank)
        found[key] = {
            "one": statistics.mean(one_rank),
            "two": statistics.mean(two_ranks),
            "difference": [mean, low, high],
            "sd_of_one": spread,
        }
        means = f"{found[key]['one']:>7.3f}  {found[key]['two']:>7.3f}"
        print(f"{key:<11}  {means}  {mean:+.3f} ({low:+.3f} to {high:+.3f})    sd {spread:.3f}")
    print(json.dumps({"bench": "ranks", "folder": name, "engine": engine, "rows": rows, "found": found}))


if __name__ == "__main__":
    main()
