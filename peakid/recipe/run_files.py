"""The names of the files in a run's folder."""

import re
from pathlib import PurePath

WEIGHTS = "model.safetensors"
CARD = "model.json"  # What is needed to use the weights: classes, preprocessing, recipe.
SAMPLES = "samples.json"  # Predictions for a few validation images, epoch by epoch.
PLAN = "plan.json"  # Batch size and epochs, where they were chosen by measuring.
CHECKPOINT = "checkpoint-"  # Begins the names of a checkpoint's tensors and of its card.
FOLD = (
    "fold-"  # Begins the name of a fold's folder: its checkpoints, and its predictions until all are there.
)
_CHECKPOINT_NAME = re.compile(r"\.?checkpoint-\d+\..+")  # With a dot first: not written to its end.


def is_checkpoint(path: PurePath) -> bool:
    """Return whether a file serves only to continue an interrupted training.

    Args:
        path: Relative to the folder of the run.
    """
    first = path.parts[0]
    is_of_fold = len(path.parts) > 1 and first.startswith(FOLD) and first.removeprefix(FOLD).isdecimal()
    return is_of_fold or (len(path.parts) == 1 and _CHECKPOINT_NAME.fullmatch(first) is not None)
