"""The formats in which a trained model can be exported: the files of each, and the packages that it needs."""

import importlib.util
from collections.abc import Mapping, Sequence
from typing import Literal, get_args

from peakid.errors import ExtraMissing
from peakid.recipe import run_files

Format = Literal[
    "safetensors",  # The weights alone, for torch; learn/network/model.py builds the network they belong to.
    "onnx",         # Everything from canonical pixels to probabilities, for ONNX Runtime and others.
    "onnx-int8",    # The same with weights and activations of 8 bits. It predicts nearly the same.
    "pt2",          # The same as an exported program of torch.
    "torchscript",  # From a photo of any size, float in 0..1, to probabilities; for torch.jit.load.
    "openvino",     # From canonical pixels to probabilities, for OpenVINO: two files.
    "litert",       # The same for LiteRT (TensorFlow Lite), one image at a time.
    "fastai",       # A pickled Learner for load_learner. It is executable code.
]  # fmt: skip

FORMATS: tuple[Format, ...] = get_args(Format)
DEFAULT: tuple[Format, ...] = ("safetensors", "onnx")
EXACT: frozenset[Format] = frozenset(FORMATS) - {"onnx-int8"}
"""Formats that must predict what the run predicted, up to rounding; the others are only compared with it."""

FILE_NAMES: Mapping[Format, str] = {
    "safetensors": run_files.WEIGHTS,
    "onnx": "model.onnx",
    "onnx-int8": "model-int8.onnx",
    "pt2": "model.pt2",
    "torchscript": "model.torchscript.pt",
    "openvino": "model.xml",
    "litert": "model.tflite",
    "fastai": "export.pkl",
}
TITLES: Mapping[Format, str] = {
    "safetensors": "safetensors",
    "onnx": "ONNX",
    "onnx-int8": "ONNX int8",
    "pt2": "PyTorch .pt2",
    "torchscript": "TorchScript",
    "openvino": "OpenVINO",
    "litert": "LiteRT",
    "fastai": "fastai export.pkl",
}
USES: Mapping[Format, str] = {
    "safetensors": "The weights alone, for training code.",
    "onnx": "Runs without Peakid, and in Peakid's server and bundles.",
    "onnx-int8": "A quarter of the size. It predicts nearly the same; the check says how often.",
    "pt2": "For torch.export.load, from pixels to probabilities.",
    "torchscript": "For torch.jit.load: takes photos of any size and has class_names.",
    "openvino": "For OpenVINO on Intel processors: model.xml and model.bin.",
    "litert": "For phones and small devices (TensorFlow Lite), one image at a time.",
    "fastai": "For load_learner. It is executable code: load it only where you trust who made it.",
}
SECOND_FILES: Mapping[Format, str] = {"openvino": "model.bin"}
CARD = "card.json"
FAMILIAR = "familiar"
"""The format, in the list of files, of the reference by which unfamiliar photos are told."""
FAMILIAR_FILE = "familiar.safetensors"
PICKLE_WARNING = (
    "export.pkl is executable code: loading it runs what is in it. Give it only to people who trust you. "
    "Peakid itself offers it for download only."
)

_EXTRAS: Mapping[str, tuple[str, ...]] = {
    "openvino": ("openvino",),
    "litert": ("litert_torch", "ai_edge_litert"),
}
"""By format, which is the name of the extra too: the modules that it needs beyond Peakid's own."""


def files_of(name: Format) -> list[str]:
    """Return the names of the files of a format, the one to open first."""
    return [FILE_NAMES[name], *([SECOND_FILES[name]] if name in SECOND_FILES else [])]


def is_available(name: str) -> bool:
    """Return whether the packages that a format needs are installed."""
    return all(importlib.util.find_spec(module) is not None for module in _EXTRAS.get(name, ()))


def install_command(name: str) -> str:
    """Return the command that installs what a format needs."""
    return f"pip install {' '.join(_packages(name))}"


def refuse_unavailable(names: Sequence[str]) -> None:
    """Say how to install what a format needs.

    Raises:
        ExtraMissing: If it is not installed.
    """
    for name in names:
        if not is_available(name):
            raise ExtraMissing(
                f"The export format {name} needs {' and '.join(_packages(name))}: not installed.",
                f"Install it with: {install_command(name)}. Or choose another format.",
            )


def _packages(name: str) -> list[str]:
    return [module.replace("_", "-") for module in _EXTRAS[name]]
