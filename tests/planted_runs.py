"""Finished runs with chosen errors, made without training."""

from collections.abc import Mapping

import numpy as np

from peakid.dataset import snapshot as snapshots
from peakid.recipe.recipe import Recipe
from peakid.records import EpochMetrics, Snapshot
from peakid.run_records import StartingWeights
from peakid.store import run_predictions, runs
from peakid.store.workspace import Workspace


def plant(
    workspace: Workspace,
    snapshot: Snapshot,
    wrong: Mapping[str, str],
    *,
    per_class: int = 1,
    device: str = "cpu",
    **recipe: object,
) -> int:
    """Store a run that predicts every image right but some of the classes in `wrong`; return its id.

    Args:
        wrong: What to predict instead, by given label.
        per_class: Images of each of these classes, and of each split, that are predicted wrong.
    """
    run_id = runs.create(
        workspace,
        job_id=None,
        snapshot_id=snapshot.snapshot_id,
        recipe=Recipe(**recipe).model_dump(),
        class_names=snapshot.class_names,
        seed=0,
        code_version="test",
        libraries={},
    )
    for epoch in (1, 2):
        metrics = EpochMetrics(epoch, "head", 1.0 / epoch, 1.2 / epoch, 0.4 * epoch, 0.001, 1.0)
        runs.add_epoch(workspace, run_id, metrics)
    items = snapshots.items(workspace, snapshot.digest)
    position = {name: n for n, name in enumerate(snapshot.class_names)}
    for split in ("train", "valid", "test"):
        members, left = [item for item in items if item.split == split], dict.fromkeys(wrong, per_class)
        pred_probs = np.full((len(members), len(position)), 0.1 / max(1, len(position) - 1), dtype=np.float32)
        for row, item in enumerate(members):
            is_wrong = left.get(item.label, 0) > 0
            left[item.label] = left.get(item.label, 0) - 1
            pred_probs[row, position[wrong[item.label] if is_wrong else item.label]] = 0.9
        given = [item.label for item in members]
        digests = [item.digest for item in members]
        is_out = split != "train"
        run_predictions.add(workspace, run_id, split, digests, pred_probs, given, is_out_of_sample=is_out)
    runs.finish(
        workspace,
        run_id,
        "done",
        best_epoch=2,
        metrics={"accuracy": 0.8},
        device=device,
        starting_weights=StartingWeights("random"),
        seconds=60.0,
    )
    return run_id
