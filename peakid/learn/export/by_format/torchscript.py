"""TorchScript: from photos of any size to probabilities, with the class names, for `torch.jit.load`.

Applications that were written for a scripted predictor call `model(image)` and read `model.class_names`.
"""

import contextlib
import warnings
from collections.abc import Generator
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from peakid.learn.export.trained import Predict, TrainedModel, at_temperature
from peakid.learn.network.model import Card


class PhotoPredictor(nn.Module):
    """Resize, crop, normalise, predict.

    Resizing repeats `peakid.imaging.pixels.fit`: Pillow's bicubic filter with antialiasing, along rows and
    then along columns, rounded to whole levels after each. torch's own resizing rounds elsewhere.

    Attributes:
        class_names: The K classes, in the order of the probabilities.
    """

    class_names: list[str]
    mean: Tensor
    std: Tensor

    def __init__(self, core: nn.Module, card: Card) -> None:
        super().__init__()
        self.core = core
        self.class_names = list(card.class_names)
        self.image_size_px = card.image_size_px
        self.resize = card.resize
        self.register_buffer("mean", torch.tensor(card.mean).view(1, 3, 1, 1))
        self.register_buffer("std", torch.tensor(card.std).view(1, 3, 1, 1))

    def forward(self, image: Tensor) -> Tensor:
        """Return probabilities, (B, K), of upright RGB photos of one size, float (B, 3, H, W) in 0..1.

        uint8 in 0..255 is taken too.
        """
        photo = image.float() / 255 if image.dtype == torch.uint8 else image.float()
        return self.core((self.fitted(photo) - self.mean) / self.std)

    def fitted(self, photo: Tensor) -> Tensor:
        """Return the photo at the size of the network, (B, 3, S, S)."""
        size, high, wide = self.image_size_px, photo.shape[2], photo.shape[3]
        if self.resize == "crop":
            side = min(high, wide)
            left, top = (wide - side) / 2, (high - side) / 2
            return self.resampled(photo, [left, left + side], [top, top + side], size, size)
        if self.resize == "squish":
            return self.resampled(photo, [0.0, float(wide)], [0.0, float(high)], size, size)
        scale = size / max(high, wide)
        # TorchScript's round gives a float.
        inner_wide = max(1, int(round(wide * scale)))  # noqa: RUF046
        inner_high = max(1, int(round(high * scale)))  # noqa: RUF046
        inner = self.resampled(photo, [0.0, float(wide)], [0.0, float(high)], inner_wide, inner_high)
        left_px, top_px = (size - inner_wide) // 2, (size - inner_high) // 2
        right_px, bottom_px = size - inner_wide - left_px, size - inner_high - top_px
        return nn.functional.pad(inner, [left_px, right_px, top_px, bottom_px])

    def resampled(
        self, photo: Tensor, across: list[float], down: list[float], wide: int, high: int
    ) -> Tensor:
        """Return a box of the photo at another size, (B, 3, high, wide).

        Pillow 13 begins with the columns where that leaves out more than twice as many rows as columns.
        """
        along_rows = self.weights(photo.shape[3], across, wide).t()
        along_columns = self.weights(photo.shape[2], down, high)
        if photo.shape[2] - high > 2 * max(photo.shape[3] - wide, 0):
            return self.whole_levels(self.whole_levels(along_columns @ photo) @ along_rows)
        return self.whole_levels(along_columns @ self.whole_levels(photo @ along_rows))

    def whole_levels(self, photo: Tensor) -> Tensor:
        return (photo.clamp(0, 1) * 255 + 0.5).floor() / 255

    def weights(self, n_in: int, box: list[float], n_out: int) -> Tensor:
        """Return the weight of each input pixel for each output pixel, (n_out, n_in): rows add up to 1."""
        scale = (box[1] - box[0]) / n_out
        reach = max(scale, 1.0)
        device = self.mean.device
        centre = box[0] + (torch.arange(n_out, device=device, dtype=torch.float64) + 0.5) * scale
        place = torch.arange(n_in, device=device, dtype=torch.float64) + 0.5
        x = (place[None, :] - centre[:, None]) / reach  # (n_out, n_in)
        # Pillow takes whole pixels from the rounded ends of the filter on.
        first = (centre - 2 * reach + 0.5).floor()[:, None]
        last = (centre + 2 * reach + 0.5).floor()[:, None]
        x = x.abs()
        near = (1.5 * x - 2.5) * x * x + 1  # Keys 1981 with a = -0.5, as in Pillow.
        far = ((-0.5 * x + 2.5) * x - 4) * x + 2
        kernel = torch.where(x < 1, near, torch.where(x < 2, far, torch.zeros_like(x)))
        inside = (place[None, :] > first) & (place[None, :] < last)
        kernel = kernel * inside
        return (kernel / kernel.sum(dim=1, keepdim=True)).float()


class _Core(nn.Module):
    def __init__(self, network: nn.Module, temperature: float) -> None:
        super().__init__()
        self.network, self.temperature = network, temperature

    def forward(self, normalised: Tensor) -> Tensor:
        return at_temperature(self.network(normalised), self.temperature)


def write(trained: TrainedModel, file: Path) -> None:
    card = trained.card
    core = _Core(trained.network, card.temperature).eval()
    with torch.no_grad(), _without_warnings():
        traced = torch.jit.trace(core, torch.zeros(2, 3, card.image_size_px, card.image_size_px))
        torch.jit.script(PhotoPredictor(traced, card).eval()).save(str(file))


@contextlib.contextmanager
def _without_warnings() -> Generator[None]:
    """Silence that torch.jit is deprecated: the format is for programs that have no successor of it yet."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*is deprecated", category=FutureWarning)
        yield


def read(file: Path, card: Card) -> Predict:
    """Open the file; canonical pixels have their size already, so that resizing leaves them as they are."""
    with _without_warnings():
        module = torch.jit.load(file, map_location="cpu").eval()

    def predicted(batch: np.ndarray) -> np.ndarray:
        with torch.inference_mode():
            pixels = torch.from_numpy(np.array(batch)).permute(0, 3, 1, 2).float() / 255
            return module(pixels).numpy()

    return predicted
