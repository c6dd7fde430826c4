"""Embeddings that a test chose, instead of those of a backbone."""

from collections.abc import Mapping, Sequence

import numpy as np

from peakid.embed import stored
from peakid.embed.stored import EmbeddingSet
from peakid.store.workspace import Workspace


def plant(
    workspace: Workspace, features: Mapping[str, Sequence[float]], *, backbone: str = "planted"
) -> EmbeddingSet:
    """Give images, by digest, these embeddings."""
    rows = workspace.query("SELECT id, digest FROM image ORDER BY id")
    ids = [row["id"] for row in rows if row["digest"] in features]
    vectors = np.array([features[row["digest"]] for row in rows if row["digest"] in features], np.float32)
    made = stored.create(workspace, backbone, size_px=8, weights_sha256="", n_dimensions=vectors.shape[1])
    stored.add(workspace, made.set_id, ids, vectors)
    return stored.find(workspace)
