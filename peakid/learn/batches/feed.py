"""How pixels come to the device that learns from them: gathered on it, sent to it ahead of time, or taken when they are asked for."""

from collections.abc import Generator, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from peakid.learn.batches.gather import Pixels

Residence = Literal[
    "device",  # All of them lie on the GPU from their first use on, and are gathered there.
    "staged",  # The next batches are gathered into pinned memory and sent while the GPU computes.
    "plain",   # Gathered when they are asked for: the model computes on the same cores.
]  # fmt: skip

# Of the GPU's free memory, for pixels: a model, its gradients and its activations need the rest.
DEVICE_SHARE = 0.5
N_STAGED = 2  # Batches: one is being sent while the next is gathered.


def residence(device_type: str, *, n_bytes: int, free_bytes: int) -> Residence:
    """Decide where the pixels of a phase lie while it learns.

    Args:
        device_type: As torch names it: `cuda`, `mps`, `cpu`.
        n_bytes: Of all images it learns from and is judged by.
        free_bytes: Of the device's memory; 0 = it is short.
    """
    if device_type != "cuda":
        return "plain"
    return "device" if n_bytes <= free_bytes * DEVICE_SHARE else "staged"


def free_bytes(device: torch.device) -> int:
    """Answer the memory of a GPU that nobody uses; 0 for every other device."""
    if device.type != "cuda":
        return 0
    torch.cuda.empty_cache()  # What torch merely holds back is free.
    return torch.cuda.mem_get_info(device)[0]


class Feed:
    """Gives batches of some images to a device, in any order.

    Args:
        pixels: Of all N images.
        used: Numbers of those that will be asked for, once or more.
    """

    def __init__(self, pixels: Pixels, used: np.ndarray, device: torch.device, lies: Residence) -> None:
        self.pixels, self.device, self.lies = pixels, device, lies
        if lies == "device":
            used = np.unique(used)
            self._place = np.zeros(len(pixels), dtype=np.int64)
            self._place[used] = np.arange(len(used))
            self._is_here = np.zeros(len(pixels), dtype=bool)
            self._rows = torch.empty((len(used), *pixels.shape[1:]), dtype=torch.uint8, device=device)

    def batches(self, parts: Sequence[np.ndarray]) -> Generator[Tensor]:
        """Answer one batch after the other: uint8 of shape (B, S, S, 3), on the device but for `plain`.

        Args:
            parts: Numbers of the images of each batch.
        """
        if self.lies == "device":
            yield from self._resident(parts)
        elif self.lies == "staged":
            yield from self._staged(parts)
        else:
            yield from map(torch.from_numpy, self.pixels.batches(parts))

    def sent(self, array: np.ndarray) -> Tensor:
        """Answer an array as a tensor where the batches are, without waiting for it to arrive."""
        tensor = torch.from_numpy(array)
        if self.lies == "plain":
            return tensor
        return (tensor.pin_memory() if self.device.type == "cuda" else tensor).to(
            self.device, non_blocking=True
        )

    def _resident(self, parts: Sequence[np.ndarray]) -> Generator[Tensor]:
        lacking = [at[~self._is_here[at]] for at in parts]
        brought = self._staged([at for at in lacking if len(at)])
        for at, new in zip(parts, lacking, strict=True):
            if len(new):
                self._rows[self.sent(self._place[new])] = next(brought)
                self._is_here[new] = True
            yield self._rows[self.sent(self._place[at])]  # (B, S, S, 3)
        brought.close()

    def _staged(self, parts: Iterable[np.ndarray]) -> Generator[Tensor]:
        source = self.pixels.batches(parts)

        def brought() -> Tensor | None:
            array = next(source, None)
            return None if array is None else self.sent(array)

        with ThreadPoolExecutor(1) as pool:  # One thread: the batches stay in their order.
            waiting: list[Future[Tensor | None]] = [pool.submit(brought) for _ in range(N_STAGED)]
            try:
                while (batch := waiting.pop(0).result()) is not None:
                    waiting.append(pool.submit(brought))
                    yield batch
            finally:
                pool.shutdown(cancel_futures=True)
                source.close()
