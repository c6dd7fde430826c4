"""Rename the tensors of the packages efficientnet-lite0, 1 and 2-pytorch-model to timm's names.

Both number the same blocks in the same order: the package through all stages, timm within each stage.
"""

import re
from collections.abc import Collection, Mapping

from torch import Tensor

_OUTER = {
    "_conv_stem": "conv_stem",
    "_bn0": "bn1",
    "_conv_head": "conv_head",
    "_bn1": "bn2",
    "_fc": "classifier",
}
_EXPANDING = {
    "_expand_conv": "conv_pw",
    "_bn0": "bn1",
    "_depthwise_conv": "conv_dw",
    "_bn1": "bn2",
    "_project_conv": "conv_pwl",
    "_bn2": "bn3",
}
_FIRST = {"_depthwise_conv": "conv_dw", "_bn1": "bn1", "_project_conv": "conv_pw", "_bn2": "bn2"}
_BLOCK = re.compile(r"_blocks\.(\d+)\.(\w+)\.(\w+)")


def is_of_package(state: Collection[str]) -> bool:
    """Return whether a state_dict has the names of those packages."""
    return "_conv_stem.weight" in state


def renamed(state: Mapping[str, Tensor], expected: Collection[str]) -> dict[str, Tensor]:
    """Return a state_dict of such a package with timm's names; a tensor of no known place keeps its name.

    Args:
        expected: The names of timm's model, which tell how many blocks each stage has.
    """
    stages = {
        tuple(int(part) for part in key.split(".")[1:3]) for key in expected if key.startswith("blocks.")
    }
    blocks = [f"blocks.{stage}.{block}" for stage, block in sorted(stages)]
    return {_renamed(key, state, blocks): value for key, value in state.items()}


def _renamed(key: str, state: Collection[str], blocks: list[str]) -> str:
    match = _BLOCK.fullmatch(key)
    if match is None:
        layer, _, kind = key.partition(".")
        return f"{_OUTER.get(layer, layer)}.{kind}"
    number, layer, kind = int(match[1]), match[2], match[3]
    names = _EXPANDING if f"_blocks.{number}._expand_conv.weight" in state else _FIRST
    return f"{blocks[number]}.{names[layer]}.{kind}" if number < len(blocks) and layer in names else key
