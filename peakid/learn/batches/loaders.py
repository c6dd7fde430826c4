"""fastai loaders over row numbers: batches are gathered whole and augmented on the device."""

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
from peakid.learn.batches.feed import Feed, free_bytes, placement
from peakid.learn.ranks.ranks import ALONE, Ranks
from peakid.recipe.architectures import Architecture
from peakid.recipe.recipe import Recipe


@dataclass
class Rows:
    """The dataset that fastai sees: row numbers only.

    Attributes:
        feed: Gives the pixels of the snapshot's images.
        at: int64 of shape (n,), the image of each row; images of small classes may occur several times.
        labels: int64 of shape (n,).
        split_idx: 0 = train, 1 = valid, as fastai's transforms read it.
        n_all: Of validation, the images of all ranks together.
    """

    feed: Feed
    at: np.ndarray
    labels: np.ndarray
    split_idx: int
    n_inp: int = 1  # One input, then the label.
    n_all: int = 0

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, row: int) -> int:
        return row


class Reseed(Transform):
    """Seeds the generators before a batch is augmented, so that it does not depend on anything before it.

    A resumed training then continues exactly as it would have, without stored generator states, and the
    number of worker processes has no effect.

    Args:
        rank: Each rank draws its own numbers for its part of a batch.
    """

    order = -1000

    def __init__(self, seed: int, rank: int = 0) -> None:
        super().__init__()
        self.seed, self.epoch, self.batch = seed, 0, 0
        self.of_rank = (rank,) if rank else ()

    def encodes(self, x: TensorImage) -> TensorImage:  # ty: ignore[incompatible-method-override]
        seed_all(self.seed, self.epoch, self.batch, *self.of_rank)
        self.batch += 1
        return x


def seed_all(*numbers: int) -> None:
    """Seed Python's (fastai shuffles), torch's (augmentation) and numpy's generators (some layers)."""
    seed = int(np.random.SeedSequence(numbers).generate_state(1)[0])
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)


class GatherLoader(TfmdDL):
    """Gathers a whole batch from the cache at once: 8,000 images per second, where one by one gave 50.

    A last training batch of a single image is left out: BatchNorm needs at least two. `n`, `bs` and the
    length count the images of all ranks in training, and those of this rank in validation.

    Attributes:
        ranks: Those that share each batch of training.
        row_weights: Of each row in the loss of a batch, float64 of shape (n,); used by several ranks only.
        weight: Of the loss of the newest batch of this rank.
    """

    reseed = Reseed(0)
    ranks = ALONE
    row_weights = np.ones(0)
    weight = 1.0
    skip = 0  # Batches of the next epoch that were finished before the training was interrupted.

    def begin_epoch(self, epoch: int, *, skip: int) -> None:
        """Set what determines the next epoch's order and augmentation."""
        self.reseed.epoch, self.reseed.batch, self.skip = epoch, skip, skip

    def shuffle_fn(self, idxs: Sequence[int]) -> list[int]:
        order = np.random.default_rng((self.reseed.seed, self.reseed.epoch)).permutation(idxs).tolist()
        return order[self.skip * self.bs :]

    def create_batches(self, samps: Iterable[int]) -> Iterator[tuple[TensorImage, TensorCategory]]:
        rows: Rows = self.dataset
        parts = [np.asarray(part) for part in chunked(samps, self.bs) if len(part) > 1 or not self.shuffle]
        weights = [1.0] * len(parts)
        if self.shuffle and not self.ranks.is_alone:
            shared = [self.ranks.batch_part(part, self.row_weights) for part in parts]
            parts, weights = [part for part, _ in shared], [weight for _, weight in shared]
        with contextlib.closing(rows.feed.batches([rows.at[part] for part in parts])) as batches:
            for part, pixels, self.weight in zip(parts, batches, weights, strict=True):
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
    ranks: Ranks = ALONE,
) -> DataLoaders:
    """Make the loaders of train (shuffled, augmented) and valid (canonical pixels, in order).

    Args:
        size_px: Side of training images; None = the recipe's. Validation images always have the recipe's.
        augment: Strength of augmentation; None = the recipe's.
        is_memory_short: Whether the device has no memory left for pixels.
        ranks: Each one gets its part of every training batch, and its part of the validation images.
    """
    rows, valid = images.rows("train"), images.rows("valid")
    n_valid = len(valid)
    valid = valid[ranks.part(n_valid)]
    train_feed, valid_feed = _feeds(prepared, rows, valid, device, is_memory_short=is_memory_short)
    repeated = rows[_rows_of_an_epoch(images.labels[rows], recipe)]
    normalise = [IntToFloatTensor(), Normalize.from_stats(architecture.mean, architecture.std, cuda=False)]
    # Processes cannot read what is on a GPU, and threads already gather what is sent to it.
    n_workers = recipe.n_workers if train_feed.placement == "plain" and ranks.is_alone else 0
    common: dict[str, Any] = {"bs": recipe.batch_size, "num_workers": n_workers}
    strength = recipe.augment if augment is None else augment
    changes = _changes(recipe, size_px or recipe.image_size_px, strength)
    reseed = Reseed(recipe.seed, ranks.number)
    train_rows = Rows(train_feed, repeated, images.labels[repeated], 0)
    valid_rows = Rows(valid_feed, valid, images.labels[valid], 1, n_all=n_valid)
    train_loader = GatherLoader(
        train_rows, shuffle=True, after_batch=[reseed, *normalise, *changes], **common
    )
    train_loader.reseed, train_loader.ranks = reseed, ranks
    train_loader.row_weights = _row_weights(train_rows.labels, recipe)
    return DataLoaders(train_loader, GatherLoader(valid_rows, after_batch=normalise, **common), device=device)


def _feeds(
    prepared: Prepared, rows: np.ndarray, valid: np.ndarray, device: torch.device, *, is_memory_short: bool
) -> tuple[Feed, Feed]:
    train, canonical = prepared.train, prepared.canonical
    n_bytes = len(rows) * train.image_bytes + len(valid) * canonical.image_bytes
    free = 0 if is_memory_short else free_bytes(device)
    chosen = placement(device.type, n_bytes=n_bytes, free_bytes=free)
    return Feed(train, rows, device, chosen), Feed(canonical, valid, device, chosen)


def _rows_of_an_epoch(labels: np.ndarray, recipe: Recipe) -> np.ndarray:
    """Return which of n images are in an epoch, and how often: int64 of n or more."""
    if recipe.balance != "oversample":
        return np.arange(len(labels))
    of_class = [np.flatnonzero(labels == k) for k in np.unique(labels)]
    largest = max(len(rows) for rows in of_class)
    return np.concatenate([np.resize(rows, largest) for rows in of_class])  # np.resize repeats.


def _row_weights(labels: np.ndarray, recipe: Recipe) -> np.ndarray:
    """Return the weight of each image in the mean loss of a batch: float64 of shape (n,)."""
    # fastai's MixUp takes the plain mean of what is weighted already.
    if recipe.balance != "weighted" or recipe.mix != "none":
        return np.ones(len(labels))
    return 1 / np.bincount(labels)[labels]


def _changes(recipe: Recipe, size_px: int, strength: float) -> list[Transform]:
    if not strength and not recipe.is_mirrored:
        return []
    return [RandomChanges(size_px, strength=strength, is_mirrored=recipe.is_mirrored)]
