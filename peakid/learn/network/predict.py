"""What a model answers for canonical pixels: the one way to pred_probs inside a training."""

from collections.abc import Callable

import numpy as np
import torch
from torch import nn

from peakid.errors import OutOfMemory
from peakid.learn.batches.gather import Pixels
from peakid.learn.network.model import Card, normalise

BATCH_SIZE = 64  # Images at once without gradients; 64 at 224 px need about 1 GB in ResNet-50.


def pred_probs(
    model: nn.Module,
    pixels: np.ndarray | Pixels,
    card: Card,
    *,
    device: torch.device,
    advance: Callable[[int], None] = lambda n: None,
) -> np.ndarray:
    """Answer the probabilities of a model in eval mode: float32 of shape (n, K), rows adding up to 1.

    TensorFloat-32 is switched off: its 10-bit mantissa would put an export's answers on a CPU more than 1e-4 away.

    Args:
        pixels: Canonical pixels, uint8 of shape (n, S, S, 3).
        advance: Called with the number of images done after each batch.
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
    """Call `act(start, end)` for all of `n` images, so many at once as the memory holds.

    Raises:
        OutOfMemory: If it does not hold one.
    """
    start = 0
    while start < n:
        end = min(n, start + size)
        try:
            act(start, end)
        except torch.OutOfMemoryError as error:
            if size == 1:
                raise OutOfMemory(
                    "A single image does not fit into the memory of this device.", "Use --set device=cpu."
                ) from error
            size //= 2
            torch.cuda.empty_cache()  # Does nothing where there is no GPU.
        else:
            start = end
