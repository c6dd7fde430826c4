"""Predict photos with the model of a run, decoded in the guarded process; what cannot be read is counted."""

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import nn

from peakid import progress_text
from peakid.errors import NotFound, UnreadableImage
from peakid.imaging import gate, pixels
from peakid.learn.batches.data import Stopped
from peakid.learn.network import model as models
from peakid.learn.network import predict
from peakid.learn.network.model import Card
from peakid.records import Report

CHUNK = 64  # Images decoded at once: 10 MB at 224 px.
THREADS = 4  # Pillow decodes without the interpreter's lock; more threads only wait for the model.


@dataclass(frozen=True)
class PredictedPhotos:
    """What became of N photos.

    Attributes:
        places: int64 of shape (n,), ascending: positions of those that could be read.
        pred_probs: float32 of shape (n, K).
    """

    places: np.ndarray
    pred_probs: np.ndarray


@dataclass(frozen=True)
class PredictedContents:
    """What became of the contents of N photos.

    Attributes:
        pred_probs: Of those that could be read, in their order, float32 of shape (n, K).
        unread: Why the others could not be read, by position.
    """

    pred_probs: np.ndarray
    unread: dict[int, UnreadableImage]


def of_model(
    model: nn.Module, card: Card, contents: Sequence[bytes], *, device: torch.device
) -> PredictedContents:
    """Predict photos with a model that is in memory."""
    found = [np.zeros((0, len(card.class_names)), dtype=np.float32)]
    unread: dict[int, UnreadableImage] = {}
    for begin in range(0, len(contents), CHUNK):
        waiting = [
            gate.submit(pixels.preprocess, each, size_px=card.image_size_px, resize=card.resize)
            for each in contents[begin : begin + CHUNK]
        ]
        batch: list[np.ndarray] = []
        for position, each in enumerate(waiting, begin):
            try:
                batch.append(each.result())
            except UnreadableImage as error:
                unread[position] = error
        if batch:
            found.append(predict.pred_probs(model, np.stack(batch), card, device=device))
    return PredictedContents(np.concatenate(found), unread)


def pred_probs(
    run_folder: Path,
    n: int,
    read: Callable[[int], bytes],
    *,
    device: torch.device,
    report: Report,
    should_stop: Callable[[], bool],
) -> PredictedPhotos:
    """Predict `n` photos. One that cannot be read is left out.

    Args:
        read: Gives the bytes of a photo by its position; called from several threads at once.

    Raises:
        NotFound: If the run has no model.
        Stopped: If `should_stop` returns True.
    """
    model, card = models.load(run_folder)
    places: list[int] = []
    found = [np.zeros((0, len(card.class_names)), dtype=np.float32)]

    def decode(place: int) -> np.ndarray:
        return gate.call(pixels.preprocess, read(place), size_px=card.image_size_px, resize=card.resize)

    with ThreadPoolExecutor(THREADS) as pool:
        for begin in range(0, n, CHUNK):
            if should_stop():
                raise Stopped
            waiting = {place: pool.submit(decode, place) for place in range(begin, min(n, begin + CHUNK))}
            batch = _readable(waiting)
            if batch:
                places += list(batch)
                found.append(predict.pred_probs(model, np.stack(list(batch.values())), card, device=device))
            done = min(n, begin + CHUNK)
            report("Predicting the photos", done, n, progress_text.counted(done, n, "photos"))
    return PredictedPhotos(np.array(places, dtype=np.int64), np.concatenate(found))


def _readable(waiting: dict[int, "Future[np.ndarray]"]) -> dict[int, np.ndarray]:
    found: dict[int, np.ndarray] = {}
    for place, each in waiting.items():
        try:
            found[place] = each.result()
        except (UnreadableImage, NotFound, OSError):
            continue
    return found
