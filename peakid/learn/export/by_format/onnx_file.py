"""ONNX: from canonical pixels to probabilities, with the card and its main values as metadata."""

import contextlib
import dataclasses
import json
import tempfile
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from peakid.learn.export.trained import Predict, TrainedModel, at_temperature, example
from peakid.learn.network import model as models
from peakid.learn.network.model import Card
from peakid.recipe.export_formats import FILE_NAMES

INPUT, OUTPUT, EMBEDDING = "pixels", "probabilities", "embedding"


class WithEmbedding(nn.Module):
    """From canonical pixels to probabilities and embedding: the mean of the features before the head."""

    def __init__(self, network: nn.Sequential, card: Card) -> None:
        super().__init__()
        self.body, self.head, self.card = network[0], network[1], card

    def forward(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        features = self.body(models.normalise(pixels, self.card))  # (B, C, H, W), or (B, C) of tokens
        embedding = features.mean(dim=(2, 3)) if features.ndim == 4 else features  # (B, C)
        return at_temperature(self.head(features), self.card.temperature), embedding


def write(trained: TrainedModel, file: Path) -> None:
    import onnx  # Imported here: it takes a second, and only this format needs it.

    program: Any = torch.onnx.export(
        WithEmbedding(trained.network, trained.card).eval(),
        (example(trained.card),),
        dynamo=True,
        input_names=[INPUT],
        output_names=[OUTPUT, EMBEDDING],
        dynamic_shapes={INPUT: {0: torch.export.Dim("batch")}},
        verbose=False,
    )
    program.save(file, external_data=False)  # In one file: a second one with the weights would get lost.
    graph = onnx.load(file)
    onnx.helper.set_model_props(graph, metadata(trained))
    onnx.save(graph, file)


def read(file: Path, card: Card) -> Predict:  # The card is inside.
    session = _session(file)
    return lambda batch: session.run([OUTPUT], {INPUT: batch})[0]


def read_embedding(file: Path) -> Callable[[np.ndarray], np.ndarray]:
    """Return a function from canonical pixels, uint8 (n, S, S, 3), to embeddings, float32 (n, d)."""
    session = _session(file)
    return lambda batch: session.run([EMBEDDING], {INPUT: batch})[0]


def _session(file: Path) -> Any:
    """Open the file with the threads that torch has here: one in the worker of an engine."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    return onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])


def metadata(trained: TrainedModel) -> dict[str, str]:
    """Return what the file says about itself: the card as JSON, and each of its main values as a plain key.

    All values but plain text are JSON. `mean`, `std` and `temperature` are those that the graph applies: a
    user of the file must not apply them again.
    """
    card = trained.card
    return {
        "peakid": json.dumps(dataclasses.asdict(card), ensure_ascii=False),
        "class_names": json.dumps(card.class_names, ensure_ascii=False),
        "image_size_px": str(card.image_size_px),
        "resize": card.resize,
        "pixels_version": str(card.pixels_version),
        "mean": json.dumps(card.mean),
        "std": json.dumps(card.std),
        "scale": "255",
        "temperature": json.dumps(card.temperature),
        "threshold": json.dumps(trained.threshold),
        "input": f"uint8 RGB pixels (batch, {card.image_size_px}, {card.image_size_px}, 3), turned by EXIF "
        "and resized with antialiasing; the graph divides by scale, subtracts mean and divides by std",
        "output": "probabilities (batch, classes) at the temperature; below the threshold there is no answer",
        "embedding": "the mean of the features before the head (batch, features), for the distance to what"
        " the model learned",
    }


@contextlib.contextmanager
def written(trained: TrainedModel, beside: Path) -> Generator[Path]:
    """Yield the ONNX file of a model, for formats that are made from it.

    Args:
        beside: A file of the same export: an ONNX file that is already there is used.
    """
    there = beside.with_name(FILE_NAMES["onnx"])
    if there.is_file():
        yield there
        return
    with tempfile.TemporaryDirectory(prefix=".onnx.", dir=beside.parent) as folder:
        file = Path(folder) / there.name
        write(trained, file)
        yield file
