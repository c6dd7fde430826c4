"""Move pixels to the training device: kept on it, sent ahead of time, or gathered when needed."""

from collections.abc import Generator, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from peakid.learn.batches.gather import Pixels

Placement = Literal[
    "device",  # All of them stay on the GPU after their first use, and are gathered there.
    "staged",  # The next batches are gathered into pinned memory and sent while the GPU computes.
    "plain",   # Gathered when they are needed: the model computes on the same cores.
]  # fmt: skip

# Share of the GPU's free memory for pixels: the model, its gradients and its activations need the rest.
DEVICE_SHARE = 0.5
N_STAGED = 2  # Batches: one is being sent while the next is gathered.


def placement(device_type: str, *, n_bytes: int, free_bytes: int) -> Placement:
    """Choose where the pixels of a phase are kept.

    Args:
        device_type: As in torch: `cuda`, `mps`, `cpu`.
        n_bytes: Of all its training and validation images.
        free_bytes: Of the device's memory; 0 = memory is short.
    """
    if device_type != "cuda":
        return "plain"
    return "device" if n_bytes <= free_bytes * DEVICE_SHARE else "staged"


def free_bytes(device: torch.device) -> int:
    """Return the free memory of a GPU; 0 for every other device."""
    if device.type != "cuda":
        return 0
    torch.cuda.empty_cache()  # What torch only keeps cached is free.
    return torch.cuda.mem_get_info(device)[0]


class Feed:
    """Gives batches of some images to a device, in any order.

    Args:
        pixels: Of all N images.
        used: Numbers of those that will be requested, once or more.
    """

    def __init__(self, pixels: Pixels, used: np.ndarray, device: torch.device, placement: Placement) -> None:
        self.pixels, self.device, self.placement = pixels, device, placement
        if placement == "device":
            used = np.unique(used)
            self._row = np.zeros(len(pixels), dtype=np.int64)
            self._row[used] = np.arange(len(used))
            self._is_loaded = np.zeros(len(pixels), dtype=bool)
            self._rows = torch.empty((len(used), *pixels.shape[1:]), dtype=torch.uint8, device=device)

    def batches(self, parts: Sequence[np.ndarray]) -> Generator[Tensor]:
        """Yield batches: uint8 of shape (B, S, S, 3), on the device unless the placement is `plain`.

        Args:
            parts: Numbers of the images of each batch.
        """
        if self.placement == "device":
            yield from self._resident(parts)
        elif self.placement == "staged":
            yield from self._staged(parts)
        else:
            yield from map(torch.from_numpy, self.pixels.batches(parts))

    def sent(self, array: np.ndarray) -> Tensor:
        """Return an array as a tensor where the batches are, without waiting for the transfer."""
        tensor = torch.from_numpy(array)
        if self.placement == "plain":
            return tensor
        pinned = tensor.pin_memory() if self.device.type == "cuda" else tensor
        return pinned.to(self.device, non_blocking=True)

    def _resident(self, parts: Sequence[np.ndarray]) -> Generator[Tensor]:
        missing = [at[~self._is_loaded[at]] for at in parts]
        loaded = self._staged([at for at in missing if len(at)])
        for at, new in zip(parts, missing, strict=True):
            if len(new):
                self._rows[self.sent(self._row[new])] = next(loaded)
                self._is_loaded[new] = True
            yield self._rows[self.sent(self._row[at])]  # (B, S, S, 3)
        loaded.close()

    def _staged(self, parts: Iterable[np.ndarray]) -> Generator[Tensor]:
        source = self.pixels.batches(parts)

        def load_next() -> Tensor | None:
            array = next(source, None)
            return None if array is None else self.sent(array)

        with ThreadPoolExecutor(1) as pool:  # One thread: the batches stay in their order.
            waiting: list[Future[Tensor | None]] = [pool.submit(load_next) for _ in range(N_STAGED)]
            try:
                while (batch := waiting.pop(0).result()) is not None:
                    waiting.append(pool.submit(load_next))
                    yield batch
            finally:
                pool.shutdown(cancel_futures=True)
                source.close()
