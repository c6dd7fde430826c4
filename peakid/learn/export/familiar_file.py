"""Write the reference of an export, by which unfamiliar photos are told."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from peakid import files
from peakid.export_records import FamiliarFigures
from peakid.learn.export.checking import Answer
from peakid.recipe import export_formats, familiar


def write(
    folder: Path, answer: Answer, labels: Sequence[str], digests: Sequence[str]
) -> FamiliarFigures | None:
    """Write the reference of an export from what its ONNX file embedded.

    Args:
        labels: Of the training images.
        digests: Of the validation images.

    Returns:
        None where there are no embeddings, or too few training images.
    """
    if answer.embeddings is None or answer.reference is None:
        return None
    reference = familiar.fit(answer.reference, np.array(labels), answer.embeddings)
    if reference is None:
        return None
    files.write_bytes(folder / export_formats.FAMILIAR_FILE, reference.content())
    is_unfamiliar = reference.are_unfamiliar(reference.distances(answer.embeddings))  # (n,)
    return FamiliarFigures(
        n_reference=len(labels),
        n_valid=len(digests),
        share=float(is_unfamiliar.mean()),
        threshold=float(reference.threshold[0]),
        unfamiliar=tuple(digests[row] for row in np.flatnonzero(is_unfamiliar)),
    )
