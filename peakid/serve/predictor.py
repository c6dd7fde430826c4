"""Predict with an export: ONNX Runtime and numpy without torch, with the preprocessing of training."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from peakid.errors import BadInput, NotFound, UnreadableImage, WeightsUnfit
from peakid.imaging import pixels
from peakid.recipe import export_formats
from peakid.records import RejectionReason, Resize
from peakid.remedies import action

if TYPE_CHECKING:
    import onnxruntime

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
    """

    label: str | None
    confidence: float | None
    abstained: bool
    top: list[RankedClass]
    error: ReadError | None = None

    @classmethod
    def unreadable(cls, reason: RejectionReason | None, detail: str) -> "ImagePrediction":
        """Return the prediction for an image that could not be read."""
        return cls(None, None, abstained=False, top=[], error=ReadError(reason, detail))


@dataclass(frozen=True)
class Card:
    """What an export's card.json tells about using it.

    Attributes:
        files: By format, (name, SHA-256).
    """

    class_names: list[str]
    image_size_px: int
    resize: Resize
    files: dict[str, tuple[str, str]]


class Predictor:
    """A loaded export. Safe to use from several threads.

    Attributes:
        class_names: The K classes, in the order of the probabilities.
    """

    def __init__(self, folder: Path) -> None:
        """Load the export in a folder.

        Raises:
            NotFound: If there is no export in that folder.
            BadInput: If the export has no ONNX file, or was made for another version of the preprocessing.
            WeightsUnfit: If the file does not match its card.
        """
        self._card = _card(folder)
        self.class_names = self._card.class_names
        self._session = _session(folder, self._card)

    def predict(
        self, images: Sequence[bytes], *, top: int = 5, threshold: float = 0.0
    ) -> list[ImagePrediction]:
        """Return a prediction for each image, in order. One that cannot be read has an `error`.

        Args:
            top: Number of classes in `top`, at least 1.
            threshold: Confidence in 0..1 below which the model abstains.
        """
        found: list[ImagePrediction] = []
        for start in range(0, len(images), BATCH_SIZE):
            found += self._predict_batch(images[start : start + BATCH_SIZE], top, threshold)
        return found

    def pred_probs(self, batch: np.ndarray) -> np.ndarray:
        """Return the probabilities, float32 (n, K), of preprocessed pixels, uint8 (n, S, S, 3)."""
        return np.asarray(self._session.run(["probabilities"], {"pixels": batch})[0])

    def _predict_batch(self, images: Sequence[bytes], top: int, threshold: float) -> list[ImagePrediction]:
        read = [self._pixels(content) for content in images]
        good = [item for item in read if isinstance(item, np.ndarray)]
        rows = iter(self.pred_probs(np.stack(good)) if good else [])
        return [
            self._prediction(next(rows), top, threshold) if isinstance(item, np.ndarray) else item
            for item in read
        ]

    def _pixels(self, content: bytes) -> np.ndarray | ImagePrediction:
        try:
            return pixels.preprocess(content, size_px=self._card.image_size_px, resize=self._card.resize)
        except UnreadableImage as error:
            return ImagePrediction.unreadable(error.reason, error.message)

    def _prediction(self, probabilities: np.ndarray, top: int, threshold: float) -> ImagePrediction:
        order = np.argsort(-probabilities, kind="stable")[: max(1, top)]
        ranked = [RankedClass(self.class_names[k], float(probabilities[k])) for k in order]
        label, confidence = ranked[0]
        abstained = confidence < threshold
        return ImagePrediction(None if abstained else label, confidence, abstained, ranked)


def _card(folder: Path) -> Card:
    file = folder / export_formats.CARD
    if not file.is_file():
        raise NotFound(
            f"There is no export in {folder} (no {export_formats.CARD}).",
            "Choose one of the exports, or export a run.",
            action("list_exports"),
        )
    try:
        card = json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise WeightsUnfit(
            f"The card {file} is damaged: {error}.", "Export the run again.", action("list_runs")
        ) from error
    if card["pixels_version"] != pixels.VERSION:
        raise BadInput(
            f"The export in {folder} was made for version {card['pixels_version']} of the preprocessing; this"
            f" Peakid has version {pixels.VERSION}.",
            "Export the run again, or use the Peakid that made it.",
            action("list_runs"),
        )
    files = {file["format"]: (file["name"], file["sha256"]) for file in card["files"]}
    return Card(card["class_names"], card["image_size_px"], card["resize"], files)


def _session(folder: Path, card: Card) -> "onnxruntime.InferenceSession":
    import onnxruntime  # Slow to import, so not imported by pages that only offer a prediction.

    if "onnx" not in card.files:
        raise BadInput(
            f"The export in {folder} has no ONNX file (it has {', '.join(card.files)}).",
            "Export the run again in the format onnx.",
            action("list_runs"),
        )
    name, expected = card.files["onnx"]
    file = folder / name
    if not file.is_file():
        raise NotFound(f"The export's file {file} is missing.", "Export the run again.", action("list_runs"))
    content = file.read_bytes()
    sha256 = hashlib.sha256(content).hexdigest()
    if sha256 != expected:
        raise WeightsUnfit(
            f"{file} has the SHA-256 {sha256[:8]}, but its card has {expected[:8]}.",
            "Export the run again.",
            action("list_runs"),
        )
    return onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
