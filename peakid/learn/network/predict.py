"""Predict probabilities from canonical pixels, as every part of a training does."""

from collections.abc import Callable

import numpy as np
import torch
from torch import nn

from peakid.errors import OutOfMemory
from peakid.learn.batches.gather import Pixels
from peakid.learn.network.model import Card, normalise
from peakid.remedies import action

BATCH_SIZE = 64  # Images at once without gradients; 64 at 224 px need about 1 GB in ResNet-50.


def pred_probs(
    model: nn.Module,
    pixels: np.ndarray | Pixels,
    card: Card,
    *,
    device: torch.device,
    advance: Callable[[int], None] = lambda n: None,
) -> np.ndarray:
    """Return the probabilities of a model in eval mode: float32 of shape (n, K), rows adding up to 1.

    TensorFloat-32 is switched off: with its 10-bit mantissa, an export on a CPU would differ by more than
    1e-4.

    Args:
        pixels: Canonical pixels, uint8 of shape (n, S, S, 3).
        advance: Called after each batch with the number of images done so far.
    """
    model = model.to(device).eval()
    out = np.zeros((len(pixels), len(card.class_names)), dtype=np.float32)

    def predict(start: int, end: int) -> None:
        batch = torch.from_numpy(np.array(pixels[start:end])).to(device)  # (B, S, S, 3)
        out[start:end] = model(normalise(batch, card)).softmax(dim=1).cpu().numpy()  # (B, K)
        advance(end)

    with torch.inference_mode(), torch.backends.cudnn.flags(enabled=True, allow_tf32=False):
        in_parts(len(pixels), predict)
    return out


def in_parts(n: int, act: Callable[[int, int], None], *, size: int = BATCH_SIZE) -> None:
    """Call `act(start, end)` for all of `n` images, in parts that are halved until they fit into memory.

    Raises:
        OutOfMemory: If a single image does not fit.
    """
    start = 0
    while start < n:
        end = min(n, start + size)
        try:
            act(start, end)
        except torch.OutOfMemoryError as error:
            if size == 1:
                raise OutOfMemory(
                    "A single image does not fit into the memory of this device.",
                    "Use the CPU.",
                    action("set_recipe", key="device", value="cpu"),
                ) from error
            size //= 2
            torch.cuda.empty_cache()  # No effect without a GPU.
        else:
            start = end
