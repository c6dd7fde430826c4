"""Whether a photo looks like nothing the model learned: its distance from the reference of the export."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from peakid.recipe import cards, export_formats, familiar
from peakid.recipe.familiar import Reference
from peakid.serve import opening

if TYPE_CHECKING:
    import onnxruntime


@dataclass(frozen=True)
class Familiarity:
    """How far a photo is from what the model learned.

    Attributes:
        is_unfamiliar: It is farther than the threshold of the export.
        distance: Share of validation images that are nearer, 0..1; None where there is no reference.
    """

    is_unfamiliar: bool = False
    distance: float | None = None


UNKNOWN = Familiarity()


class Familiar:
    """An export's knowledge of what its model learned, if it has any. Safe to use from several threads."""

    def __init__(
        self, folder: Path, found: cards.ExportCard, session: "onnxruntime.InferenceSession"
    ) -> None:
        """Read the reference of an export, if its card names one.

        Raises:
            NotFound: If its file is missing.
            WeightsUnfit: If it does not match the card or the model, or is damaged.
        """
        self._folder, self._session, self._n_classes = folder, session, len(found.class_names)
        named = next((each for each in found.files if each.format == export_formats.FAMILIAR), None)
        self._reference = None if named is None else _reference(folder / named.name, named.sha256, session)

    def predict(self, batch: np.ndarray) -> tuple[np.ndarray, list[Familiarity]]:
        """Return the probabilities of pixels as the file gives them, float32 (n, K), and their familiarity.

        Raises:
            WeightsUnfit: If the model fails, or gives something else than probabilities.
        """
        known, n = self._reference, self._n_classes
        if known is None:
            found = opening.probabilities(self._folder, self._session, batch, n_classes=n)
            return found, [UNKNOWN] * len(batch)
        found, embeddings = opening.probabilities_and_embeddings(
            self._folder, self._session, batch, n_classes=n
        )
        distances = known.distances(embeddings)
        shares, are_unfamiliar = known.shares(distances), known.are_unfamiliar(distances)
        return found, [Familiarity(bool(a), float(b)) for a, b in zip(are_unfamiliar, shares, strict=True)]


def _reference(file: Path, sha256: str, session: "onnxruntime.InferenceSession") -> Reference:
    content = opening.verified(file, sha256)
    try:
        found = familiar.parse(content)
    except ValueError as error:
        raise opening.unfit(file, str(error)) from error
    n_features = opening.n_features(session)
    if n_features != found.n_features:
        raise opening.unfit(
            file,
            f"it is for embeddings of {found.n_features} numbers, and the model gives {n_features or 'none'}",
        )
    return found
