"""Kill a training at random moments, resume it, and compare the result: `python bench/killed.py`.

Both train the same small network on the same drawn photos; their weights are compared byte by byte. Then some
trainings are cancelled, and the time is measured until they react and until they have ended with their best
epoch kept.
"""

import argparse
import hashlib
import json
import os
import random
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SETTINGS = (
    "arch=small_resnet",
    "pretrained=none",
    "image_size_px=64",
    "device=cpu",
    "checkpoint_every_min=0.02",
)


def peakid(workspace: Path, *arguments: object) -> dict:
    """Run one command and return its JSON document."""
    command = [sys.executable, "-m", "peakid", "--workspace", str(workspace), *map(str, arguments), "--json"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)}\n{done.stderr}")
    return json.loads(done.stdout)


def job_row(workspace: Path, job_id: int) -> tuple[str, int | None, str, int]:
    """Read a job's state, process, phase and step as a page does, without the cost of a command."""
    from peakid.jobs import queue
    from peakid.store import workspace as workspaces

    job = queue.show(workspaces.open_existing(workspace), job_id)
    return job.state, job.pid, job.phase, job.step


def kill_at_random(workspace: Path, job_id: int, kills: int, rng: random.Random) -> list[str]:
    """Kill the process of the job at random moments and resume it. Return what it was doing each time."""
    doing = []
    while len(doing) < kills:
        time.sleep(rng.uniform(0.0, 14.0))
        state, pid, phase, step = job_row(workspace, job_id)
        if state == "done":
            break
        if state != "running" or pid is None:
            continue
        os.kill(pid, signal.SIGKILL)
        doing.append(f"{phase} {step}".strip() or "starting")
        while job_row(workspace, job_id)[0] != "lost":
            time.sleep(0.05)
        peakid(workspace, "jobs", "resume", job_id)
    return doing


def cancel(workspace: Path, settings: list[str]) -> tuple[float, float, int | None]:
    """Cancel a training between batches. Return the seconds until it reacts and ends, and the epoch kept."""
    from peakid.jobs import queue
    from peakid.store import workspace as workspaces

    opened = workspaces.open_existing(workspace)
    job_id = peakid(workspace, "train", *settings)["job_id"]
    while not (job_row(workspace, job_id)[2].startswith("Training") and job_row(workspace, job_id)[3] > 40):
        time.sleep(0.05)
    began = time.perf_counter()
    queue.cancel(opened, job_id)
    while opened.one("SELECT stopping_at FROM job WHERE id = ?", (job_id,))["stopping_at"] is None:
        time.sleep(0.005)
    answered = time.perf_counter() - began
    queue.wait(opened, job_id)
    kept = opened.one("SELECT best_epoch FROM run WHERE job_id = ?", (job_id,))["best_epoch"]
    return answered, time.perf_counter() - began, kept


def weights(workspace: Path, run_id: int) -> str:
    return hashlib.sha256((workspace / "runs" / str(run_id) / "model.safetensors").read_bytes()).hexdigest()[
        :12
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--cancels", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=120)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    sys.path.insert(0, str(ROOT))
    with tempfile.TemporaryDirectory() as folder:
        workspace = Path(folder) / "workspace"
        peakid(workspace, "demo", "--images", 60)
        peakid(workspace, "snapshot", "create")
        settings = [
            word for setting in (*SETTINGS, f"scratch_epochs={given.epochs}") for word in ("--set", setting)
        ]
        started = time.perf_counter()
        straight = peakid(workspace, "train", *settings, "--wait")
        seconds = time.perf_counter() - started
        job_id = peakid(workspace, "train", *settings)["job_id"]
        doing = kill_at_random(workspace, job_id, given.kills, random.Random(given.seed))
        cut = peakid(workspace, "jobs", "show", job_id, "--wait")
        run_id = cut["result"]["run_id"] if "result" in cut else straight["run_id"] + 1
        same = weights(workspace, run_id) == weights(workspace, straight["run_id"])
        left = sorted(file.name for file in (workspace / "runs" / str(run_id)).glob("checkpoint-*"))
        cancelled = [cancel(workspace, [*settings, "--set", f"seed={i + 1}"]) for i in range(given.cancels)]
    print(
        f"torch {version('torch')}, {os.cpu_count()} cores; {given.epochs} epochs, left alone {seconds:.0f} s"
    )
    print(f"killed {len(doing)} times: {', '.join(doing)}")
    print(f"ended {cut['state']}; the same weights, byte for byte: {same}; checkpoints left: {left}")
    answered, ended, kept = zip(*cancelled, strict=True) if cancelled else ((), (), ())
    for name, values in (("reacted to the request", answered), ("ended with its best epoch kept", ended)):
        if values:
            seconds_text = f"{statistics.median(values):.2f} s, at most {max(values):.2f} s"
            print(f"cancelled {len(values)} times: {name} after {seconds_text}")
    facts = {
        "answered_s": answered,
        "ended_s": ended,
        "kept": kept,
        "n_kills": len(doing),
        "during": doing,
        "state": cut["state"],
        "is_same": same,
        "n_checkpoints_left": len(left),
    }
    print(json.dumps({"bench": "killed", "epochs": given.epochs, "seconds_alone": seconds, **facts}))


if __name__ == "__main__":
    main()
