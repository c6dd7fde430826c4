"""Test-time augmentation: average a model's predictions for an image and for fixed views of it.

Probabilities are averaged, not logits: the average is a distribution again, one very confident view cannot
outweigh the others, and by Jensen's inequality its log loss is never above the mean of the views' own.
fastai's `Learner.tta`
averages probabilities too: of 4 random views, whose mean has three times the weight of the plain prediction
(beta = .25). Peakid's views are fixed, so that a score is reproducible, and all have the same weight: with 4
views the plain prediction has .20, close to .25.
"""

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch
from torch import nn

from peakid import progress_text
from peakid.errors import ParityBroken, UnreadableImage
from peakid.imaging import gate, pixels
from peakid.learn.batches.data import Stopped
from peakid.learn.export import proof
from peakid.learn.network import model as models
from peakid.learn.network import predict
from peakid.learn.network.model import Card
from peakid.recipe.tta_views import TtaView
from peakid.records import Report
from peakid.remedies import action

PHASE = "Evaluating with test-time augmentation"
CHUNK = 64  # Images decoded at once: 10 MB at 224 px.
THREADS = 4  # Pillow decodes without the interpreter's lock; more threads only wait for the model.


def pred_probs(
    run_folder: Path,
    digests: Sequence[str],
    views: Sequence[TtaView],
    *,
    expected: np.ndarray,
    read: Callable[[str], bytes],
    device: torch.device,
    report: Report,
    should_stop: Callable[[], bool],
) -> np.ndarray:
    """Return a run's probabilities averaged over the plain image and its views: float32 of shape (n, K).

    Args:
        views: In addition to the plain image, which is always included.
        expected: What the run predicted for the plain images, float32 of shape (n, K).
        read: Gives the bytes of one image by digest; called from several threads at once.

    Raises:
        NotFound: If the run has no model.
        ParityBroken: If the predictions for the plain images are not the run's: the average would not be of
        this run.
        UnreadableImage: If an image's bytes cannot be decoded; the message names the image.
        Stopped: If `should_stop` returns True.
    """
    model, card = models.load(run_folder)
    averaged = np.zeros((len(digests), len(card.class_names)), dtype=np.float32)
    for start in range(0, len(digests), CHUNK):
        if should_stop():
            raise Stopped
        rows = slice(start, min(start + CHUNK, len(digests)))
        plain, averaged[rows] = of_model(model, card, digests[rows], views, read=read, device=device)
        prove(plain, expected[rows])
        message = f"{progress_text.counted(rows.stop, len(digests), 'images')}, {len(views) + 1} views each"
        report(PHASE, rows.stop, len(digests), message)
    return averaged


def of_model(
    model: nn.Module,
    card: Card,
    digests: Sequence[str],
    views: Sequence[TtaView],
    *,
    read: Callable[[str], bytes],
    device: torch.device,
    n_readers: int | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Return the probabilities of plain images, and their average over the views: each float32 (n, K).

    Args:
        digests: `CHUNK` at most; all of them are decoded at once.
        n_readers: Threads that read side by side; None = as from a disk.

    Raises:
        UnreadableImage: As `pred_probs`.
    """
    batch = _decoded(digests, card, read, n_readers or THREADS)  # (n, S, S, 3)
    plain = predict.pred_probs(model, batch, card, device=device)
    of_views = (predict.pred_probs(model, transformed(batch, view), card, device=device) for view in views)
    return plain, average(plain, of_views)


def average(plain: np.ndarray, others: Iterable[np.ndarray]) -> np.ndarray:
    """Return the mean of one model's probabilities over all views, each (n, K)."""
    every = np.stack([plain, *others])  # (V, n, K)
    return every.mean(axis=0, dtype=np.float64).astype(np.float32)


def transformed(batch: np.ndarray, view: TtaView) -> np.ndarray:
    """Return a view of canonical pixels, uint8 (B, S, S, 3): a square crop enlarged to S, maybe mirrored.

    Pixels are rounded to integers, as the model was trained with.
    """
    size = batch.shape[1]
    side = round(size / view.zoom)
    top, left = round((size - side) * view.down), round((size - side) * view.right)
    crop = np.ascontiguousarray(batch[:, top : top + side, left : left + side])
    part = torch.from_numpy(crop)  # (B, s, s, 3)
    if side != size:
        part = nn.functional.interpolate(
            part.permute(0, 3, 1, 2).float(), size=(size, size), mode="bilinear", align_corners=False
        )
        part = part.round().clamp(0, 255).to(torch.uint8).permute(0, 2, 3, 1)  # (B, S, S, 3)
    return (part.flip(2) if view.is_mirrored else part).numpy()


def prove(plain: np.ndarray, expected: np.ndarray) -> None:
    """Compare what a model predicts for plain images with what its run predicted, float32 (n, K).

    Raises:
        ParityBroken: If they are not the same.
    """
    difference = float(np.abs(plain - expected).max())
    if not difference <= proof.TOLERANCE:  # Written so that NaN is refused too.
        raise ParityBroken(
            "The run's model does not predict what it predicted when it was trained: probabilities differ by "
            f"up to {difference:.2g} (allowed {proof.TOLERANCE:g}).",
            "Train again with this version of Peakid.",
            action("train"),
        )


def _decoded(digests: Sequence[str], card: Card, read: Callable[[str], bytes], n_readers: int) -> np.ndarray:
    def decode(digest: str) -> np.ndarray:
        try:
            return gate.call(pixels.preprocess, read(digest), size_px=card.image_size_px, resize=card.resize)
        except UnreadableImage as error:
            raise UnreadableImage(
                error.reason, f"Image {digest[:12]} cannot be decoded: {error.message}"
            ) from error

    with ThreadPoolExecutor(n_readers) as pool:
        return np.stack(list(pool.map(decode, digests)))
