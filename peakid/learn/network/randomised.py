"""Networks like a trained one whose weights are new random ones: what they find was not learned."""

import copy
from collections.abc import Iterator
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from peakid.learn.network import model as models
from peakid.learn.network.model import Card

Kind = Literal[
    "all",   # Every weight is new.
    "head",  # The head is new and the body as trained: it sees what is in an image, and not what it means.
]  # fmt: skip
_SEED = 20_000  # Apart from the seeds of trainings.


def randomised(
    model: nn.Sequential,
    card: Card,
    reference: Tensor,
    *,
    n: int,
    seed: int = _SEED,
    kind: Kind = "all",
) -> Iterator[nn.Sequential]:
    """Yield `n` networks.

    Args:
        reference: Normalised images (B, 3, S, S), on which the statistics of new norms are measured; those
            of a new norm (mean 0, variance 1) would let the values of a deep network grow or vanish.
    """
    device = next(model.parameters()).device
    for number in range(n):
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed + number)
            if kind == "all":
                made = models.build(card.arch, n_classes=len(card.class_names), head=card.head)
                new: nn.Module = made
            else:
                new = _new_head(model[1])
                made = nn.Sequential(model[0], new)
        yield _measured(made.to(device), new, reference.to(device))


def _new_head(head: nn.Module) -> nn.Module:
    made: Any = copy.deepcopy(head)
    for layer in made.modules():
        if hasattr(layer, "reset_parameters"):
            layer.reset_parameters()
    return made


def _measured(model: nn.Sequential, new: nn.Module, reference: Tensor) -> nn.Sequential:
    """Set the statistics of the new norms to those of the reference images; the others stay."""
    norms = [layer for layer in new.modules() if isinstance(layer, _BatchNorm)]
    model.eval()
    for norm in norms:
        norm.train()
        norm.reset_running_stats()
        norm.momentum = None  # The plain average of what it sees.
    if norms and len(reference) > 1:  # One image has no variance.
        with torch.no_grad():
            model(reference)
    return model.eval()
