"""Predict with an export: ONNX Runtime and numpy without torch, with the preprocessing of training."""

import hashlib
import json
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from peakid.errors import UnreadableImage
from peakid.imaging import gate, pixels
from peakid.recipe import cards, export_formats
from peakid.records import RejectionReason
from peakid.serve import opening
from peakid.serve.familiarity import UNKNOWN, Familiar, Familiarity

LEAST_PROBABILITY = 1e-15  # Its logarithm is scaled by the temperature.
BATCH_SIZE = 32  # Bounds the memory: 5 MB of pixels at 224 px.


class RankedClass(NamedTuple):
    label: str
    probability: float
    """0..1"""


@dataclass(frozen=True)
class ReadError:
    """Why an image could not be read. `reason` is None where the file itself could not be opened."""

    reason: RejectionReason | None
    detail: str

    def __str__(self) -> str:
        return f"{self.reason}: {self.detail}" if self.reason else self.detail


@dataclass(frozen=True)
class ImagePrediction:
    """The prediction for one image.

    Attributes:
        label: The predicted label; None if the model abstained or the image could not be read.
        confidence: Probability of the first choice, 0..1; None if the image could not be read.
        abstained: Whether the confidence is below the threshold.
        top: The most probable classes, most probable first.
        error: None if the image could be read.
        is_unfamiliar: It looks like nothing the model learned; False where the export has no reference.
        distance: Share of validation images that are nearer to what it learned, 0..1; None without reference.
    """

    label: str | None
    confidence: float | None
    abstained: bool
    top: list[RankedClass]
    error: ReadError | None = None
    is_unfamiliar: bool = False
    distance: float | None = None

    @classmethod
    def unreadable(cls, reason: RejectionReason | None, detail: str) -> "ImagePrediction":
        """Return the prediction for an image that could not be read."""
        return cls(None, None, abstained=False, top=[], error=ReadError(reason, detail))

    @classmethod
    def of(
        cls,
        class_names: Sequence[str],
        probabilities: np.ndarray,
        *,
        top: int,
        threshold: float,
        familiarity: Familiarity = UNKNOWN,
    ) -> "ImagePrediction":
        """Return the prediction for the probabilities of an image, of shape (K,).

        Args:
            top: Number of classes in `top`, at least 1.
            threshold: Confidence in 0..1 below which the model abstains.
        """
        order = np.argsort(-probabilities, kind="stable")[: max(1, top)]
        ranked = [RankedClass(class_names[k], float(probabilities[k])) for k in order]
        label, confidence = ranked[0]
        abstained = confidence < threshold
        return cls(
            None if abstained else label,
            confidence,
            abstained,
            ranked,
            is_unfamiliar=familiarity.is_unfamiliar,
            distance=familiarity.distance,
        )

    def to_json(self) -> dict[str, Any]:
        """Return the prediction as `--json` and the server have it, without the error."""
        return {
            "label": self.label,
            "confidence": self.confidence,
            "abstained": self.abstained,
            "top": [{"label": label, "probability": probability} for label, probability in self.top],
            "is_unfamiliar": self.is_unfamiliar,
            "distance": self.distance,
        }


class Predictor:
    """A loaded export. Safe to use from several threads.

    Attributes:
        class_names: The K classes, in the order of the probabilities.
        image_size_px, resize: How `pixels.preprocess` makes the pixels that it takes.
        threshold: Confidence in 0..1 below which the model abstains unless told otherwise; 0 = never.
        temperature: At which `predict` gives probabilities; 1 = as the file gives them.
        identity: SHA-256 of what decides the answers: another one may answer otherwise.
    """

    def __init__(self, folder: Path, *, n_threads: int = 0, is_int8: bool = False) -> None:
        """Load the export in a folder.

        Args:
            n_threads: That compute one batch; 0 = one for each core. Whoever predicts several batches side by
                side takes 1: threads that wait for each other take CPU time.
            is_int8: Predict with the file of 8 bits: in half the time, and nearly the same.

        Raises:
            NotFound: If there is no export in that folder.
            BadInput: If the export has no such file, or was made for another version of the preprocessing.
            WeightsUnfit: If a file is damaged or does not match the card.
        """
        self._folder, self._card = folder, opening.card(folder)
        self.class_names = self._card.class_names
        self.image_size_px, self.resize = self._card.image_size_px, self._card.resize
        self.threshold, self.temperature = self._card.facts.threshold, self._card.facts.temperature
        self._session = opening.session(folder, self._card, n_threads=n_threads, is_int8=is_int8)
        self._familiar = Familiar(folder, self._card, self._session)
        self.identity = _identity(self._card, is_int8=is_int8)

    def predict(
        self, images: Sequence[bytes], *, top: int = 5, threshold: float | None = None
    ) -> list[ImagePrediction]:
        """Return a prediction for each image, in order. One that cannot be read has an `error`.

        Args:
            top: Number of classes in `top`, at least 1.
            threshold: Confidence in 0..1 below which the model abstains; None = that of the export.
        """
        least = self.threshold if threshold is None else threshold
        found: list[ImagePrediction] = []
        for start in range(0, len(images), BATCH_SIZE):
            found += self._predict_batch(images[start : start + BATCH_SIZE], top, least)
        return found

    def pred_probs(self, batch: np.ndarray) -> np.ndarray:
        """Return the probabilities, float32 (n, K), of preprocessed pixels, uint8 (n, S, S, 3).

        They are those of the file, before the temperature.

        Raises:
            WeightsUnfit: If the model fails, or gives something else than probabilities.
        """
        return opening.probabilities(self._folder, self._session, batch, n_classes=len(self.class_names))

    def predict_pixels(self, batch: np.ndarray) -> tuple[np.ndarray, list[Familiarity]]:
        """Return probabilities at the temperature, float32 (n, K), and the familiarity of each image.

        Args:
            batch: Preprocessed pixels, uint8 (n, S, S, 3).

        Raises:
            WeightsUnfit: If the model fails, or gives something else than probabilities.
        """
        found, known = self._familiar.predict(batch)
        return scaled(found, self.temperature), known

    def _predict_batch(self, images: Sequence[bytes], top: int, threshold: float) -> list[ImagePrediction]:
        waiting = [
            gate.submit(
                pixels.preprocess, content, size_px=self._card.image_size_px, resize=self._card.resize
            )
            for content in images
        ]
        read = [_pixels(each) for each in waiting]
        good = [item for item in read if isinstance(item, np.ndarray)]
        probabilities, known = self.predict_pixels(np.stack(good)) if good else ([], [])
        found = (
            ImagePrediction.of(self.class_names, row, top=top, threshold=threshold, familiarity=each)
            for row, each in zip(probabilities, known, strict=True)
        )
        return [next(found) if isinstance(item, np.ndarray) else item for item in read]


def _identity(card: cards.ExportCard, *, is_int8: bool) -> str:
    used = "onnx-int8" if is_int8 else "onnx"
    files = sorted(each.sha256 for each in card.files if each.format in (used, export_formats.FAMILIAR))
    decides = [
        card.class_names,
        card.image_size_px,
        card.resize,
        card.facts.temperature,
        pixels.VERSION,
        files,
    ]
    return hashlib.sha256(json.dumps(decides).encode()).hexdigest()


def scaled(pred_probs: np.ndarray, temperature: float) -> np.ndarray:
    """Return probabilities at a temperature, (n, K): above 1 they are less certain. The order stays."""
    if temperature == 1:
        return pred_probs
    powers = np.log(np.clip(pred_probs.astype(np.float64), LEAST_PROBABILITY, 1.0)) / temperature
    unscaled = np.exp(powers - powers.max(axis=1, keepdims=True))
    return (unscaled / unscaled.sum(axis=1, keepdims=True)).astype(np.float32)


def _pixels(waiting: "Future[np.ndarray]") -> np.ndarray | ImagePrediction:
    try:
        return waiting.result()
    except UnreadableImage as error:
        return ImagePrediction.unreadable(error.reason, error.message)
