"""A training that several ranks can do exactly as one: no BatchNorm, no dropout, no augmentation."""

from pathlib import Path

import torch
from safetensors.torch import save_file

from peakid.learn import fit, watch
from peakid.learn.batches import loaders
from peakid.learn.network import model
from peakid.learn.network.checkpoint import Checkpoints
from peakid.learn.ranks.ranks import ALONE, Ranks
from peakid.recipe import architectures
from peakid.recipe.phase import Phase
from peakid.recipe.recipe import Recipe
from peakid.records import no_report
from tests.learn.colours import images_of, prepare

RECIPE = Recipe(
    arch="plain_cnn",
    image_size_px=32,
    batch_size=5,  # Parts of 3 and 2.
    augment=0,
    is_mirrored=False,
    balance="weighted",
    label_smoothing=0.1,
    max_gradient=0.5,
    device="cpu",
)
# 12 and 6 training images: the last batch of 3 is too small for two ranks. 7 validation images.
ROWS = [
    (name, split)
    for name, split, n in (
        ("moss", "train", 12),
        ("rust", "train", 6),
        ("moss", "valid", 4),
        ("rust", "valid", 3),
    )
    for _ in range(n)
]


def train(folder: Path, ranks: Ranks = ALONE) -> list[tuple[float, float]]:
    """Train, write the weights, return the losses on validation and train of each epoch."""
    images = images_of(ROWS)
    prepared = prepare(images, RECIPE, folder / f"cache-{ranks.number}")
    torch.manual_seed(3)
    architecture = architectures.find(RECIPE.arch)
    network = torch.nn.Sequential(
        model.build(RECIPE.arch, n_classes=2)[0], model.linear_head(architecture, 2)
    )

    def loaders_of(phase: Phase, batch_size: int):
        chosen = RECIPE.model_copy(update={"batch_size": batch_size})
        return loaders.make(images, prepared, chosen, architecture, torch.device("cpu"), ranks=ranks)

    seen = watch.Watch(
        report=no_report, on_epoch=lambda metrics: None, should_stop=lambda: False, ranks=ranks
    )
    history = fit.Fit(
        network,
        RECIPE,
        (Phase(epochs=3, name="only", base_lr=1e-2, image_size_px=32),),
        False,
        loaders_of,
        lambda phase, dls: 1e-2,
        Checkpoints(folder, "mine"),
        ranks,
    ).run(seen)
    save_file(
        {key: value.contiguous() for key, value in network.state_dict().items()},
        folder / f"weights-{ranks.number}-of-{ranks.count}.safetensors",
    )
    return [(each.valid_loss, each.train_loss) for each in history.epochs]
