"""What a model answers for canonical pixels: the one way to pred_probs inside a training."""

from collections.abc import Callable

import numpy as np
import torch
from torch import nn

from peakid.learn.gather import Pixels
from peakid.learn.model import Card, normalise

BATCH_SIZE = 64  # Images at once without gradients; 64 at 224 px need about 1 GB in ResNet-50.


def pred_probs(
    model: nn.Module, pixels: np.ndarray | Pixels, card: Card, *, device: torch.device, advance: Callable[[int], None] = lambda n: None
) -> np.ndarray:
    """Answer the probabilities of a model in eval mode: float32 of shape (n, K), rows adding up to 1.

    TensorFloat-32 is switched off: its 10-bit mantissa would put an export's answers on a CPU more than 1e-4 away.

    Args:
        pixels: Canonical pixels, uint8 of shape (n, S, S, 3).
        advance: Called with the number of images done after each batch.
    """
    model = model.to(device).eval()
    out = np.zeros((len(pixels), len(card.class_names)), dtype=np.float32)
    with torch.inference_mode(), torch.backends.cudnn.flags(enabled=True, allow_tf32=False):
        for start in range(0, len(pixels), BATCH_SIZE):
            batch = torch.from_numpy(np.array(pixels[start : start + BATCH_SIZE])).to(device)  # (B, S, S, 3)
            out[start : start + len(batch)] = model(normalise(batch, card)).softmax(dim=1).cpu().numpy()  # (B, K)
            advance(start + len(batch))
    return out
