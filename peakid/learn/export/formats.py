"""The writer and the reader of each format of an export."""

from collections.abc import Callable, Mapping
from pathlib import Path

from peakid.learn.export.by_format import (
    fastai_pickle,
    int8,
    litert_file,
    onnx_file,
    openvino_files,
    pt2,
    torchscript,
    weights,
)
from peakid.learn.export.trained import Predict, TrainedModel
from peakid.learn.network.model import Card
from peakid.recipe.export_formats import Format

WRITERS: Mapping[Format, Callable[[TrainedModel, Path], None]] = {
    "safetensors": weights.write,
    "onnx": onnx_file.write,
    "onnx-int8": int8.write,
    "pt2": pt2.write,
    "torchscript": torchscript.write,
    "openvino": openvino_files.write,
    "litert": litert_file.write,
    "fastai": fastai_pickle.write,
}
READERS: Mapping[Format, Callable[[Path, Card], Predict]] = {
    "safetensors": weights.read,
    "onnx": onnx_file.read,
    "onnx-int8": int8.read,
    "pt2": pt2.read,
    "torchscript": torchscript.read,
    "openvino": openvino_files.read,
    "litert": litert_file.read,
    "fastai": fastai_pickle.read,
}
"""They read files that Peakid has just written, to compare them with the run. `fastai` runs the code in the
file, so no reader is for files of others."""
