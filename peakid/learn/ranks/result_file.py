"""The result of a training on disk, from the rank that has it to the head that stores it."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from peakid import files
from peakid.learn.train_result import TrainResult
from peakid.run_records import RunWarning, StartingWeights

FACTS, ARRAYS = "result.json", "result.npz"
REFIT = "refit"  # No split has this name.


def write(result: TrainResult, folder: Path) -> None:
    """Write a result: arrays first, so that one with facts is whole."""
    arrays = {split: pred_probs for split, (_, pred_probs) in result.pred_probs.items()}
    if result.refit_pred_probs is not None:
        arrays[REFIT] = result.refit_pred_probs
    with files.replacing(folder / ARRAYS) as part, part.open("wb") as stream:
        np.savez(stream, allow_pickle=False, **arrays)
    facts: dict[str, Any] = {
        "digests": {split: digests for split, (digests, _) in result.pred_probs.items()},
        "best_epoch": result.best_epoch,
        "metrics": result.metrics,
        "device": result.device,
        "n_workers": result.n_workers,
        "starting_weights": asdict(result.starting_weights),
        "warnings": [asdict(each) for each in result.warnings],
        "is_cancelled": result.is_cancelled,
        "seconds": result.seconds,
        "libraries": result.libraries,
    }
    files.write_json(folder / FACTS, facts)


def take(folder: Path) -> TrainResult | None:
    """Return the result that was written to a folder, and remove its files; None where there is none."""
    try:
        facts = json.loads((folder / FACTS).read_text(encoding="utf-8"))
        with np.load(folder / ARRAYS, allow_pickle=False) as arrays:
            pred_probs = {split: arrays[split] for split in arrays.files}
    except FileNotFoundError:
        return None
    remove(folder)
    refit, digests = pred_probs.pop(REFIT, None), facts.pop("digests")
    return TrainResult(
        **facts
        | {
            "pred_probs": {split: (digests[split], pred_probs[split]) for split in digests},
            "starting_weights": StartingWeights(**facts["starting_weights"]),
            "warnings": [RunWarning(**each) for each in facts["warnings"]],
            "refit_pred_probs": refit,
        }
    )


def remove(folder: Path) -> None:
    """Remove the files of a result, which an attempt that failed may have left."""
    for name in (FACTS, ARRAYS):
        (folder / name).unlink(missing_ok=True)
