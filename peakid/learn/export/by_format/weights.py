"""The weights alone, as safetensors."""

from pathlib import Path

import numpy as np
import torch

from peakid.learn.export.trained import ExportedModel, Predict, TrainedModel
from peakid.learn.network import model as models
from peakid.learn.network.model import Card


def write(trained: TrainedModel, file: Path) -> None:
    models.save_weights(trained.network, file)


def read(file: Path, card: Card) -> Predict:
    """Build the network of the card with the weights. The temperature is the card's: weights have none."""
    return torch_predict(ExportedModel(models.load_weights(file, card), card))


def torch_predict(module: torch.nn.Module) -> Predict:
    """Return the prediction of a torch module that takes canonical pixels."""

    def predicted(batch: np.ndarray) -> np.ndarray:
        with torch.inference_mode():
            return module(torch.from_numpy(np.array(batch))).numpy()

    return predicted
