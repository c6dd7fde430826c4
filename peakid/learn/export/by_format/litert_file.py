"""LiteRT (TensorFlow Lite): from the canonical pixels of one image to probabilities, as model.tflite."""

import copy
import importlib
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor, nn

from peakid.learn.export.trained import Predict, TrainedModel, example, exported
from peakid.learn.network.model import Card


class _GlobalMaximum(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x.amax(dim=(2, 3), keepdim=True)  # (B, C, H, W) -> (B, C, 1, 1)


def write(trained: TrainedModel, file: Path) -> None:
    litert: Any = importlib.import_module("litert_torch")
    module = _convertible(exported(trained))
    converted = litert.convert(module, (example(trained.card, n_images=1),))
    converted.export(str(file))


def _convertible(module: nn.Module) -> nn.Module:
    """Return a copy without the layer that the converter does not know: fastai's heads have it once."""
    copied = copy.deepcopy(module)
    pools = [name for name, layer in copied.named_modules() if isinstance(layer, nn.AdaptiveMaxPool2d)]
    for name in pools:
        copied.set_submodule(name, _GlobalMaximum())
    return copied


def read(file: Path, card: Card) -> Predict:
    """Open the file; it takes one image at a time."""
    runtime: Any = importlib.import_module("ai_edge_litert.interpreter")
    interpreter = runtime.Interpreter(model_path=str(file))
    interpreter.allocate_tensors()
    taken, given = interpreter.get_input_details()[0]["index"], interpreter.get_output_details()[0]["index"]

    def predicted_one(pixels: np.ndarray) -> np.ndarray:
        interpreter.set_tensor(taken, pixels[None])
        interpreter.invoke()
        return interpreter.get_tensor(given)[0].copy()

    return lambda batch: np.stack([predicted_one(pixels) for pixels in batch])
