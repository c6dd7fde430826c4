"""Predict for many clients at once: what arrives while a batch is computed becomes the next batch.

A request that is alone does not wait, and under load a batch costs less than its images one by one.
"""

import queue
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Generic, TypeVar

import numpy as np

T = TypeVar("T")

MAX_BATCH = 4  # One thread predicts four images at the cost of four; eight cost a sixth more (EfficientNet).
MAX_WAITING = 512  # Images; 77 MB of pixels at 224 px.


class TooBusy(Exception):
    """More images wait than are accepted."""


class Batcher(Generic[T]):
    """Threads that predict images in batches. Safe to use from several threads.

    Args:
        predict: From pixels, uint8 (n, S, S, 3), to an answer for each image.
        on_batch: Called with the size of each batch.
        n_threads: Batches that are predicted at the same time.
        max_waiting: Images that may wait.
    """

    def __init__(
        self,
        predict: Callable[[np.ndarray], Sequence[T]],
        *,
        n_threads: int = 1,
        on_batch: Callable[[int], None] = lambda n: None,
        max_waiting: int = MAX_WAITING,
    ) -> None:
        self._predict, self._on_batch = predict, on_batch
        self._waiting: queue.Queue[tuple[np.ndarray, Future[T]] | None] = queue.Queue(max_waiting)
        self._threads = [
            threading.Thread(target=self._run, name="predictions", daemon=True) for _ in range(n_threads)
        ]
        for thread in self._threads:
            thread.start()

    @property
    def n_waiting(self) -> int:
        """Images that wait for a batch."""
        return self._waiting.qsize()

    def submit(self, pixels: np.ndarray) -> "Future[T]":
        """Predict one image, uint8 (S, S, 3); the result is its answer.

        Raises:
            TooBusy: If too many images wait already.
        """
        future: Future[T] = Future()
        try:
            self._waiting.put_nowait((pixels, future))
        except queue.Full:
            raise TooBusy from None
        return future

    def close(self) -> None:
        """Finish what waits, and end the threads."""
        for _ in self._threads:
            self._waiting.put(None)
        for thread in self._threads:
            thread.join()

    def _run(self) -> None:
        is_open = True
        while is_open:
            batch, is_open = self._next()
            # A future that its client has cancelled is not computed.
            batch = [each for each in batch if each[1].set_running_or_notify_cancel()]
            if batch:
                self._on_batch(len(batch))
                self._fulfil(batch)

    def _next(self) -> tuple[list[tuple[np.ndarray, "Future[T]"]], bool]:
        """Wait for one image, and take those that wait behind it; False = the thread has to end."""
        batch: list[tuple[np.ndarray, Future[T]]] = []
        while len(batch) < MAX_BATCH:
            try:
                item = self._waiting.get(block=not batch)
            except queue.Empty:
                break
            if item is None:
                return batch, False
            batch.append(item)
        return batch, True

    def _fulfil(self, batch: list[tuple[np.ndarray, "Future[T]"]]) -> None:
        try:
            rows = self._predict(np.stack([pixels for pixels, _ in batch]))
        except Exception as error:
            if len(batch) > 1:  # One image must not fail those of other clients.
                for each in batch:
                    self._fulfil([each])
            else:
                batch[0][1].set_exception(error)
            return
        for (_, future), row in zip(batch, rows, strict=True):
            future.set_result(row)
