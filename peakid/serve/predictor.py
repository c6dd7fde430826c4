"""Answers of an export for images given as bytes: ONNX Runtime and numpy, no torch, the same pixels as in training."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from peakid.errors import BadInput, NotFound, UnreadableImage, WeightsUnfit
from peakid.imaging import pixels
from peakid.recipe import export_formats

BATCH_SIZE = 32  # Bounds the memory: 5 MB of pixels at 224 px.


@dataclass(frozen=True)
class Answer:
    """What the model says of one image.

    Attributes:
        label: Its first choice; None where it abstained or the image could not be read.
        confidence: Probability of the first choice, 0..1; None where the image could not be read.
        abstained: Whether the confidence was below the threshold.
        top: (label, probability), most probable first.
        error: Why the image could not be read, in words; "" if it could.
    """

    label: str | None
    confidence: float | None
    abstained: bool
    top: list[tuple[str, float]]
    error: str = ""


class Predictor:
    """One export, loaded. Safe to use from several threads.

    Attributes:
        card: The export's card.json.
        class_names: The K classes, in the order of the probabilities.
    """

    def __init__(self, folder: Path) -> None:
        """Open an export's folder.

        Raises:
            NotFound: If there is no export in that folder.
            BadInput: If the export holds no ONNX file, or was made for other preprocessing than this Peakid's.
            WeightsUnfit: If the file is not the one the card describes.
        """
        self.card = _card(folder)
        self.class_names: list[str] = self.card["class_names"]
        self._session = _session(folder, self.card)

    def predict(self, images: Sequence[bytes], *, top: int = 5, threshold: float = 0.0) -> list[Answer]:
        """Return for each image, in order; one that cannot be read gets an Answer with its error and stops nothing.

        Args:
            top: How many classes to name, at least 1.
            threshold: Confidence in 0..1 below which the model abstains.
        """
        answers: list[Answer] = []
        for start in range(0, len(images), BATCH_SIZE):
            answers += self._predict_batch(images[start : start + BATCH_SIZE], top, threshold)
        return answers

    def pred_probs(self, batch: np.ndarray) -> np.ndarray:
        """Return float32 (n, K) for canonical pixels, uint8 (n, S, S, 3)."""
        return self._session.run(["probabilities"], {"pixels": batch})[0]

    def _predict_batch(self, images: Sequence[bytes], top: int, threshold: float) -> list[Answer]:
        read = [self._pixels(content) for content in images]
        good = [item for item in read if isinstance(item, np.ndarray)]
        rows = iter(self.pred_probs(np.stack(good)) if good else [])
        return [
            self._answer(next(rows), top, threshold) if isinstance(item, np.ndarray) else item
            for item in read
        ]

    def _pixels(self, content: bytes) -> np.ndarray | Answer:
        try:
            return pixels.preprocess(content, size_px=self.card["image_size_px"], resize=self.card["resize"])
        except UnreadableImage as error:
            return Answer(None, None, abstained=False, top=[], error=f"{error.reason}: {error.message}")

    def _answer(self, probabilities: np.ndarray, top: int, threshold: float) -> Answer:
        order = np.argsort(-probabilities, kind="stable")[: max(1, top)]
        named = [(self.class_names[k], float(probabilities[k])) for k in order]
        label, confidence = named[0]
        abstained = confidence < threshold
        return Answer(None if abstained else label, confidence, abstained, named)


def _card(folder: Path) -> dict[str, Any]:
    file = folder / export_formats.CARD
    if not file.is_file():
        raise NotFound(
            f"There is no export in {folder} (no {export_formats.CARD}).",
            "Make one with: peakid export RUN --format onnx --out DIR",
        )
    try:
        card = json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise WeightsUnfit(f"The card {file} is damaged: {error}.", "Export the run again.") from error
    if card["pixels_version"] != pixels.VERSION:
        raise BadInput(
            f"The export in {folder} was made for preprocessing {card['pixels_version']}, this Peakid does {pixels.VERSION}.",
            "Export the run again, or use the Peakid that made it.",
        )
    return card


def _session(folder: Path, card: dict[str, Any]) -> Any:
    import onnxruntime  # Here, so that a page that only offers a prediction does not pay for it.

    listed = next((file for file in card["files"] if file["format"] == "onnx"), None)
    if listed is None:
        formats = ", ".join(file["format"] for file in card["files"])
        raise BadInput(
            f"The export in {folder} has no ONNX file (it has {formats}).",
            "Export the run again with --format onnx.",
        )
    file = folder / listed["name"]
    if not file.is_file():
        raise NotFound(f"The export's file {file} is missing.", "Export the run again.")
    content = file.read_bytes()
    sha256 = hashlib.sha256(content).hexdigest()
    if sha256 != listed["sha256"]:
        raise WeightsUnfit(
            f"{file} has SHA-256 {sha256[:8]}, its card says {listed['sha256'][:8]}.", "Export the run again."
        )
    return onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
