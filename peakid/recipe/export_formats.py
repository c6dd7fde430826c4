"""The formats in which a trained model can be exported, and the file of each."""

from collections.abc import Mapping
from typing import Literal, get_args

from peakid.recipe import run_files

Format = Literal[
    "safetensors",  # The weights alone, for torch; learn/network/model.py builds the network they belong to.
    "onnx",         # Everything from canonical pixels to probabilities, for ONNX Runtime and others.
]  # fmt: skip

FORMATS: tuple[Format, ...] = get_args(Format)
FILE_NAMES: Mapping[Format, str] = {"safetensors": run_files.WEIGHTS, "onnx": "model.onnx"}
CARD = "card.json"
