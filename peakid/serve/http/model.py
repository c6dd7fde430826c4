"""The served model: from the bytes of photos to predictions, decoded in the guarded process, in batches."""

import asyncio
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from peakid.errors import UnreadableImage
from peakid.imaging import gate, pixels
from peakid.recipe.cards import ExportCard
from peakid.serve import occlusion, opening
from peakid.serve.familiarity import Familiar, Familiarity
from peakid.serve.http.batching import Batcher
from peakid.serve.http.metrics import Metrics
from peakid.serve.occlusion import OcclusionMap
from peakid.serve.predictor import ImagePrediction, scaled


@dataclass(frozen=True)
class Described:
    """What `GET /model` tells. `takes_corrections`: whether `POST /feedback` stores photos."""

    class_names: list[str]
    image_size_px: int
    resize: str
    threshold: float
    sha256: str
    takes_corrections: bool
    title: str


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
        # Several predictions at once with a thread each cost half of one with all threads after the other.
        self._session = opening.session(folder, self._card, n_threads=1)
        self._metrics = metrics
        self.threshold = self._card.facts.threshold if threshold is None else threshold
        self._familiar = Familiar(folder, self._card, self._session)
        self._feeder = ThreadPoolExecutor(1, thread_name_prefix="photos")
        n_threads = os.cpu_count() or 1
        self._batcher = Batcher(self._answers, n_threads=n_threads, on_batch=metrics.batch_size.observe)
        metrics.waiting.set_function(lambda: self._batcher.n_waiting)

    @property
    def card(self) -> ExportCard:
        return self._card

    def describe(self, title: str, *, takes_corrections: bool) -> Described:
        """Return what clients may know about the model."""
        onnx = next(each for each in self._card.files if each.format == "onnx")
        return Described(
            list(self._card.class_names),
            self._card.image_size_px,
            self._card.resize,
            self.threshold,
            onnx.sha256,
            takes_corrections,
            title,
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

    async def explain(self, content: bytes, label: str | None) -> OcclusionMap:
        """Return where in a photo the probability of a class comes from; None = of the most probable one.

        Raises:
            UnreadableImage: If it cannot be decoded.
            WeightsUnfit: If the model fails.
        """
        read = await self._decoded(content)
        names = list(self._card.class_names)
        return await asyncio.to_thread(occlusion.explain, read, names, label, self._probabilities)

    def close(self) -> None:
        """Finish what waits, and stop."""
        self._feeder.shutdown()
        self._batcher.close()

    async def _decoded(self, content: bytes) -> np.ndarray:
        size_px, resize = self._card.image_size_px, self._card.resize
        # In a thread: it writes to a pipe, which may be full.
        submitted = await asyncio.get_running_loop().run_in_executor(
            self._feeder, lambda: gate.submit(pixels.preprocess, content, size_px=size_px, resize=resize)
        )
        return await asyncio.wrap_future(submitted)

    async def _predict_one(self, content: bytes, top: int) -> ImagePrediction:
        try:
            read = await self._decoded(content)
        except UnreadableImage as error:
            return ImagePrediction.unreadable(error.reason, error.message)
        probabilities, known = await asyncio.wrap_future(self._batcher.submit(read))
        return ImagePrediction.of(
            self._card.class_names, probabilities, top=top, threshold=self.threshold, familiarity=known
        )

    def _answers(self, batch: np.ndarray) -> list[tuple[np.ndarray, Familiarity]]:
        found, known = self._familiar.predict(batch)
        return list(zip(scaled(found, self._card.facts.temperature), known, strict=True))

    def _probabilities(self, batch: np.ndarray) -> np.ndarray:
        n_classes = len(self._card.class_names)
        found = opening.probabilities(self._folder, self._session, batch, n_classes=n_classes)
        return scaled(found, self._card.facts.temperature)
