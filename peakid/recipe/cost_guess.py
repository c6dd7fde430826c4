"""An estimate of how long a training will take, from the newest similar run on this machine."""

from collections.abc import Mapping, Sequence

from pydantic import ValidationError

from peakid.errors import PeakidError
from peakid.recipe.phase import Phase
from peakid.recipe.recipe import Recipe
from peakid.records import Run

# A batch with every layer learning costs as much as this many with a frozen body: mobilenet_v2 on a CPU.
BODY_COST = 3.0
# Processor seconds per pixel for predicting, limited by memory; a network of 1 GMAC takes twice as long.
# Measured: training takes 27 to 42 ms per image of 160 px for squeezenet1_0, mobilenet_v2 and resnet18.
CPU_S_PER_PIXEL = 2.9e-7
N_CORES = 2
GMACS_224 = {  # 10^9 multiplications for one image of 224 px, as published.
    **{"resnet18": 1.8, "resnet34": 3.7, "resnet50": 4.1, "mobilenet_v2": 0.3, "mobilenet_v3_small": 0.06},
    **{"mobilenet_v3_large": 0.22, "squeezenet1_0": 0.82, "efficientnet_b0": 0.39, "convnext_tiny": 4.5},
    **{"densenet121": 2.8, "vgg16": 15.5, "vgg16_bn": 15.5, "vit_b_16": 17.6, "timm/resnet10t": 1.1},
    **{"timm/mobilenetv4_conv_small": 0.2, "timm/efficientnet_lite0": 0.4, "timm/convnextv2_atto": 0.55},
    **{"timm/regnety_002": 0.2, "timm/vit_tiny_patch16_224": 1.3},
}
START_S = 20.0  # Loading libraries and weights, whatever is trained; measured 15-25 s on two cores.


def phase_cost(phase: Phase, *, image_size_px: int) -> float:
    """Return the relative cost of one image in a phase: its pixels, times `BODY_COST` if the body learns.

    Args:
        image_size_px: Where the phase has none.
    """
    layers = 1.0 if phase.learns == "head" else BODY_COST
    return layers * (phase.image_size_px or image_size_px) ** 2


def guess_s(
    recipe: Recipe,
    n_train: int,
    earlier: Sequence[Run],
    n_train_of: Mapping[str, int],
    *,
    is_pretrained: bool,
) -> tuple[float, Run] | None:
    """Estimate the seconds of a training from the newest finished run of the same architecture.

    Early stopping may end it sooner.

    Args:
        n_train: Training images.
        earlier: Runs, newest first.
        n_train_of: Training images by snapshot digest.
        is_pretrained: Whether it starts from pretrained weights.

    Returns:
        The seconds and the run that they are estimated from; None where there is no such run.
    """
    work = _work(recipe, n_train, is_pretrained=is_pretrained)
    for run in earlier:
        work_before = _work_of(run, n_train_of.get(run.snapshot_digest, 0))
        if run.seconds and work_before and run.recipe.get("arch") == recipe.arch:
            seconds = max(0.0, run.seconds - START_S) * work / work_before
            return START_S + _within_budget(recipe, seconds), run
    return None


def rough_s(recipe: Recipe, n_train: int, *, is_pretrained: bool) -> float:
    """Estimate the seconds of a training on a CPU from the size of the network, where no run was measured.

    Only its order of magnitude is right.
    """
    image_s = CPU_S_PER_PIXEL * (1 + GMACS_224.get(recipe.arch, 1.0)) / N_CORES
    return START_S + _within_budget(recipe, image_s * _work(recipe, n_train, is_pretrained=is_pretrained))


def _within_budget(recipe: Recipe, seconds: float) -> float:
    return min(seconds, recipe.max_minutes * 60 or seconds)


def _work_of(run: Run, n_train: int) -> float:
    """Return the work of a finished run; 0 where it cannot be computed."""
    recipe = _recipe_of(run)
    if run.state != "done" or not n_train or recipe is None:
        return 0.0
    is_pretrained = run.starting_weights is None or run.starting_weights.is_pretrained
    return _work(recipe, n_train, is_pretrained=is_pretrained)


def _work(recipe: Recipe, n_train: int, *, is_pretrained: bool) -> float:
    """Return the work of a training in images times pixels times epochs with a frozen body."""
    phases = recipe.planned(is_pretrained=is_pretrained)
    epochs = sum(phase.epochs * phase_cost(phase, image_size_px=recipe.image_size_px) for phase in phases)
    return n_train * recipe.fraction * epochs * max(1, recipe.folds)


def _recipe_of(run: Run) -> Recipe | None:
    """Return the recipe of a run; None where a version with other fields wrote it."""
    try:
        return Recipe.model_validate(run.recipe)
    except (ValidationError, PeakidError):
        return None
