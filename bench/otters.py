"""Go from import to test score on real photos, with several seeds: `python bench/otters.py --data FOLDER`.

The result to beat is a logistic regression on frozen embeddings of the same network, trained and scored on
the same splits.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
WEIGHTS = "tf2_mobilenet_v2_1.0_224_ptq-torchvision-fp16.pth"


def peakid(workspace: Path, *arguments: object) -> dict:
    """Run one command and return its JSON document."""
    command = [sys.executable, "-m", "peakid", "--workspace", str(workspace), *map(str, arguments), "--json"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)}\n{done.stderr}")
    return json.loads(done.stdout)


def linear_head(workspace: Path, digest: str, weights: Path, image_size_px: int) -> float:
    """Return the test accuracy of a logistic regression on frozen embeddings, on the same splits."""
    import numpy as np
    import torch
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import StandardScaler
    from torchvision.models import mobilenet_v2

    from peakid.dataset import snapshot
    from peakid.imaging import pixels
    from peakid.store import images
    from peakid.store import workspace as workspaces

    opened = workspaces.open_existing(workspace)
    items = snapshot.items(opened, digest)
    body = mobilenet_v2()
    body.load_state_dict(
        {name: value.float() for name, value in torch.load(weights, weights_only=True).items()}
    )
    body.classifier = torch.nn.Identity()
    body.eval()
    mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    rows = []
    with torch.no_grad():
        for item in items:
            seen = pixels.preprocess(
                images.read_bytes(opened, item.digest), size_px=image_size_px, resize="crop"
            )
            batch = ((torch.from_numpy(np.array(seen)) / 255 - mean) / std).permute(2, 0, 1)[
                None
            ]  # (1, 3, S, S)
            rows.append(body(batch)[0].numpy())
    embeddings, labels = np.stack(rows), np.array([item.label for item in items])
    splits = np.array([item.split for item in items])
    learn, test = splits == "train", splits == "test"
    scaler = StandardScaler().fit(embeddings[learn])
    head = LogisticRegression(C=0.01, max_iter=2000).fit(scaler.transform(embeddings[learn]), labels[learn])
    return float(head.score(scaler.transform(embeddings[test]), labels[test]))


def one_seed(workspace: Path, seed: int, weights: Path) -> dict:
    frozen = peakid(workspace, "snapshot", "create", "--seed", seed)
    settings = ["--set", "arch=mobilenet_v2", "--set", f"pretrained={weights}"]
    started = time.perf_counter()
    run = peakid(workspace, "train", frozen["digest"], *settings, "--wait")
    seconds = time.perf_counter() - started
    score = peakid(workspace, "evaluate", run["run_id"], "--split", "test")
    linear = linear_head(workspace, frozen["digest"], weights, 160)
    return {
        "seed": seed,
        "n_test": score["n_images"],
        "accuracy": score["accuracy"],
        "interval": score["accuracy_interval"],
        "linear_head": linear,
        "seconds": seconds,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="The folder that holds data/ and weights/.")
    parser.add_argument("--folder", default="otters")
    parser.add_argument("--seeds", type=int, default=5)
    given = parser.parse_args()
    weights = (given.data / "weights" / WEIGHTS).resolve()
    with tempfile.TemporaryDirectory() as folder:
        workspace = Path(folder) / "workspace"
        peakid(workspace, "init")
        imported = peakid(workspace, "import", "folder", (given.data / "data" / given.folder).resolve())
        peakid(workspace, "scan")
        rows = [one_seed(workspace, seed, weights) for seed in range(given.seeds)]
    report(given.folder, imported["n_added"], rows)


def report(name: str, n_images: int, rows: list[dict]) -> None:
    versions = f"torch {version('torch')}, fastai {version('fastai')}"
    print(f"{name}: {n_images} images; {versions}, {os.cpu_count()} cores")
    print("seed  n_test  accuracy  interval       linear head  seconds")
    for row in rows:
        low, high = row["interval"]
        head = f"{row['seed']:>4}  {row['n_test']:>6}  {row['accuracy']:>8.3f}  {low:.3f}-{high:.3f}"
        print(f"{head}  {row['linear_head']:>11.3f}  {row['seconds']:>7.0f}")
    mean = statistics.mean(row["accuracy"] for row in rows)
    linear = statistics.mean(row["linear_head"] for row in rows)
    print(f"mean accuracy {mean:.3f}, linear head {linear:.3f}, ratio {mean / linear:.3f}")
    print(
        json.dumps(
            {
                "bench": "otters",
                "folder": name,
                "rows": rows,
                "mean_accuracy": mean,
                "mean_linear_head": linear,
            }
        )
    )


if __name__ == "__main__":
    main()
