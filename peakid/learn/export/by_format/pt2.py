"""An exported program of torch (.pt2): from canonical pixels to probabilities, for any number of images."""

from pathlib import Path

import torch

from peakid.learn.export.by_format.weights import torch_predict
from peakid.learn.export.trained import Predict, TrainedModel, example, exported
from peakid.learn.network.model import Card


def write(trained: TrainedModel, file: Path) -> None:
    program = torch.export.export(
        exported(trained),
        (example(trained.card),),
        dynamic_shapes={"pixels": {0: torch.export.Dim("batch")}},
    )
    torch.export.save(program, file)


def read(file: Path, card: Card) -> Predict:  # The card is inside.
    return torch_predict(torch.export.load(file).module())
