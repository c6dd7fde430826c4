"""The served model: from the bytes of photos to predictions, decoded in the guarded process, in batches."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from peakid.errors import UnreadableImage
from peakid.imaging import gate, pixels
from peakid.recipe.cards import ExportCard
from peakid.serve import opening
from peakid.serve.familiarity import Familiar, Familiarity
from peakid.serve.http.batching import Batcher
from peakid.serve.http.metrics import Metrics
from peakid.serve.predictor import ImagePrediction, scaled


@dataclass(frozen=True)
class Described:
    """What `GET /model` tells."""

    class_names: list[str]
    image_size_px: int
    resize: str
    threshold: float
    sha256: str


class ServedModel:
    """A loaded export that predicts for many requests at once.

    Args:
        folder: That of the export.
        threshold: Confidence in 0..1 below which the model abstains; None = that of the export.

    Raises:
        NotFound, BadInput, WeightsUnfit: As `Predictor`.
    """

    def __init__(self, folder: Path, *, threshold: float | None, metrics: Metrics) -> None:
        self._folder, self._card = folder, opening.card(folder)
        self._session = opening.session(folder, self._card)
        self._metrics = metrics
        self.threshold = self._card.facts.threshold if threshold is None else threshold
        self._familiar = Familiar(folder, self._card, self._session)
        self._batcher = Batcher(self._answers, on_batch=metrics.batch_size.observe)
        metrics.waiting.set_function(lambda: self._batcher.n_waiting)

    @property
    def card(self) -> ExportCard:
        return self._card

    def describe(self) -> Described:
        """Return what clients may know about the model."""
        onnx = next(each for each in self._card.files if each.format == "onnx")
        return Described(
            list(self._card.class_names),
            self._card.image_size_px,
            self._card.resize,
            self.threshold,
            onnx.sha256,
        )

    async def predict(self, contents: Sequence[bytes], *, top: int) -> list[ImagePrediction]:
        """Return a prediction for each photo, in order. One that cannot be read has an `error`.

        Raises:
            TooBusy: If too many photos wait already.
            WeightsUnfit: If the model fails.
        """
        found = await asyncio.gather(*(self._predict_one(content, top) for content in contents))
        for each in found:
            outcome = "unreadable" if each.error else "abstained" if each.abstained else "predicted"
            self._metrics.predictions.labels(outcome).inc()
        return list(found)

    def close(self) -> None:
        """Finish what waits, and stop."""
        self._batcher.close()

    async def _predict_one(self, content: bytes, top: int) -> ImagePrediction:
        decoded = gate.submit(
            pixels.preprocess, content, size_px=self._card.image_size_px, resize=self._card.resize
        )
        try:
            read = await asyncio.wrap_future(decoded)
        except UnreadableImage as error:
            return ImagePrediction.unreadable(error.reason, error.message)
        probabilities, known = await asyncio.wrap_future(self._batcher.submit(read))
        return ImagePrediction.of(
            self._card.class_names, probabilities, top=top, threshold=self.threshold, familiarity=known
        )

    def _answers(self, batch: np.ndarray) -> list[tuple[np.ndarray, Familiarity]]:
        found, known = self._familiar.predict(batch)
        return list(zip(scaled(found, self._card.facts.temperature), known, strict=True))
