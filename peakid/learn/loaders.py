"""How cached pixels become batches: fastai loaders over row numbers, gathered whole and changed on the device."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from fastai.data.core import DataLoaders, TfmdDL
from fastai.data.transforms import IntToFloatTensor, Normalize
from fastai.torch_core import TensorCategory, TensorImage
from fastai.vision.augment import aug_transforms
from fastcore.basics import chunked

from peakid.learn.architectures import Architecture
from peakid.learn.data import Prepared, TrainingImages
from peakid.learn.recipe import Recipe

MAX_TURN_DEG = 10.0  # fastai's default; photographs are held roughly level.
MAX_ZOOM = 1.3  # Shows at least 59 % of the area: scraped subjects are near or far.
MAX_LIGHT = 0.2  # fastai's default, a fifth brighter or darker.


@dataclass
class Rows:
    """The dataset fastai sees: row numbers only. `split_idx` 0 = train, 1 = valid, as fastai's transforms read it.

    Attributes:
        pixels: uint8 of shape (n, S, S, 3).
        labels: int64 of shape (n,).
    """

    pixels: np.ndarray
    labels: np.ndarray
    split_idx: int
    n_inp: int = 1  # One input, then the label.

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, row: int) -> int:
        return row


class GatherLoader(TfmdDL):
    """Gathers a whole batch from the cache at once: 8,000 images a second, where one by one gave 50.

    A last training batch of a single image is left out: BatchNorm has no deviation of one.
    """

    def create_batches(self, samps: Iterable[int]) -> Iterator[tuple[TensorImage, TensorCategory]]:
        for rows in chunked(samps, self.bs):
            if len(rows) > 1 or not self.shuffle:
                yield self._gather(np.asarray(rows))

    def __len__(self) -> int:
        return self.n // self.bs + (self.n % self.bs > (1 if self.shuffle else 0))

    def _gather(self, rows: np.ndarray) -> tuple[TensorImage, TensorCategory]:
        pixels = torch.from_numpy(np.ascontiguousarray(self.dataset.pixels[rows])).permute(0, 3, 1, 2)  # (B, 3, S, S)
        return TensorImage(pixels), TensorCategory(torch.from_numpy(self.dataset.labels[rows]))  # (B,)


def make(images: TrainingImages, prepared: Prepared, recipe: Recipe, architecture: Architecture, device: torch.device) -> DataLoaders:
    """Make the loaders of train (shuffled, augmented) and valid (canonical pixels, in order)."""
    train, valid = images.rows("train"), images.rows("valid")
    normalise = [IntToFloatTensor(), Normalize.from_stats(architecture.mean, architecture.std, cuda=False)]
    common: dict[str, Any] = {"bs": recipe.batch_size, "num_workers": recipe.n_workers, "pin_memory": device.type == "cuda"}
    learn = GatherLoader(
        Rows(prepared.train, images.labels[train], 0), shuffle=True, after_batch=[*normalise, *_augments(recipe)], **common
    )
    check = GatherLoader(Rows(prepared.canonical[valid], images.labels[valid], 1), after_batch=normalise, **common)
    return DataLoaders(learn, check, device=device)


def _augments(recipe: Recipe) -> list[Any]:
    """List the random changes of a training batch, drawn for each image, run on the device."""
    if not recipe.augment and not recipe.is_mirrored:
        return []
    return aug_transforms(
        mult=recipe.augment,
        do_flip=recipe.is_mirrored,
        max_rotate=MAX_TURN_DEG,
        max_zoom=1 + (MAX_ZOOM - 1) * recipe.augment,
        max_lighting=MAX_LIGHT,
        max_warp=0.0,  # Would bend ridge lines, which tell peaks apart.
        size=recipe.image_size_px,
    )
