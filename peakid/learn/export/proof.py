"""Prove an export: on real images, each file must predict what the run predicted."""

from collections.abc import Iterable, Iterator, Mapping

import numpy as np

from peakid import progress_text
from peakid.errors import BadInput, ParityBroken
from peakid.imaging import gate, pixels
from peakid.learn.export.trained import Predict
from peakid.learn.network.model import Card
from peakid.recipe.export_formats import EXACT, Format
from peakid.records import Report
from peakid.remedies import action

TOLERANCE = 1e-4  # Formats agreed to 4e-7 when measured; other preprocessing differs by 1e-2 and more.
CHUNK = 32  # Images decoded at once while proving: 5 MB at 224 px.

Parity = dict[str, float]
"""How far a format's predictions are from the run's: `n_images`, `max_abs_diff` and `agreement`.

`agreement` is the share of images with the same first choice, where two choices within the tolerance of each
other count as the same.
"""


def prove(
    exported: Mapping[Format, Predict],
    card: Card,
    images: Iterable[tuple[str, bytes]],
    pred_probs: np.ndarray,
    report: Report,
) -> dict[str, Parity]:
    """Compare each format with the run, image by image, from bytes to probabilities."""
    predicted = {name: np.zeros_like(pred_probs) for name in exported}
    n_done = 0
    for batch in decoded(images, card):
        if n_done + len(batch) > len(pred_probs):
            raise BadInput(
                f"There are more images than the {len(pred_probs)} predictions to compare them with.",
                "Train again.",
                action("train"),
            )
        for name, predict_batch in exported.items():
            predicted[name][n_done : n_done + len(batch)] = predict_batch(batch)
        n_done += len(batch)
        counted = progress_text.counted(n_done, len(pred_probs), "validation images")
        report("Checking the export", n_done, len(pred_probs), counted)
    if not n_done or n_done != len(pred_probs):
        raise ParityBroken(
            f"Only {n_done} of {len(pred_probs)} validation images could be compared.",
            "Check the images.",
            action("verify_images"),
        )
    return {name: parity_of(name, predicted[name], pred_probs) for name in exported}


def decoded(images: Iterable[tuple[str, bytes]], card: Card) -> Iterator[np.ndarray]:
    """Yield the canonical pixels of images in batches, uint8 (n, S, S, 3)."""
    batch: list[np.ndarray] = []
    for _digest, content in images:
        batch.append(gate.call(pixels.preprocess, content, size_px=card.image_size_px, resize=card.resize))
        if len(batch) == CHUNK:
            yield np.stack(batch)
            batch = []
    if batch:
        yield np.stack(batch)


def parity_of(name: Format, predicted: np.ndarray, expected: np.ndarray) -> Parity:
    rows = np.arange(len(expected))
    # How much less probable the exported file's first choice is for the run.
    lost = expected.max(axis=1) - expected[rows, predicted.argmax(axis=1)]  # (n,)
    agreement = float((lost <= TOLERANCE).mean())
    difference = float(np.abs(predicted - expected).max())
    is_same = agreement == 1.0 and difference <= TOLERANCE
    if not (is_same if name in EXACT else np.isfinite(difference)):  # Written so that NaN is refused too.
        raise ParityBroken(
            f"The {name} file does not predict what the trained model predicts: probabilities differ by "
            f"up to {difference:.2g} (allowed {TOLERANCE:g}), the first choice agrees on {agreement:.1%} of "
            f"{len(expected)} images. Nothing was published.",
            "Train again with this version of Peakid, or export another format.",
            action("train"),
        )
    return {"n_images": len(expected), "max_abs_diff": difference, "agreement": agreement}
