"""How pixels become batches: fastai loaders over row numbers, brought whole and changed on the device."""

import contextlib
import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from fastai.data.core import DataLoaders, TfmdDL
from fastai.data.transforms import IntToFloatTensor, Normalize
from fastai.torch_core import TensorCategory, TensorImage
from fastcore.basics import chunked
from fasttransform import Transform

from peakid.learn.batches.augment import RandomChanges
from peakid.learn.batches.data import Prepared, TrainingImages
from peakid.learn.batches.feed import Feed, free_bytes, residence
from peakid.recipe.architectures import Architecture
from peakid.recipe.recipe import Recipe


@dataclass
class Rows:
    """The dataset fastai sees: row numbers only. `split_idx` 0 = train, 1 = valid, as fastai's transforms read it.

    Attributes:
        feed: Gives the pixels of the snapshot's images.
        at: int64 of shape (n,), which of the images each row is; small classes may have theirs several times.
        labels: int64 of shape (n,).
    """

    feed: Feed
    at: np.ndarray
    labels: np.ndarray
    split_idx: int
    n_inp: int = 1  # One input, then the label.

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, row: int) -> int:
        return row


class Reseed(Transform):
    """Comes first of a batch's changes and seeds what is random about the batch, so that it depends on nothing before it.

    A training that is resumed then goes on exactly as it would have, with no state of any generator to be stored, and the
    number of worker processes changes nothing.
    """

    order = -1000

    def __init__(self, seed: int) -> None:
        super().__init__()
        self.seed, self.epoch, self.batch = seed, 0, 0

    def encodes(self, x: TensorImage) -> TensorImage:  # ty: ignore[incompatible-method-override]
        seed_all(self.seed, self.epoch, self.batch)
        self.batch += 1
        return x


def seed_all(*numbers: int) -> None:
    """Seed all three generators: fastai orders with Python's, draws changes with torch's, and some layers use numpy's."""
    seed = int(np.random.SeedSequence(numbers).generate_state(1)[0])
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)


class GatherLoader(TfmdDL):
    """Gathers a whole batch from the cache at once: 8,000 images a second, where one by one gave 50.

    A last training batch of a single image is left out: BatchNorm has no deviation of one.
    """

    reseed = Reseed(0)
    skip = 0  # Batches of the coming epoch that were done before a training was interrupted.

    def begin_epoch(self, epoch: int, *, skip: int) -> None:
        """Set what the coming epoch's order and changes follow from."""
        self.reseed.epoch, self.reseed.batch, self.skip = epoch, skip, skip

    def shuffle_fn(self, idxs: Sequence[int]) -> list[int]:
        order = np.random.default_rng((self.reseed.seed, self.reseed.epoch)).permutation(idxs).tolist()
        return order[self.skip * self.bs :]

    def create_batches(self, samps: Iterable[int]) -> Iterator[tuple[TensorImage, TensorCategory]]:
        rows: Rows = self.dataset
        parts = [np.asarray(part) for part in chunked(samps, self.bs) if len(part) > 1 or not self.shuffle]
        with contextlib.closing(rows.feed.batches([rows.at[part] for part in parts])) as batches:
            for part, pixels in zip(parts, batches, strict=True):
                labels = rows.feed.sent(rows.labels[part])  # (B,)
                yield TensorImage(pixels.permute(0, 3, 1, 2)), TensorCategory(labels)  # (B, 3, S, S)

    def __len__(self) -> int:
        return self.n // self.bs + (self.n % self.bs > (1 if self.shuffle else 0))


def make(
    images: TrainingImages,
    prepared: Prepared,
    recipe: Recipe,
    architecture: Architecture,
    device: torch.device,
    *,
    size_px: int | None = None,
    augment: float | None = None,
    is_memory_short: bool = False,
) -> DataLoaders:
    """Make the loaders of train (shuffled, augmented) and valid (canonical pixels, in order).

    Args:
        size_px: Side of training images; None = the recipe's. Valid images have the recipe's in any case.
        augment: Strength of the random changes; None = the recipe's.
        is_memory_short: Whether the device has none to spare for pixels.
    """
    rows, valid = images.rows("train"), images.rows("valid")
    train_feed, valid_feed = _feeds(prepared, rows, valid, device, is_memory_short=is_memory_short)
    turns = rows[_turns(images.labels[rows], recipe)]
    normalise = [IntToFloatTensor(), Normalize.from_stats(architecture.mean, architecture.std, cuda=False)]
    # Processes could not read what lies on a GPU, and threads already gather what is sent to it.
    n_workers = recipe.n_workers if train_feed.lies == "plain" else 0
    common: dict[str, Any] = {"bs": recipe.batch_size, "num_workers": n_workers}
    changes = _changes(
        recipe, size_px or recipe.image_size_px, recipe.augment if augment is None else augment
    )
    reseed = Reseed(recipe.seed)
    shown = Rows(train_feed, turns, images.labels[turns], 0)
    learn = GatherLoader(shown, shuffle=True, after_batch=[reseed, *normalise, *changes], **common)
    learn.reseed = reseed
    check = GatherLoader(Rows(valid_feed, valid, images.labels[valid], 1), after_batch=normalise, **common)
    return DataLoaders(learn, check, device=device)


def _feeds(
    prepared: Prepared, rows: np.ndarray, valid: np.ndarray, device: torch.device, *, is_memory_short: bool
) -> tuple[Feed, Feed]:
    train, canonical = prepared.train, prepared.canonical
    n_bytes = len(rows) * train.image_bytes + len(valid) * canonical.image_bytes
    lies = residence(device.type, n_bytes=n_bytes, free_bytes=0 if is_memory_short else free_bytes(device))
    return Feed(train, rows, device, lies), Feed(canonical, valid, device, lies)


def _turns(labels: np.ndarray, recipe: Recipe) -> np.ndarray:
    """Answer which of n images come in an epoch, and how often: int64 (n or more,)."""
    if recipe.balance != "oversample":
        return np.arange(len(labels))
    of_class = [np.flatnonzero(labels == k) for k in np.unique(labels)]
    largest = max(len(rows) for rows in of_class)
    return np.concatenate(
        [np.resize(rows, largest) for rows in of_class]
    )  # np.resize repeats from the start.


def _changes(recipe: Recipe, size_px: int, strength: float) -> list[Transform]:
    if not strength and not recipe.is_mirrored:
        return []
    return [RandomChanges(size_px, strength=strength, is_mirrored=recipe.is_mirrored)]
