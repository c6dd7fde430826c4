"""What a writer of an export format is given, and the network from canonical pixels to probabilities."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from peakid.learn.network import model as models
from peakid.learn.network.model import Card

Predict = Callable[[np.ndarray], np.ndarray]
"""The prediction of an exported file: canonical pixels, uint8 (n, S, S, 3), to float32 (n, K)."""


def no_images() -> Iterator[np.ndarray]:
    """Yield no pixels: for formats that need none."""
    return iter(())


@dataclass(frozen=True)
class TrainedModel:
    """What a writer has to write.

    Attributes:
        network: In evaluation mode, on the CPU.
        card: Its classes, preprocessing and temperature.
        run_folder: With the files of the run.
        threshold: Confidence in 0..1 below which the model abstains; 0 = never.
        calibration: Yields canonical pixels of training images in batches, uint8 (n, S, S, 3). Only formats
            of 8 bits read them.
    """

    network: nn.Sequential
    card: Card
    run_folder: Path
    threshold: float = 0.0
    calibration: Callable[[], Iterator[np.ndarray]] = no_images


class ExportedModel(nn.Module):
    """Normalisation, network and softmax at the temperature, which a user of a file need not repeat."""

    def __init__(self, network: nn.Module, card: Card) -> None:
        super().__init__()
        self.network, self.card = network, card

    def forward(self, pixels: Tensor) -> Tensor:
        logits = self.network(models.normalise(pixels, self.card))  # uint8 (B, S, S, 3) -> (B, K)
        return at_temperature(logits, self.card.temperature)


def at_temperature(logits: Tensor, temperature: float) -> Tensor:
    """Return probabilities at a temperature, (B, K)."""
    return (logits if temperature == 1 else logits / temperature).softmax(dim=1)


def example(card: Card, n_images: int = 2) -> Tensor:
    """Return black pixels of the shape that an exported model takes."""
    return torch.zeros((n_images, card.image_size_px, card.image_size_px, 3), dtype=torch.uint8)


def exported(trained: TrainedModel) -> ExportedModel:
    return ExportedModel(trained.network, trained.card).eval()
