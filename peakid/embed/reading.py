"""Read the embeddings of all images of a set in parts, whatever their order in the file."""

from dataclasses import dataclass

import numpy as np

from peakid.embed import stored
from peakid.embed.neighbours import ChosenRows
from peakid.store.workspace import Workspace


@dataclass(frozen=True)
class Readable:
    """The embeddings of N images, of which none is in memory.

    Attributes:
        image_ids: int64 of shape (N,), ascending.
        features: float16 of shape (N, C).
    """

    image_ids: np.ndarray
    features: ChosenRows


def every(workspace: Workspace, set_id: int) -> Readable:
    """Return the embeddings of all images of a set. `stored.load` copies them where they are not in order."""
    image_ids, rows = stored.rows(workspace, set_id)
    return Readable(image_ids, ChosenRows(stored.vectors(workspace, set_id), rows))
