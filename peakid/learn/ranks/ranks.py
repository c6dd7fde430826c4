"""The ranks of one training: what they tell each other, and which part of the images each one has."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import torch
from torch import Tensor
from torch import distributed as dist

from peakid.learn.batches.data import Stopped
from peakid.recipe.ranks import LEAST_IMAGES

T = TypeVar("T")


class OtherRankFailed(Exception):
    """The first rank failed in something that the others wait for."""


@dataclass(frozen=True)
class Ranks:
    """This process among the processes that train one model together.

    The recipe's batches are those of all ranks: each one takes its part of every batch, so an epoch has the
    same batches in the same order on any number of ranks, and a checkpoint can be continued on another one.

    Attributes:
        number: Of this rank, from 0. The first one writes files and reports.
        count: Of all ranks; 1 = this process trains alone, and nothing is exchanged.
        number_here: Of this rank among those of its machine.
        group: Exchanges small tensors on the CPU; None = alone.
    """

    number: int = 0
    count: int = 1
    number_here: int = 0
    group: Any = None

    @property
    def is_first(self) -> bool:
        return self.number == 0

    @property
    def is_alone(self) -> bool:
        return self.count == 1

    def agreed(self, flags: int) -> int:
        """Return the flags of the first rank, on every rank: all of them then do the same."""
        if self.is_alone:
            return flags
        told = torch.tensor([flags])
        dist.broadcast(told, src=0, group=self.group)
        return int(told)

    def of_first(self, make: Callable[[], T]) -> T:
        """Return what `make` returns on the first rank; it is called there only.

        Raises:
            Stopped: On every rank, if the first one was stopped.
            OtherRankFailed: On the others, if it failed on the first one.
        """
        if self.is_alone:
            return make()
        box: Any = [None, None]  # What became of it, and what was made.
        failure: Exception | None = None
        if self.is_first:
            try:
                box = ["made", make()]
            except Exception as error:
                failure, box = error, ["stopped" if isinstance(error, Stopped) else "failed", None]
        dist.broadcast_object_list(box, src=0, group=self.group)
        if failure is not None:
            raise failure
        if box[0] == "stopped":
            raise Stopped
        if box[0] == "failed":
            raise OtherRankFailed("The first rank failed.")
        made: Any = box[1]
        return made

    def in_turn(self, act: Callable[[], T]) -> T:
        """Call `act` on the first rank of each machine, then on the others, which find what it has written.

        Raises:
            Stopped: On every rank, if one of them was stopped.
        """
        if self.is_alone:
            return act()
        found: list[T] = []
        for is_turn in (self.number_here == 0, self.number_here != 0):
            found += self.unless_stopped(lambda is_turn=is_turn: [act()] if is_turn else [])
        return found[0]

    def unless_stopped(self, act: Callable[[], T]) -> T:
        """Call `act` on every rank at once; none returns before all have ended.

        Each rank looks by itself whether the job was cancelled. One that stopped alone would leave the others
        waiting for it in their next exchange.

        Raises:
            Stopped: On every rank, if one of them was stopped.
        """
        if self.is_alone:
            return act()
        found, is_stopped = list[T](), torch.tensor([0])
        try:
            found.append(act())
        except Stopped:
            is_stopped += 1
        dist.all_reduce(is_stopped, group=self.group)
        if int(is_stopped):
            raise Stopped
        return found[0]

    def mean(self, values: list[float]) -> list[float]:
        """Return the mean of each value over the ranks, which have lists of one length."""
        if self.is_alone or not values:
            return values
        total = torch.tensor(values, dtype=torch.float64)
        dist.all_reduce(total, group=self.group)
        return (total / self.count).tolist()

    def batch_part(self, rows: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, float]:
        """Return this rank's rows of a batch, and the weight of its loss.

        The mean of the weighted losses over all ranks is the loss of the batch. A rank for which a short
        last batch has no part gets two rows of it, and the weight 0: it has to take part in the exchange.

        Args:
            rows: Of the whole batch, two or more.
            weights: Of every row of the dataset in the loss of a batch, over 0.
        """
        n_parts = max(1, min(self.count, len(rows) // LEAST_IMAGES))
        if self.number >= n_parts:
            return rows[:LEAST_IMAGES], 0.0
        part = np.array_split(rows, n_parts)[self.number]
        return part, self.count * float(weights[part].sum() / weights[rows].sum())

    def part(self, n: int) -> np.ndarray:
        """Return which of n images this rank has: int64 of the same length on every rank.

        The last ones repeat the last image; `joined` drops them.
        """
        if self.is_alone:
            return np.arange(n)
        size = math.ceil(n / self.count)
        return np.minimum(np.arange(size) + self.number * size, n - 1)

    def joined(self, part: Tensor, n: int) -> Tensor:
        """Return the values of all n images on every rank, in order, from those of its `part`."""
        if self.is_alone:
            return part
        own = part.detach().cpu().contiguous()
        parts = [torch.empty_like(own) for _ in range(self.count)]
        dist.all_gather(parts, own, group=self.group)
        return torch.cat(parts)[:n]


ALONE = Ranks()
