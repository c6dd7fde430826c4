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
        learned = [each["name"] for each in card["files"] if each["format"] == "familiar"]
        self._learned = Learned(folder / learned[0]) if learned else None
        self._session = onnxruntime.InferenceSession(
            str(folder / "model.onnx"), providers=["CPUExecutionProvider"]
        )

    def probabilities(self, data: bytes) -> np.ndarray:
        """Return the probability of each class for the bytes of one photo, float32 of shape (K,)."""
        return self._scaled(self._run(data, ["probabilities"])[0])

    def is_unfamiliar(self, data: bytes) -> bool:
        """Return whether a photo looks like nothing the model learned; False where that is not known."""
        if self._learned is None:
            return False
        return self._learned.distance(self._run(data, ["embedding"])[0]) > self._learned.threshold

    def _run(self, data: bytes, outputs: list[str]) -> list[np.ndarray]:
        pixels = preprocess(data, self._size_px, self._resize)
        return [each[0] for each in self._session.run(outputs, {"pixels": pixels[None]})]

    def _scaled(self, found: np.ndarray) -> np.ndarray:
        if self._temperature == 1:
            return found
        powers = np.log(np.clip(found.astype(np.float64), 1e-12, 1.0)) / self._temperature
        scaled = np.exp(powers - powers.max())
        return (scaled / scaled.sum()).astype(np.float32)

    def ranked(self, data: bytes) -> list[tuple[str, float]]:
        """Return (class, probability) of all classes, the most probable first."""
        found = self.probabilities(data)
        return [(self.class_names[k], float(found[k])) for k in np.argsort(-found, kind="stable")]


class Learned:
    """What the model learned looks like: how far an embedding is from it.

    The distance is that of Mahalanobis to the nearest class mean, of embeddings of length 1.
    """

    def __init__(self, file: Path) -> None:
        content = file.read_bytes()  # safetensors: the length of a JSON header, the header, the numbers.
        start = 8 + int.from_bytes(content[:8], "little")
        self._arrays = {}
        for name, each in json.loads(content[8:start]).items():
            if name != "__metadata__":
                begin, end = each["data_offsets"]
                numbers = np.frombuffer(content[start + begin : start + end], "<f4")
                self._arrays[name] = numbers.reshape(each["shape"]).astype(np.float64)
        self.threshold = float(self._arrays["threshold"][0])  # Above it a photo is unfamiliar.

    def distance(self, embedding: np.ndarray) -> float:
        """Return the distance of an embedding of shape (d,)."""
        unit = embedding.astype(np.float64)
        unit = unit / max(float(np.linalg.norm(unit)), 1e-12)
        away = unit - self._arrays["means"]  # (K, d)
        along = away @ self._arrays["directions"].T  # (K, r)
        inside = (along**2 / self._arrays["variances"]).sum(axis=1)
        outside = np.maximum((away**2).sum(axis=1) - (along**2).sum(axis=1), 0) / self._arrays["rest"][0]
        return float(np.sqrt((inside + outside).min()))
