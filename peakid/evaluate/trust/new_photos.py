"""What new photos say about a run: how it meets photos of something else, and whether they look like test."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from pydantic import TypeAdapter

from peakid.evaluate.trust import answers, open_set
from peakid.evaluate.trust.answers import Answers
from peakid.evaluate.trust.exchangeability import Exchangeability
from peakid.evaluate.trust.open_set import OpenSet
from peakid.evaluate.trust.temperature import scaled
from peakid.store.evaluation import new_photos
from peakid.store.evaluation.new_photos import NewPhotos
from peakid.store.evaluation.operating_points import OperatingPoint
from peakid.store.workspace import Workspace

UNRELATED_REASONS = ("another subject", "drawing or text", "irrelevant")
"""Reasons of exclusions that say that an image shows none of the classes."""
DEFAULT_THRESHOLD = 0.8  # Where none is chosen.
MOST_KNOWN = 100_000  # Scored images that they are compared with; of more, a random sample.

_ADAPTER = TypeAdapter(Exchangeability)


@dataclass(frozen=True)
class Finding:
    """What one set of new photos says.

    Attributes:
        photos: The set.
        as_unrelated: As if they showed none of the classes, which is known of excluded images only; None
            without photos or scored images.
        comparison: Whether they look like the images of the split; None where it cannot be read.
    """

    photos: NewPhotos
    as_unrelated: OpenSet | None
    comparison: Exchangeability | None

    def to_json(self) -> dict[str, Any]:
        """Return the finding as `--json` prints it."""
        return {
            **vars(self.photos),
            "open_set": None if self.as_unrelated is None else self.as_unrelated.to_json(),
            "comparison": None if self.comparison is None else self.comparison.to_json(),
        }


def findings(workspace: Workspace, known: Answers, point: OperatingPoint | None) -> list[Finding]:
    """Return what each set of new photos of a run says, newest first.

    Args:
        known: The answers to the scored images that they are compared with, at the temperature of `point`.
        point: Its threshold and temperature; None = `DEFAULT_THRESHOLD`.

    Raises:
        RunDamaged: If a file of probabilities cannot be read.
    """
    sets = new_photos.list_sets(workspace, known.run_id)
    compared = answers.some(known, MOST_KNOWN) if sets else known
    return [of_set(workspace, each, compared, point) for each in sets]


def of_set(workspace: Workspace, found: NewPhotos, known: Answers, point: OperatingPoint | None) -> Finding:
    """Return what one set of new photos says.

    Raises:
        RunDamaged: If its file of probabilities cannot be read.
    """
    groups, pred_probs = new_photos.load(workspace, found)
    value = point.temperature if point else 1.0
    as_unrelated = None
    if len(pred_probs) and len(known):
        as_unrelated = open_set.compare(
            known.known_confidence(value),
            known.groups,
            open_set.known_confidence(scaled(pred_probs, value), known.class_names),
            groups,
            threshold=point.threshold if point else DEFAULT_THRESHOLD,
            has_other=any(map(open_set.is_other, known.class_names)),
        )
    return Finding(found, as_unrelated, _comparison(found))


def vectors(pred_probs: np.ndarray) -> np.ndarray:
    """Return probabilities as vectors whose distances are those of Hellinger, (N, K)."""
    return np.sqrt(np.asarray(pred_probs, dtype=np.float64))


def _comparison(found: NewPhotos) -> Exchangeability | None:
    try:
        return _ADAPTER.validate_python(dict(found.comparison))
    except ValueError:
        return None
