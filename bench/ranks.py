"""Train on one and on two ranks with several seeds: `python bench/ranks.py --data FOLDER --into FILE`.

Each seed trains the same recipe on the same snapshot on both, one after the other, in alternating order. The
metrics are compared in pairs; what two seeds of one rank differ by says what a difference means. Each
training is a line of FILE as soon as it has ended: the same command continues after an interruption, or
with more seeds.
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
from datetime import date
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from scipy import stats

from peakid.evaluate import scored_images
from peakid.jobs import presence
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
KEYS = {
    "accuracy": "share of validation and test images",
    "log_loss": "the same images",
    "valid_loss": "best epoch",
    "core_s": "CPU of all processes of a job",
    "epoch_s": "median of the body's epochs",
    "job_s": "from start to end of a job",
}


def peakid(workspace: Path, *arguments: object) -> dict[str, Any]:
    """Run one command and return its JSON document."""
    command = [sys.executable, "-m", "peakid", "--workspace", str(workspace), *map(str, arguments), "--json"]
    # The worker stays, so that its children's CPU time can be read; embeddings would compete with trainings.
    own = {"PEAKID_AUTO_EMBED": "0", "PEAKID_WORKER_IDLE_S": "600"}
    done = subprocess.run(command, cwd=ROOT, env=os.environ | own, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)}\n{done.stderr}")
    return json.loads(done.stdout)


def one(workspace: Path, seed: int, n_ranks: int, engine: str) -> dict[str, float]:
    """Train once, as a job of the worker, and return its figures."""
    settings = [part for key, value in RECIPE.items() for part in ("--set", f"{key}={value}")]
    on = ["--ranks", n_ranks, "--engine", engine]
    before = worker_cpu_s(workspace)
    told = peakid(
        workspace, "train", "--recipe", "standard", *settings, "--set", f"seed={seed}", *on, "--wait"
    )
    opened = open_existing(workspace)
    epochs = runs.epochs(opened, told["run_id"])
    body = [each.seconds for each in epochs if each.phase == epochs[-1].phase]
    accuracy, log_loss = _scores(opened, told["run_id"])
    return {
        "accuracy": accuracy,
        "log_loss": log_loss,
        "valid_loss": told["metrics"]["valid_loss"],
        "core_s": worker_cpu_s(workspace) - before,
        "epoch_s": statistics.median(body),
        "job_s": told["seconds"],
    }


def worker(workspace: Path) -> psutil.Process | None:
    """Return the process that runs the jobs of a workspace, None before the first one."""
    try:
        signed = json.loads((workspace / presence.LOCK_NAME).read_text())
        return psutil.Process(signed["process"]["pid"])
    except (OSError, ValueError, psutil.Error):
        return None


def worker_cpu_s(workspace: Path) -> float:
    """Return the CPU seconds of the worker's jobs so far, with all of their processes that have ended."""
    found = worker(workspace)
    if found is None:
        return 0.0
    times = found.cpu_times()
    return times.children_user + times.children_system


def _scores(workspace: Workspace, run_id: int) -> tuple[float, float]:
    """Return accuracy and log loss on validation and test images together: one split alone is small."""
    right, losses = [], []
    for split in ("valid", "test"):
        found = scored_images.load(workspace, runs.show(workspace, run_id), split)
        right.append(found.pred_probs.argmax(axis=1) == found.given)
        chosen = found.pred_probs[np.arange(len(found.given)), found.given]
        losses.append(-np.log(np.maximum(chosen, 1e-12)))
    return float(np.concatenate(right).mean()), float(np.concatenate(losses).mean())


def interval(values: list[float]) -> tuple[float, float, float]:
    """Return the mean of paired differences and its 95 % interval (Student's t)."""
    mean = statistics.mean(values)
    half = stats.t.ppf(0.975, len(values) - 1) * statistics.stdev(values) / len(values) ** 0.5
    return mean, mean - half, mean + half


def photos_in(data: Path, name: str) -> Path:
    found = [each for each in (data / "data" / name, data / name) if each.is_dir()]
    if not found:
        raise SystemExit(f"There is no folder {name} in {data} or {data / 'data'}.")
    return found[0].resolve()


def rows_in(file: Path, folder: str, engine: str) -> dict[tuple[int, int], dict[str, Any]]:
    """Return the trainings that a file has, of this folder, engine and recipe, by seed and ranks."""
    if not file.exists():
        return {}
    rows = [json.loads(line) for line in file.read_text().splitlines()]
    wanted = {"folder": folder, "engine": engine, "recipe": RECIPE}
    return {
        (row["seed"], row["n_ranks"]): row
        for row in rows
        if all(row[key] == value for key, value in wanted.items())
    }


def train_missing(given: argparse.Namespace, missing: list[tuple[int, int]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        workspace = Path(folder) / "workspace"
        peakid(workspace, "init")
        peakid(workspace, "import", "folder", photos_in(given.data, given.folder))
        peakid(workspace, "scan")
        peakid(workspace, "snapshot", "create")
        try:
            for seed, n_ranks in missing:
                known = {"folder": given.folder, "engine": given.engine, "recipe": RECIPE}
                row = known | {"seed": seed, "n_ranks": n_ranks, "load": os.getloadavg()[0]}
                row |= one(workspace, seed, n_ranks, given.engine)
                with given.into.open("a") as stream:
                    stream.write(json.dumps(row) + "\n")
                print({key: row[key] for key in ("seed", "n_ranks", "load", *KEYS)}, file=sys.stderr)
        finally:
            if (found := worker(workspace)) is not None:
                found.terminate()
                found.wait(10)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="The folder that holds the collections.")
    parser.add_argument("--into", type=Path, required=True, help="A file with a line for each training.")
    parser.add_argument("--folder", default="otters", help="The collection: a folder for each class.")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--engine", default="local", choices=["local", "ray"])
    given = parser.parse_args()
    orders = [(seed, (1, 2) if seed % 2 else (2, 1)) for seed in range(given.seeds)]
    planned = [(seed, n_ranks) for seed, order in orders for n_ranks in order]
    done = rows_in(given.into, given.folder, given.engine)
    missing = [each for each in planned if each not in done]
    if missing:
        train_missing(given, missing)
    report(given, rows_in(given.into, given.folder, given.engine))


def report(given: argparse.Namespace, rows: dict[tuple[int, int], dict[str, Any]]) -> None:
    versions = f"torch {version('torch')}, fastai {version('fastai')}, Python {platform.python_version()}"
    print(f"{given.folder}, {given.seeds} seeds, engine {given.engine}; {versions}, {os.cpu_count()} cores")
    loads = [row["load"] for row in rows.values()]
    print(f"{date.today()}, load before a training {min(loads):.1f} to {max(loads):.1f}")
    print(f"{'':<11}   1 rank  2 ranks  difference (95 % interval)      between seeds of 1 rank")
    found = {}
    for key, what in KEYS.items():
        one_rank, two_ranks = (
            [rows[seed, n_ranks][key] for seed in range(given.seeds)] for n_ranks in (1, 2)
        )
        mean, low, high = interval([b - a for a, b in zip(one_rank, two_ranks, strict=True)])
        spread = statistics.stdev(one_rank)
        means = statistics.mean(one_rank), statistics.mean(two_ranks)
        found[key] = {"means": means, "difference": [mean, low, high], "sd_of_one": spread}
        difference = f"{mean:+.3f} ({low:+.3f} to {high:+.3f})"
        print(f"{key:<11}  {means[0]:>7.3f}  {means[1]:>7.3f}  {difference:<30}  sd {spread:.3f}  {what}")
    print(json.dumps({"bench": "ranks", "folder": given.folder, "engine": given.engine, "found": found}))


if __name__ == "__main__":
    main()
