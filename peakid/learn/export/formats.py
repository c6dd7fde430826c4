"""Write each format of an export and read it again: one writer and one reader a format."""

import dataclasses
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from peakid.learn.network import model as models
from peakid.learn.network import predict
from peakid.learn.network.model import Card
from peakid.recipe.export_formats import Format

Predict = Callable[[np.ndarray], np.ndarray]
"""The prediction of an exported file: canonical pixels, uint8 (n, S, S, 3), to float32 (n, K)."""


@dataclass(frozen=True)
class TrainedModel:
    """What a writer has to write.

    Attributes:
        network: In evaluation mode, on the CPU.
        card: Its classes and preprocessing.
        run_folder: With the files of the run.
    """

    network: nn.Module
    card: Card
    run_folder: Path


class ExportedModel(nn.Module):
    """The ONNX graph: normalisation, model and softmax, so that a user of the file need not repeat them."""

    def __init__(self, model: nn.Module, card: Card) -> None:
        super().__init__()
        self.model, self.card = model, card

    def forward(self, pixels: Tensor) -> Tensor:
        return self.model(models.normalise(pixels, self.card)).softmax(dim=1)  # uint8 (B, S, S, 3) -> (B, K)


def _write_safetensors(trained: TrainedModel, file: Path) -> None:
    models.save_weights(trained.network, file)


def _read_safetensors(file: Path, card: Card) -> Predict:
    network = models.load_weights(file, card)
    return lambda batch: predict.pred_probs(network, batch, card, device=torch.device("cpu"))


def _write_onnx(trained: TrainedModel, file: Path) -> None:
    import onnx  # Imported here: it takes a second, and only this format needs it.

    card = trained.card
    example = torch.zeros((2, card.image_size_px, card.image_size_px, 3), dtype=torch.uint8)
    program: Any = torch.onnx.export(
        ExportedModel(trained.network, card).eval(),
        (example,),
        dynamo=True,
        input_names=["pixels"],
        output_names=["probabilities"],
        dynamic_shapes={"pixels": {0: torch.export.Dim("batch")}},
        verbose=False,
    )
    program.save(file, external_data=False)  # In one file: a second one with the weights would get lost.
    graph = onnx.load(file)
    onnx.helper.set_model_props(graph, {"peakid": json.dumps(dataclasses.asdict(card), ensure_ascii=False)})
    onnx.save(graph, file)


def _read_onnx(file: Path, card: Card) -> Predict:  # The card is inside.
    import onnxruntime

    session: Any = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
    return lambda batch: session.run(["probabilities"], {"pixels": batch})[0]


WRITERS: Mapping[Format, Callable[[TrainedModel, Path], None]] = {
    "safetensors": _write_safetensors,
    "onnx": _write_onnx,
}
READERS: Mapping[Format, Callable[[Path, Card], Predict]] = {
    "safetensors": _read_safetensors,
    "onnx": _read_onnx,
}
