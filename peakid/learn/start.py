"""What a training starts from: device, weights that were found, planned phases, pixels at each size."""

import importlib.metadata
import platform
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from fastai.data.core import DataLoaders
from torch import nn

from peakid.errors import DeviceMissing
from peakid.imaging import pixels
from peakid.job_settings import JobSettings
from peakid.learn.batches import data, loaders
from peakid.learn.batches.data import Prepared, TrainingImages
from peakid.learn.batches.loaders import seed_all
from peakid.learn.network import model as models
from peakid.learn.network import weights
from peakid.learn.network.model import Card
from peakid.learn.network.weights import FoundWeights
from peakid.learn.ranks.ranks import ALONE, Ranks
from peakid.recipe import architectures
from peakid.recipe.architectures import Architecture
from peakid.recipe.phase import Phase
from peakid.recipe.recipe import Device, Recipe
from peakid.records import Report
from peakid.remedies import action

LIBRARIES = ("torch", "torchvision", "fastai", "timm", "numpy", "pillow", "safetensors")


@dataclass(frozen=True)
class Start:
    """What is known before the first image is decoded.

    Attributes:
        cache_bytes: Maximal size of the pixel cache.
    """

    recipe: Recipe
    architecture: Architecture
    device: torch.device
    found: FoundWeights
    card: Card
    phases: tuple[Phase, ...]
    cache_bytes: int

    @property
    def is_linear(self) -> bool:
        return self.card.head == "linear"

    def model(self) -> nn.Sequential:
        """Build the network with the weights that were found, and a random head that depends on the seed."""
        seed_all(self.recipe.seed)
        full, path = models.full_model(self.architecture), self.found.path
        run_path = path if path is not None and weights.is_of_a_run(path) else None
        if run_path is None:
            weights.load_into(full, self.found, self.architecture)
        class_names = self.card.class_names
        model = models.assemble(
            full,
            self.architecture,
            n_classes=len(class_names),
            head=self.card.head,
            dropout=self.recipe.dropout,
        )
        if run_path is not None:
            weights.load_run_into(model, run_path, self.architecture, class_names)
        return model

    def loaders(
        self,
        images: TrainingImages,
        prepared: Prepared,
        phase: Phase,
        batch_size: int | None = None,
        ranks: Ranks = ALONE,
    ) -> DataLoaders:
        """Return a phase's loaders.

        Args:
            prepared: The pixels at the phase's size.
            batch_size: None = the recipe's. A smaller one means that memory is short: then pixels do not
                stay on the device.
            ranks: As in `batches.loaders.make`.
        """
        recipe = self.recipe.model_copy(update={"batch_size": batch_size or self.recipe.batch_size})
        return loaders.make(
            images,
            prepared,
            recipe,
            self.architecture,
            self.device,
            size_px=phase.image_size_px,
            augment=phase.augment,
            is_memory_short=recipe.batch_size < self.recipe.batch_size,
            ranks=ranks,
        )


def begin(
    images: TrainingImages, recipe: Recipe, settings: JobSettings, *, allows_random: bool = True
) -> Start:
    """Find the device and the weights, and plan the phases accordingly.

    A linear head needs pretrained features: random weights are trained from scratch instead.

    Args:
        settings: Where weights are looked for, and the size of the pixel cache.
        allows_random: Start from random weights where `pretrained=auto` finds none.

    Raises:
        DeviceMissing, WeightsMissing, WeightsUnfit: If the recipe requires what is not available.
    """
    device = find_device(recipe.device)
    architecture = architectures.find(recipe.arch)
    is_required = recipe.pretrained == "auto" and not allows_random
    wish = "require" if is_required else recipe.pretrained
    found = weights.find(
        recipe.arch, wish, settings.weights_dir, hub_dir=settings.hub_dir, timm_dir=settings.timm_dir
    )
    card = Card(
        arch=recipe.arch,
        class_names=images.class_names,
        image_size_px=recipe.image_size_px,
        resize=recipe.resize,
        mean=architecture.mean,
        std=architecture.std,
        pixels_version=pixels.VERSION,
        recipe=recipe.model_dump(),
        pretrained=found.record.text(),
        libraries={
            "python": platform.python_version(),
            **{name: importlib.metadata.version(name) for name in LIBRARIES},
        },
        head="linear" if recipe.method == "linear-head" and found.is_pretrained else "two-layer",
    )
    phases = recipe.planned(is_pretrained=found.is_pretrained)
    return Start(recipe, architecture, device, found, card, phases, settings.cache_bytes)


def prepare_pixels(
    images: TrainingImages, start: Start, *, cache_dir: Path, report: Report, should_stop: Callable[[], bool]
) -> dict[int, Prepared]:
    """Decode every image at each size that some phase needs; return the pixels by `stored_px`.

    Raises:
        Stopped: If `should_stop` returns True.
        UnreadableImage: If an image's bytes cannot be decoded.
    """
    sizes_px = sorted({stored_px(phase) for phase in start.phases})
    return data.prepare_all(
        images,
        start.recipe,
        sizes_px,
        cache_dir=cache_dir,
        report=report,
        should_stop=should_stop,
        budget_bytes=start.cache_bytes,
    )


def stored_px(phase: Phase) -> int:
    """Return the side at which a phase's training images are stored."""
    return data.with_margin(phase.image_size_px or 0, phase.augment or 0.0)


def find_device(name: Device) -> torch.device:
    """Return the device of a recipe; `auto` takes the first available of cuda, mps, cpu.

    Raises:
        DeviceMissing: If a device given by name is not available.
    """
    has = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if name == "auto":
        return torch.device(next(key for key, is_available in has.items() if is_available))
    if not has[name]:
        available = ", ".join(key for key, is_available in has.items() if is_available)
        raise DeviceMissing(
            f"device={name}: this machine has none that torch {torch.__version__} can use.",
            f"Available are: {available}.",
            action("set_recipe", key="device", value="auto"),
        )
    return torch.device(name)


def device_name(device: torch.device) -> str:
    """Return the name of a device as a run has it: `cpu`, `mps` or `cuda (name of the GPU)`."""
    return f"cuda ({torch.cuda.get_device_name(device)})" if device.type == "cuda" else device.type
