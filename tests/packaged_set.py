"""An empty set of embeddings for the pretrained weights that are installed as a package."""

import pytest

from peakid.embed import stored
from peakid.embed.stored import EmbeddingSet
from peakid.job_settings import JobSettings
from peakid.recipe import architectures, backbones, weight_files
from peakid.store.workspace import Workspace


def create(workspace: Workspace) -> EmbeddingSet:
    """Create the set; skip the test where the package is not installed."""
    backbone = backbones.find(backbones.PACKAGED, JobSettings())
    if not weight_files.packaged(architectures.find(backbones.PACKAGED)) or backbone.file is None:
        pytest.skip("the package with the pretrained weights is not installed")
    return stored.create(
        workspace,
        backbone.name,
        size_px=backbone.size_px,
        weights_sha256=weight_files.digest(backbone.file),
        n_dimensions=backbone.architecture.n_features,
    )
