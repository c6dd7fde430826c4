"""Training goes on from a model that Peakid trained before: its body whole, its head as far as the classes are the same."""

import dataclasses
import json
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from peakid.errors import WeightsUnfit
from peakid.learn.network import model as models
from peakid.learn.network.model import Card
from peakid.recipe.architectures import Architecture


def is_ours(path: Path) -> bool:
    """Tell whether a weights file lies beside a card that Peakid wrote."""
    return path.name == models.WEIGHTS_NAME and path.with_name(models.CARD_NAME).is_file()


def load_into(model: nn.Sequential, path: Path, architecture: Architecture, class_names: list[str]) -> None:
    """Fill body and head from an earlier model; a new class begins with the random row it has.

    Raises:
        WeightsUnfit: If the earlier model has another architecture, or its file is damaged.
    """
    card = json.loads(path.with_name(models.CARD_NAME).read_text(encoding="utf-8"))
    earlier = Card(
        **{
            key: value
            for key, value in card.items()
            if key in {field.name for field in dataclasses.fields(Card)}
        }
    )
    if earlier.arch != architecture.name:
        raise WeightsUnfit(
            f"The model in {path.parent} is a {earlier.arch}, not a {architecture.name}.",
            f"Use --set arch={earlier.arch}.",
        )
    try:
        state = load_file(path)
        model[0].load_state_dict(
            {key.removeprefix("0."): value for key, value in state.items() if key.startswith("0.")}
        )
    except (SafetensorError, RuntimeError) as error:
        raise WeightsUnfit(
            f"The weights {path} do not fit their card ({earlier.arch}): {str(error)[:200]}.", "Train again."
        ) from error
    _fill_head(
        model[1],
        {key.removeprefix("1."): value for key, value in state.items() if key.startswith("1.")},
        earlier,
        class_names,
    )


def _fill_head(head: nn.Module, state: dict[str, Tensor], earlier: Card, class_names: list[str]) -> None:
    """Copy what the two heads share; heads of different kinds share nothing."""
    own = head.state_dict()
    if own.keys() != state.keys():
        return
    last = max(own, key=lambda key: int(key.split(".")[0])).split(".")[0]  # The layer whose rows are classes.
    shared = [
        (class_names.index(name), row) for row, name in enumerate(earlier.class_names) if name in class_names
    ]
    with torch.no_grad():
        for key, value in own.items():
            if key.split(".")[0] != last:
                value.copy_(state[key])
                continue
            for here, there in shared:
                value[here] = state[key][there]
    head.load_state_dict(own)
