"""Predict with the model of this folder: model.onnx, card.json and preprocess.py. Needs ONNX Runtime."""

import json
import os
from pathlib import Path

import numpy as np
from preprocess import preprocess

# The published builds of 1.31 send usage data to Microsoft unless this is set before they are imported.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

import onnxruntime

FOLDER = Path(__file__).resolve().parent


class Model:
    """The model of a folder. Safe to use from several threads."""

    def __init__(self, folder: Path = FOLDER) -> None:
        card = json.loads((folder / "card.json").read_text(encoding="utf-8"))
        self.class_names: list[str] = card["class_names"]
        self.threshold: float = card["facts"]["threshold"]  # Below it the model abstains.
        self._temperature: float = card["facts"]["temperature"]  # Above 1, probabilities are less certain.
        self._size_px, self._resize = card["image_size_px"], card["resize"]
        self._session = onnxruntime.InferenceSession(
            str(folder / "model.onnx"), providers=["CPUExecutionProvider"]
        )

    def probabilities(self, data: bytes) -> np.ndarray:
        """Return the probability of each class for the bytes of one photo, float32 of shape (K,)."""
        pixels = preprocess(data, self._size_px, self._resize)
        found = self._session.run(["probabilities"], {"pixels": pixels[None]})[0][0]
        if self._temperature == 1:
            return found
        powers = np.log(np.clip(found.astype(np.float64), 1e-12, 1.0)) / self._temperature
        scaled = np.exp(powers - powers.max())
        return (scaled / scaled.sum()).astype(np.float32)

    def ranked(self, data: bytes) -> list[tuple[str, float]]:
        """Return (class, probability) of all classes, the most probable first."""
        found = self.probabilities(data)
        return [(self.class_names[k], float(found[k])) for k in np.argsort(-found, kind="stable")]
