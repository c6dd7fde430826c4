"""OpenVINO: the network as model.xml and its weights as model.bin, made from the ONNX file."""

import importlib
from pathlib import Path
from typing import Any

import numpy as np
import torch

from peakid.learn.export.by_format import onnx_file
from peakid.learn.export.trained import Predict, TrainedModel
from peakid.learn.network.model import Card


def write(trained: TrainedModel, file: Path) -> None:
    openvino: Any = importlib.import_module("openvino")
    with onnx_file.written(trained, file) as source:
        converted = openvino.convert_model(source)
        for key, value in onnx_file.metadata(trained).items():
            converted.set_rt_info(value, ["model_info", key])
        openvino.save_model(converted, file, compress_to_fp16=False)  # Half precision moves answers by 1e-3.


def read(file: Path, card: Card) -> Predict:  # The card is inside.
    """Open the files on the CPU. Without the hint, processors with bfloat16 would round to its 8 bits."""
    openvino: Any = importlib.import_module("openvino")
    options = {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": torch.get_num_threads()}
    compiled = openvino.compile_model(file, "CPU", options)

    def predicted(batch: np.ndarray) -> np.ndarray:
        return np.asarray(compiled({onnx_file.INPUT: batch})[onnx_file.OUTPUT])

    return predicted
