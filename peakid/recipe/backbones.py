"""Which backbone embeds images: the best whose pretrained weights are on this machine, and at which size."""

from dataclasses import dataclass
from pathlib import Path

from peakid.errors import WeightsMissing
from peakid.job_settings import JobSettings
from peakid.recipe import architectures, weight_files
from peakid.recipe.architectures import Architecture
from peakid.remedies import action

# Trained on far more than ImageNet. Their weights are here only if someone fetched them.
LARGE = (
    "timm/vit_small_patch16_dinov3",
    "timm/vit_small_patch14_dinov2",
    "timm/vit_base_patch16_siglip_224",
    "timm/fastvit_mci2",
    "timm/fastvit_mci0",
    "timm/convnextv2_tiny",
    "timm/convnextv2_nano",
)
PACKAGED = architectures.PACKAGED
ORDER = (*LARGE, PACKAGED, *(name for name in architectures.TABLE if name not in (*LARGE, PACKAGED)))
# The mean over two views of each photo found more label errors than one view with each of them; others were
# not measured (bench/RESULTS.md).
AVERAGED = (
    PACKAGED,
    "timm/tf_efficientnet_lite1",
    "timm/tf_efficientnet_lite2",
    "mobilenet_v2",
    "squeezenet1_0",
)

# On three sets of photos a linear head was no better at 224 px, for 1.7 times the time (bench/RESULTS.md).
SIZE_PX = 160


@dataclass(frozen=True)
class Backbone:
    """A backbone and what its features are computed from.

    Attributes:
        size_px: Side of the square that it is shown.
        file: Its weights on this machine; None = they have to be downloaded.
    """

    architecture: Architecture
    size_px: int
    file: Path | None

    @property
    def name(self) -> str:
        return self.architecture.name


def find(name: str, settings: JobSettings) -> Backbone:
    """Return a backbone by the name of its architecture.

    Raises:
        UnknownArchitecture: If it is not in the tested list.
        WeightsMissing: If it has no published weights, and none on this machine.
    """
    architecture = architectures.find(name)
    file = weight_files.find_for(architecture, settings)
    if file is None and not architecture.weight_files:
        raise WeightsMissing(
            f"{name} has no pretrained weights, and the features of random weights say nothing about images.",
            f"Choose a backbone with weights, such as {PACKAGED}.",
            action("list_weights"),
        )
    return Backbone(architecture, architecture.fixed_size_px or SIZE_PX, file)


def best(settings: JobSettings) -> Backbone | None:
    """Return the best backbone whose weights are on this machine; None where there are none at all."""
    found = weight_files.found(settings)
    return next((find(name, settings) for name in ORDER if name in found), None)


def is_computable(name: str, settings: JobSettings) -> bool:
    """Return whether the embeddings of a backbone can be computed here, without a download."""
    architecture = architectures.TABLE.get(name)
    return architecture is not None and weight_files.find_for(architecture, settings) is not None
