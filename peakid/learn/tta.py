"""Test-time augmentation: a model's answers for an image and for fixed views of it, averaged; nothing here is drawn at random.

The probabilities are averaged, not the logits: the average is a distribution again, one view that is sure of itself cannot veto the
others, and by Jensen's inequality its log loss is never above the mean of the views' own. fastai's `Learner.tta` averages
probabilities, too: 4 random views, and their mean counts three times the plain answer (beta = .25). Ours are fixed, so that a score is
the same tomorrow, and every view counts the same: with 4 beside it the plain one then has .20, so near to .25 that no weight is needed.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch
from torch import nn

from peakid.errors import ParityBroken, UnreadableImage
from peakid.imaging import pixels
from peakid.learn.batches.data import Stopped
from peakid.learn.network import export, predict
from peakid.learn.network import model as models
from peakid.learn.network.model import Card
from peakid.recipe.tta_views import View
from peakid.records import Report

CHUNK = 64  # Images decoded at once: 10 MB at 224 px.
THREADS = 4  # Pillow decodes outside the interpreter's lock; more only wait for the model.


def pred_probs(
    run_folder: Path,
    digests: Sequence[str],
    views: Sequence[View],
    *,
    expected: np.ndarray,
    read: Callable[[str], bytes],
    device: torch.device,
    report: Report,
    should_stop: Callable[[], bool],
) -> np.ndarray:
    """Answer a run's probabilities for its images, averaged over the plain image and its views: float32 of shape (n, K).

    Args:
        views: Beside the plain image, which always counts.
        expected: What the run answered for the plain images, float32 of shape (n, K).
        read: Gives the bytes of one image by digest; called from several threads at once.

    Raises:
        NotFound: If the run left no model.
        ParityBroken: If the plain images are answered otherwise than by the run: the average would not be of this run.
        UnreadableImage: If an image's bytes cannot be decoded; the message names the image.
        Stopped: If `should_stop` says so.
    """
    model, card = models.load(run_folder)
    averaged, done = np.zeros((len(digests), len(card.class_names)), dtype=np.float32), 0
    for batch in _decoded(digests, card, read):
        if should_stop():
            raise Stopped
        rows = slice(done, done + len(batch))
        plain = predict.pred_probs(model, batch, card, device=device)
        _prove(plain, expected[rows])
        averaged[rows] = average(
            plain, (predict.pred_probs(model, seen(batch, view), card, device=device) for view in views)
        )
        done += len(batch)
        report(
            "Predicting", done, len(digests), f"{done} of {len(digests)} images, {len(views) + 1} views each"
        )
    return averaged


def average(plain: np.ndarray, others: Iterable[np.ndarray]) -> np.ndarray:
    """Answer the mean of one model's probabilities over all views, each (n, K)."""
    every = np.stack([plain, *others])  # (V, n, K)
    return every.mean(axis=0, dtype=np.float64).astype(np.float32)


def seen(batch: np.ndarray, view: View) -> np.ndarray:
    """Show canonical pixels, uint8 (B, S, S, 3), as one view has them: a square cut out, enlarged to S again, and mirrored where asked.

    They stay whole numbers, as every pixel that a model was given.
    """
    size = batch.shape[1]
    side = round(size / view.zoom)
    top, left = round((size - side) * view.down), round((size - side) * view.right)
    part = torch.from_numpy(
        np.ascontiguousarray(batch[:, top : top + side, left : left + side])
    )  # (B, s, s, 3)
    if side != size:
        part = nn.functional.interpolate(
            part.permute(0, 3, 1, 2).float(), size=(size, size), mode="bilinear", align_corners=False
        )
        part = part.round().clamp(0, 255).to(torch.uint8).permute(0, 2, 3, 1)  # (B, S, S, 3)
    return (part.flip(2) if view.is_mirrored else part).numpy()


def _prove(plain: np.ndarray, expected: np.ndarray) -> None:
    difference = float(np.abs(plain - expected).max())
    if not difference <= export.TOLERANCE:  # Written so that NaN is refused too.
        raise ParityBroken(
            f"The run's model answers its images otherwise than it did when it was trained: probabilities differ by up to {difference:.2g} "
            f"(allowed {export.TOLERANCE:g}).",
            "Train again with this version of Peakid.",
        )


def _decoded(digests: Sequence[str], card: Card, read: Callable[[str], bytes]) -> Iterator[np.ndarray]:
    def decode(digest: str) -> np.ndarray:
        try:
            return pixels.preprocess(read(digest), size_px=card.image_size_px, resize=card.resize)
        except UnreadableImage as error:
            raise UnreadableImage(
                error.reason, f"Image {digest[:12]} cannot be decoded: {error.message}"
            ) from error

    with ThreadPoolExecutor(THREADS) as pool:
        for start in range(0, len(digests), CHUNK):
            yield np.stack(list(pool.map(decode, digests[start : start + CHUNK])))
