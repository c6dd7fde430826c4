"""What correcting the planted wrong labels of the demo bought, over several partitions.

`bench/attribute.py --features FILE [--partitions 10] [--extra-wrong 0.15]`. FILE has the embeddings of the
599 readable images of `peakid demo` as `features`, `paths` and `groups`; what each image shows is known from
how it was drawn. The decisions are made in a workspace, the log is replayed, and both models are logistic
heads on the embeddings, scored by the same code as `peakid attribute`.
"""

import argparse
import hashlib
import json
import platform
import tempfile
from importlib.metadata import version
from pathlib import Path

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from peakid.curate import decision_sets, decisions
from peakid.curate.decision_sets import DecisionSet
from peakid.dataset import attributed, snapshot
from peakid.demo import dataset
from peakid.evaluate.comparing import bought
from peakid.evaluate.comparing.bought import Bought
from peakid.records import Choice, Snapshot
from peakid.store import decision_log, run_predictions, runs
from peakid.store import workspace as workspaces
from peakid.store.comparisons import RULE_VERSION
from peakid.store.workspace import Workspace, now

ACTORS = {"wrong_label": "human:anna", "other": "human:ben"}


def filled(folder: Path, paths: list[str], groups: np.ndarray, given: dict[str, str]) -> Workspace:
    """Return a workspace with images of these paths and labels, without pixels."""
    workspace = workspaces.create(folder)
    with workspace.transaction() as connection:
        step = decision_log.new_step(connection, actor="import:folder", kind="import")
        acquisition = connection.execute(
            "INSERT INTO acquisition (source, actor, started_at) VALUES ('folder', 'import:folder', ?)",
            (now(),),
        ).lastrowid
        ids: dict[int, list[int]] = {}
        for path, group in zip(paths, groups.tolist(), strict=True):
            image_id = connection.execute(
                "INSERT INTO image (digest, format, n_bytes, width_px, height_px, phash, dhash, added_at,"
                f" compared_with) VALUES (?, 'JPEG', 1, 4, 3, '{'0' * 16}', '{'0' * 16}', ?, {RULE_VERSION})",
                (digest(path), now()),
            ).lastrowid
            connection.execute(
                "INSERT INTO origin (image_id, acquisition_id, source, path, created_at)"
                " VALUES (?, ?, 'folder', ?, ?)",
                (image_id, acquisition, path, now()),
            )
            class_id = decision_log.class_id(connection, given[path])
            decision_log.append(
                connection,
                step_id=step,
                image_id=int(image_id or 0),
                verdict="label",
                class_id=class_id,
                is_reviewed=False,
                actor="import:folder",
            )
            ids.setdefault(group, []).append(int(image_id or 0))
        for members in ids.values():
            connection.executemany(
                "INSERT INTO duplicate_pair (image_a_id, image_b_id, kind, distance, found_at)"
                " VALUES (?, ?, 'near', 0, ?)",
                [(members[0], other, now()) for other in members[1:]],
            )
    return workspace


def digest(path: str) -> str:
    return hashlib.sha256(path.encode()).hexdigest()


def trained(workspace: Workspace, frozen: Snapshot, row_of: dict[str, int], features: np.ndarray) -> int:
    """Fit a logistic head on the training images of a snapshot, and store its predictions as a run."""
    items = snapshot.items(workspace, frozen.digest)
    train = [item for item in items if item.split == "train"]
    head = make_pipeline(StandardScaler(), LogisticRegression(C=0.01, max_iter=400))
    head.fit(features[[row_of[item.digest] for item in train]], [item.label for item in train])
    facts = {"job_id": None, "recipe": {}, "seed": 0, "code_version": "bench", "libraries": {}}
    run_id = runs.create(
        workspace, snapshot_id=frozen.snapshot_id, class_names=[str(each) for each in head.classes_], **facts
    )
    for split in ("valid", "test"):
        chosen = [item for item in items if item.split == split]
        p = head.predict_proba(features[[row_of[item.digest] for item in chosen]]).astype(np.float32)
        names = [item.digest for item in chosen], p, [item.label for item in chosen]
        run_predictions.add(workspace, run_id, split, *names, is_out_of_sample=True)
    runs.finish(workspace, run_id, "done", best_epoch=1)
    return run_id


def one(args: argparse.Namespace, seed: int) -> list[dict[str, object]]:
    """Correct the labels of one import, and measure what each person's decisions bought."""
    stored = np.load(args.features)
    features = stored["features"].astype(np.float32)
    paths = [str(each) for each in stored["paths"]]
    truth = {each.path: each for each in dataset.plan(600, 0)}
    shown = {path: truth[path].drawn_class for path in paths}
    given = {path: truth[path].given_label for path in paths}
    rng = np.random.default_rng(1000 + seed)
    names = sorted({name for name in shown.values() if name})
    for path in paths:
        if given[path] == shown[path] and rng.random() < args.extra_wrong:
            given[path] = str(rng.choice([name for name in names if name != given[path]]))
    with tempfile.TemporaryDirectory() as folder:
        workspace = filled(Path(folder) / "w", paths, stored["groups"], given)
        snapshot.create(workspace, seed=seed, actor="human:anna")
        wrong = [path for path in paths if shown[path] and given[path] != shown[path]]
        unrelated = [path for path in paths if shown[path] is None]
        decisions.decide(
            workspace, [Choice(digest(path), "label", shown[path]) for path in wrong], actor="human:anna"
        )
        decisions.decide(
            workspace,
            [Choice(digest(path), "exclude", reason="no mountain") for path in unrelated],
            actor="human:ben",
        )
        like = snapshot.create(workspace, seed=seed, actor="human:anna")
        row_of = {digest(path): row for row, path in enumerate(paths)}
        rows = []
        for name, chosen in (
            ("labels corrected", DecisionSet(person="anna")),
            ("unrelated excluded", DecisionSet(person="ben")),
            ("both", DecisionSet(after="2000")),
        ):
            steps = decision_sets.steps_of(workspace, chosen)
            arms = attributed.freeze(workspace, steps, like=like, name=name, actor="human:anna")
            pair = [trained(workspace, each, row_of, features) for each in (arms.without, arms.with_them)]
            for split in ("valid", "test"):
                found = bought.measure(workspace, pair[:1], pair[1:], split)
                rows.append(line(name, seed, split, found) | {"changed": arms.n_relabelled + arms.n_removed})
        return rows


def line(name: str, seed: int, split: str, found: Bought) -> dict[str, object]:
    return {
        "decisions": name,
        "seed": seed,
        "split": split,
        "n": found.n_images,
        "without": found.accuracy_without,
        "with": found.accuracy_with,
        "difference": found.difference,
        "interval": found.interval,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--features", type=Path, required=True)
    parser.add_argument("--partitions", type=int, default=10)
    parser.add_argument("--extra-wrong", type=float, default=0.0, help="Further share of labels made wrong.")
    args = parser.parse_args()
    rows = [row for seed in range(args.partitions) for row in one(args, seed)]
    print("decisions            split  changed   n  without   with  difference (least to most)  established")
    for name, split in dict.fromkeys((row["decisions"], row["split"]) for row in rows):
        same = [row for row in rows if (row["decisions"], row["split"]) == (name, split)]
        mean = {
            key: float(np.mean([row[key] for row in same])) for key in ("changed", "n", "without", "with")
        }
        points = np.array([100 * float(row["difference"]) for row in same])
        real = sum(not row["interval"][0] <= 0 <= row["interval"][1] for row in same)
        shares = f"{mean['n']:4.0f}  {mean['without']:.3f}  {mean['with']:.3f}"
        span = f"{points.mean():+.1f} ({points.min():+.1f} to {points.max():+.1f})"
        print(f"{name:20} {split:5}  {mean['changed']:7.1f} {shares}   {span}  {real} of {len(same)}")
    libraries = {name: version(name) for name in ("numpy", "scikit-learn")}
    libraries["python"] = platform.python_version()
    print(json.dumps({"rows": rows, "extra_wrong": args.extra_wrong, "versions": libraries}))


if __name__ == "__main__":
    main()
