"""Write a bundle: a zip with a model and all that is needed to use, check and describe it without Peakid."""

import hashlib
import importlib.metadata
import json
import zipfile
from collections.abc import Mapping
from importlib import resources
from pathlib import Path

import numpy as np

from peakid import files, paths
from peakid.errors import BadInput
from peakid.recipe import export_formats
from peakid.serve.bundle import golden, model_card
from peakid.serve.bundle.model_card import ModelFacts
from peakid.serve.predictor import Predictor

STANDALONE = ("preprocess.py", "model.py", "verify.py", "serve.py", "Dockerfile")
REQUIREMENTS = ("onnxruntime", "numpy", "pillow", "starlette", "uvicorn", "python-multipart")
USES = {
    "model.onnx": "The model, from pixels to probabilities.",
    "model.safetensors": "Its weights alone, for training code.",
    "familiar.safetensors": "What it learned looks like: model.py tells photos that look like nothing of it.",
    "card.json": "Class names, preprocessing and how the model was checked.",
    "labels.txt": "The class names, one a line.",
    "preprocess.py": "From a photo to pixels, with Pillow and NumPy.",
    "model.py": "Predict from Python.",
    "verify.py": "Prove that the model answers as it did.",
    "serve.py": "Serve it over HTTP.",
    "Dockerfile": "The same in a container, without root.",
    "requirements.txt": "What these files need; no torch.",
    "golden/": "Drawn pictures with the probabilities that the model gave for them.",
    "checksums.txt": "SHA-256 of every file.",
}


def write(folder: Path, out: Path, facts: ModelFacts, *, threshold: float | None = None) -> list[str]:
    """Write the export in a folder as a bundle and return the names of its files.

    Args:
        out: A zip file that does not exist yet.
        threshold: Confidence in 0..1 below which the model abstains; None = that of the export.

    Raises:
        BadInput: If `out` exists, or the export has no ONNX file.
        NotFound, WeightsUnfit: As `Predictor`.
        DiskError: If the disk is full or cannot be written.
    """
    if out.exists():
        raise BadInput(f"{out} exists; a bundle never overwrites anything.", "Choose another name.")
    contents = collect(folder, facts, threshold=threshold)
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with files.replacing(out) as part, zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in contents.items():
                archive.writestr(_entry(name), content)
    except OSError as error:
        if found := files.explained(error, out):
            raise found from error
        raise
    return list(contents)


def collect(folder: Path, facts: ModelFacts, *, threshold: float | None = None) -> dict[str, bytes]:
    """Return the content of each file of a bundle by name."""
    predictor = Predictor(folder)
    card = json.loads((folder / export_formats.CARD).read_text(encoding="utf-8"))
    contents = {
        str(each["name"]): paths.inside(folder, str(each["name"])).read_bytes() for each in card["files"]
    }
    least = predictor.threshold if threshold is None else threshold
    facts_of_card = {**card.get("facts", {}), "threshold": least, "temperature": predictor.temperature}
    contents["card.json"] = _json(card | {"facts": facts_of_card})
    contents["labels.txt"] = "".join(f"{name}\n" for name in predictor.class_names).encode()
    standalone = resources.files("peakid.serve.bundle") / "files"
    contents |= {name: (standalone / name).read_bytes() for name in STANDALONE}
    contents["requirements.txt"] = _requirements().encode()
    contents |= _golden(predictor)
    contents["MODEL_CARD.md"] = model_card.text(facts, _uses(contents)).encode()
    contents["checksums.txt"] = _checksums(contents).encode()
    return contents


def _entry(name: str) -> zipfile.ZipInfo:
    """Return the entry of a file that everybody may read, with the same date in every bundle."""
    entry = zipfile.ZipInfo(name)
    entry.external_attr = 0o644 << 16
    entry.compress_type = zipfile.ZIP_DEFLATED
    return entry


def _golden(predictor: Predictor) -> dict[str, bytes]:
    pictures = golden.pictures()
    found = predictor.predict(list(pictures.values()), top=len(predictor.class_names))
    place = {name: n for n, name in enumerate(predictor.class_names)}
    answers = {}
    for name, prediction in zip(pictures, found, strict=True):
        row = np.zeros(len(place))
        for label, probability in prediction.top:
            row[place[label]] = probability
        answers[name] = row.tolist()
    return {f"golden/{name}": content for name, content in pictures.items()} | {
        "golden/answers.json": _json(answers)
    }


def _requirements() -> str:
    return "".join(f"{name}=={importlib.metadata.version(name)}\n" for name in REQUIREMENTS)


def _uses(contents: Mapping[str, bytes]) -> dict[str, str]:
    return {
        name: use for name, use in USES.items() if name in contents or name in ("golden/", "checksums.txt")
    }


def _checksums(contents: Mapping[str, bytes]) -> str:
    lines = [f"{hashlib.sha256(content).hexdigest()}  {name}\n" for name, content in contents.items()]
    return "".join(sorted(lines, key=lambda line: line.split("  ", 1)[1]))


def _json(document: object) -> bytes:
    return json.dumps(document, ensure_ascii=False, indent=1).encode()
