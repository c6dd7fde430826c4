"""What a training starts from: the device, the weights that were really found, the phases that follow, and the pixels at each size."""

import importlib.metadata
import platform
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from fastai.data.core import DataLoaders
from torch import nn

from peakid.errors import DeviceMissing
from peakid.imaging import pixels
from peakid.learn.batches import data, loaders
from peakid.learn.batches.data import Prepared, TrainingImages
from peakid.learn.batches.loaders import seed_all
from peakid.learn.network import continued, weights
from peakid.learn.network import model as models
from peakid.learn.network.model import Card
from peakid.learn.network.weights import Found
from peakid.recipe import architectures
from peakid.recipe.architectures import Architecture
from peakid.recipe.phase import Phase
from peakid.recipe.recipe import Device, Recipe
from peakid.records import Report

LIBRARIES = ("torch", "torchvision", "fastai", "timm", "numpy", "pillow", "safetensors")


@dataclass(frozen=True)
class Start:
    """What is known before the first image is decoded."""

    recipe: Recipe
    architecture: Architecture
    device: torch.device
    found: Found
    card: Card
    phases: tuple[Phase, ...]

    @property
    def is_linear(self) -> bool:
        return self.card.head == "linear"

    def model(self) -> nn.Sequential:
        """Build the network with the weights found and a random head that follows from the seed."""
        seed_all(self.recipe.seed)
        full, path = models.full_model(self.architecture), self.found.path
        is_continued = path is not None and continued.is_ours(path)
        if not is_continued:
            weights.load_into(full, self.found, self.architecture)
        class_names = self.card.class_names
        shape = {"n_classes": len(class_names), "head": self.card.head, "dropout": self.recipe.dropout}
        model = models.assemble(full, self.architecture, **shape)
        if is_continued:
            continued.load_into(model, path, self.architecture, class_names)
        return model

    def loaders(
        self, images: TrainingImages, view: Prepared, phase: Phase, batch_size: int | None = None
    ) -> DataLoaders:
        """Make a phase's loaders from the pixels at its size; fewer images a batch than the recipe's where memory is short."""
        recipe = self.recipe.model_copy(update={"batch_size": batch_size or self.recipe.batch_size})
        is_short = (
            recipe.batch_size < self.recipe.batch_size
        )  # Where batches had to be halved, pixels leave the device, too.
        shown: dict[str, Any] = {
            "size_px": phase.image_size_px,
            "augment": phase.augment,
            "is_memory_short": is_short,
        }
        return loaders.make(images, view, recipe, self.architecture, self.device, **shown)


def begin(images: TrainingImages, recipe: Recipe, weights_dir: Path | None) -> Start:
    """Find the device and the weights, and plan the phases by what was found.

    Random weights have no features that a linear head could read: they are trained from scratch instead.

    Raises:
        DeviceMissing, WeightsMissing, WeightsUnfit: If the recipe asks for what is not there.
    """
    device = find_device(recipe.device)
    architecture = architectures.find(recipe.arch)
    found = weights.find(recipe.arch, recipe.pretrained, weights_dir)
    card = Card(
        arch=recipe.arch,
        class_names=images.class_names,
        image_size_px=recipe.image_size_px,
        resize=recipe.resize,
        mean=architecture.mean,
        std=architecture.std,
        pixels_version=pixels.VERSION,
        recipe=recipe.model_dump(),
        pretrained=found.note,
        libraries={
            "python": platform.python_version(),
            **{name: importlib.metadata.version(name) for name in LIBRARIES},
        },
        head="linear" if recipe.method == "linear-head" and found.is_pretrained else "two-layer",
    )
    return Start(recipe, architecture, device, found, card, recipe.planned(is_pretrained=found.is_pretrained))


def views(
    images: TrainingImages, start: Start, *, cache_dir: Path, report: Report, should_stop: Callable[[], bool]
) -> dict[int, Prepared]:
    """Decode every image at each size that some phase learns from; by `kept_px`.

    Raises:
        Stopped: If `should_stop` says so.
        UnreadableImage: If an image's bytes cannot be decoded.
    """
    asked: dict[str, Any] = {"cache_dir": cache_dir, "report": report, "should_stop": should_stop}
    return data.prepare_all(images, start.recipe, sorted({kept_px(phase) for phase in start.phases}), **asked)


def kept_px(phase: Phase) -> int:
    """Answer the side at which a phase's training images are kept."""
    return data.with_margin(phase.image_size_px or 0, phase.augment or 0.0)


def find_device(name: Device) -> torch.device:
    """Answer the device a recipe asks for; `auto` takes the first there is of cuda, mps, cpu.

    Raises:
        DeviceMissing: If a device asked for by name is not there.
    """
    has = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if name == "auto":
        return torch.device(next(key for key, is_there in has.items() if is_there))
    if not has[name]:
        there = ", ".join(key for key, is_there in has.items() if is_there)
        raise DeviceMissing(
            f"device={name}: this machine has none that torch {torch.__version__} can use.",
            f"Here are: {there}.",
        )
    return torch.device(name)


def device_name(device: torch.device) -> str:
    """Name a device for a run: `cpu`, `mps` or `cuda (name of the GPU)`."""
    return f"cuda ({torch.cuda.get_device_name(device)})" if device.type == "cuda" else device.type
