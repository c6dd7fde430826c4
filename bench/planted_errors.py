"""Planted wrong labels among the first errors of a quick training.

`python bench/planted_errors.py --keep FOLDER` draws the demo for each seed, trains the quick preset in five
folds, computes embeddings, and orders the errors in several ways. The order was chosen on the even seeds.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from scipy.stats import t as student

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from peakid.acquire import demo_import
from peakid.dataset import snapshot as snapshots
from peakid.embed import stored
from peakid.evaluate import scored_images
from peakid.jobs import embedding, ledger, process, submit, tasks
from peakid.jobs.queue import Job
from peakid.recipe import loading
from peakid.store import runs
from peakid.store import workspace as workspaces
from peakid.store.workspace import Workspace
from peakid.suggest import label_quality
from peakid.suggest.head import LiveHead

ACTOR = "human:bench"
N_FIRST = (10, 20, 40)
BEFORE, CHOSEN = "confidence", "doubted by the live head, then confidence"
N_NEAR = 20  # Of other groups.


def work_off(workspace: Workspace, job: Job) -> None:
    """Run a job in this process."""
    work = ledger.claim(workspace, job.job_id, process.own())
    tasks.run(work)
    work.end("done")


def trained(seed: int, n_images: int) -> dict[str, np.ndarray]:
    """Train on the demo of a seed; return what is known of each image, and the class that was drawn."""
    with tempfile.TemporaryDirectory() as folder:
        workspace = workspaces.create(Path(folder) / "demo")
        demo_import.import_demo(workspace, n_images=n_images, seed=seed, actor=ACTOR)
        snapshots.create(workspace, actor=ACTOR, seed=seed)
        update = {"folds": 5, "device": "cpu", "seed": seed}
        recipe = loading.presets()["quick"].model_copy(update=update)
        work_off(workspace, submit.train(workspace, recipe, actor=ACTOR))
        work_off(workspace, embedding.embed(workspace, actor=ACTOR))
        [run] = runs.list_runs(workspace)
        images = scored_images.load(workspace, run, "cv")
        held = stored.load(workspace, stored.sets(workspace)[0].set_id, images.image_ids.tolist())
        truth = json.loads((workspace.path / "demo" / "truth.json").read_text(encoding="utf-8"))
        drawn = {each["path"]: each["drawn_class"] for each in truth["files"]}
        paths = {row["id"]: row["path"] for row in workspace.query("SELECT image_id AS id, path FROM origin")}
        place = {name: n for n, name in enumerate(images.class_names)}
        workspace.close()
        return {
            "image_ids": images.image_ids,
            "given": images.given,
            "drawn": np.array([place.get(drawn[paths[each]], -1) for each in images.image_ids.tolist()]),
            "groups": images.groups,
            "pred_probs": images.pred_probs,
            "embedded_ids": held.image_ids,
            "features": held.features.astype(np.float16),
        }


def orders(held: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return a key for each order, float64 of shape (N,): the lowest comes first."""
    p, given = held["pred_probs"].astype(float), held["given"].astype(int)
    rows, predicted = np.arange(len(given)), p.argmax(axis=1)
    own, sure = p[rows, given], p[rows, predicted]
    features = held["features"][np.searchsorted(held["embedded_ids"], held["image_ids"])].astype(np.float32)
    centred = features - features.mean(axis=0)
    centred /= np.linalg.norm(centred, axis=1, keepdims=True)
    similarity = centred @ centred.T
    similarity[held["groups"][:, None] == held["groups"][None, :]] = -2.0
    near = given[np.argsort(-similarity, axis=1)[:, :N_NEAR]]  # (N, N_NEAR)
    towards = (near == given[:, None]).mean(axis=1) - (near == predicted[:, None]).mean(axis=1)
    _, found = label_quality.rank(LiveHead(features, held["groups"]), given, p.shape[1])
    return {
        BEFORE: -sure,
        "margin": own - sure,
        "probability of the given label": own,
        "nearest images": towards + 1e-3 * (own - sure),
        "margin and nearest images": own - sure + towards,
        "label quality of the live head": found.label_quality,
        CHOSEN: np.where(found.is_issue, found.label_quality - 2, -sure),
    }


def n_planted(held: Mapping[str, np.ndarray]) -> dict[str, list[int]]:
    """Return how many of the first errors are planted, by order."""
    errors = np.flatnonzero(held["pred_probs"].argmax(axis=1) != held["given"])
    is_planted = held["drawn"] != held["given"]
    found = {}
    for name, key in orders(held).items():
        first = is_planted[errors[np.argsort(key[errors], kind="stable")]]
        found[name] = [int(first[:n].sum()) for n in N_FIRST]
    return found


def interval(values: np.ndarray) -> tuple[float, float]:
    """Return the 95 % interval of a mean over seeds."""
    half = student.ppf(0.975, len(values) - 1) * values.std(ddof=1) / np.sqrt(len(values))
    return float(values.mean() - half), float(values.mean() + half)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, nargs="+", default=list(range(12)))
    parser.add_argument("--images", type=int, default=600)
    parser.add_argument("--keep", type=Path, required=True, help="Folder of what was trained, used again.")
    chosen = parser.parse_args()
    chosen.keep.mkdir(parents=True, exist_ok=True)
    found = {}
    for seed in chosen.seeds:
        file = chosen.keep / f"{chosen.images}_{seed}.npz"
        if not file.is_file():
            np.savez(file, **trained(seed, chosen.images))
        found[seed] = n_planted(np.load(file))
    print("| order | " + " | ".join(f"of {n}, even seeds | of {n}, odd seeds" for n in N_FIRST) + " |")
    print("|---" * (1 + 2 * len(N_FIRST)) + "|")
    document: dict[str, object] = {"bench": "planted_errors", "images": chosen.images, "by_seed": found}
    for name in next(iter(found.values())):
        cells = []
        for k in range(len(N_FIRST)):
            for odd in (0, 1):
                cells.append(f"{np.mean([f[name][k] for seed, f in found.items() if seed % 2 == odd]):.1f}")
        print(f"| {name} | " + " | ".join(cells) + " |")
    for k, n in enumerate(N_FIRST):
        gains = np.array([f[CHOSEN][k] - f[BEFORE][k] for seed, f in found.items() if seed % 2], dtype=float)
        low, high = interval(gains)
        document[f"gain_of_{n}"] = [float(gains.mean()), low, high]
        print(f"Odd seeds, of the first {n}: {gains.mean():+.1f} planted ({low:+.1f} to {high:+.1f})")
    print(json.dumps(document))


if __name__ == "__main__":
    main()
