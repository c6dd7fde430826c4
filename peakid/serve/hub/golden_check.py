"""Whether a pulled model answers here as it did where it was made, on the drawn pictures of its bundle."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from peakid import documents, paths
from peakid.errors import ParityBroken
from peakid.serve import opening
from peakid.serve.predictor import Predictor

ANSWERS = "golden/answers.json"
TOLERANCE = 1e-3  # As in verify.py of a bundle: other processors add in another order.
MAX_PICTURES = 64


@dataclass(frozen=True)
class GoldenCheck:
    """How far the probabilities are from those that came with the model.

    Attributes:
        n_pictures: 0 if the model came without pictures, or without a file that can predict here.
        largest_difference: Of a probability, 0..1; 0 without pictures.
    """

    n_pictures: int = 0
    largest_difference: float = 0.0


def check(folder: Path) -> GoldenCheck:
    """Predict the drawn pictures of a bundle and compare the probabilities with its answers.

    Raises:
        ParityBroken: If they differ, or the answers cannot be read.
        NotFound, BadInput, WeightsUnfit: As `Predictor`.
    """
    if not (folder / ANSWERS).is_file() or all(each.format != "onnx" for each in opening.card(folder).files):
        return GoldenCheck()
    expected = _answers(folder)
    predictor = Predictor(folder)
    place = {name: n for n, name in enumerate(predictor.class_names)}
    contents = [paths.inside(folder / "golden", name).read_bytes() for name in expected]
    largest = 0.0
    for row, found in zip(expected.values(), predictor.predict(contents, top=len(place)), strict=True):
        here = np.full(len(place), np.nan)  # NaN where a picture cannot be read.
        for label, probability in found.top:
            here[place[label]] = probability
        difference = np.abs(here - row).max() if row.shape == here.shape else np.nan
        largest = max(largest, float(np.nan_to_num(difference, nan=1.0)))
    if largest > TOLERANCE:
        raise ParityBroken(
            "The model does not answer here as where it was made: a probability of its drawn pictures"
            f" differs by {largest:.1e}. Nothing was pulled.",
            "Use the version of Peakid that made it, or ask its owner to push it again.",
        )
    return GoldenCheck(len(expected), largest)


def _answers(folder: Path) -> dict[str, np.ndarray]:
    try:
        document: Any = documents.read_json(folder / ANSWERS)
        found = {str(name): np.asarray(row, float) for name, row in document.items()}
        is_usable = all(paths.is_inside(name) and (folder / "golden" / name).is_file() for name in found)
    except (documents.UnreadableDocument, AttributeError, TypeError, ValueError) as error:
        raise _unusable() from error
    if not is_usable or len(found) > MAX_PICTURES:
        raise _unusable()
    return found


def _unusable() -> ParityBroken:
    return ParityBroken(
        f"The {ANSWERS} of the model cannot be used. Nothing was pulled.", "Ask its owner to push it again."
    )
