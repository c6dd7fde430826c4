"""Write a bundle: a zip with a model and all that is needed to use, check and describe it without Peakid."""

import contextlib
import hashlib
import importlib.metadata
import io
import json
import zipfile
from collections.abc import Generator, Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np

from peakid import files, paths
from peakid.errors import BadInput
from peakid.recipe import export_formats
from peakid.serve.bundle import golden, matrix_picture, model_card, one_page, signing
from peakid.serve.bundle.model_card import ModelFacts
from peakid.serve.predictor import Predictor

STANDALONE = ("preprocess.py", "model.py", "verify.py", "serve.py", "Dockerfile")
PAGE = (
    *(
        "web/index.html",
        "web/README.md",
        "web/page.js",
        "web/model.js",
        "web/decode.js",
        "web/preprocess.js",
        "web/familiar.js",
    ),
    *("web/runtime/ort.wasm.bundle.min.mjs", "web/runtime/ort-wasm-simd-threaded.wasm.gz"),
    *("web/runtime/SOURCE.md", "web/runtime/LICENSE", "web/runtime/ThirdPartyNotices.txt"),
)
REQUIREMENTS = ("onnxruntime", "numpy", "pillow", "starlette", "uvicorn", "python-multipart")
PICKLES = (".pkl", ".pickle")
USES = {
    "model.onnx": "The model, from pixels to probabilities.",
    "model.safetensors": "Its weights alone, for training code.",
    "model-int8.onnx": "The same with 8 bits: smaller and faster, with nearly the same predictions.",
    "model.pt2": "The same as a program of torch.export.",
    "model.xml": "The same for OpenVINO, with model.bin.",
    "model.tflite": "The same for LiteRT.",
    "familiar.safetensors": "What it learned looks like: model.py tells photos that look like nothing of it.",
    "card.json": "Class names, preprocessing and how the model was checked.",
    "labels.txt": "The class names, one a line.",
    "preprocess.py": "From a photo to pixels, with Pillow and NumPy.",
    "model.py": "Predict from Python.",
    "verify.py": "Prove that the model answers as it did.",
    "serve.py": "Serve it over HTTP.",
    "Dockerfile": "The same in a container, without root.",
    "web/": "A page that runs the model in a browser, without network; preprocessing in JavaScript.",
    "requirements.txt": "What these files need; no torch.",
    "confusion_matrix.svg": "Which class is predicted as which, on the validation images.",
    "CREDITS.csv": "Whose the images are that it saw, with their licences; credits.html shows the same.",
    "golden/": "Drawn pictures with the probabilities that the model gave for them.",
    "checksums.txt": "SHA-256 of every file.",
    "model.sig": "The signature of every file, for `python verify.py --public-key FILE`.",
}


def write(
    folder: Path, out: Path, facts: ModelFacts, *, threshold: float | None = None, key: Path | None = None
) -> list[str]:
    """Write the export in a folder as a bundle and return the names of its files.

    Args:
        out: A zip file that does not exist yet.
        threshold: Confidence in 0..1 below which the model abstains; None = that of the export.
        key: The private key (PEM) that signs the files; None = they are not signed.

    Raises:
        BadInput: If `out` exists, the export has no ONNX file, or the key cannot be used.
        ExtraMissing: If there is a key, but the package that signs is not installed.
        NotFound, WeightsUnfit: As `Predictor`.
        DiskError: If the disk is full or cannot be written.
    """
    _refuse_existing(out)
    contents = collect(folder, facts, threshold=threshold, is_signed=key is not None)
    if key is not None:
        contents[signing.FILE] = signing.signature(contents, key)
    with _explaining(out), files.replacing(out) as part, zipfile.ZipFile(part, "w") as archive:
        for name, content in contents.items():
            archive.writestr(_entry(name), content)
    return list(contents)


def write_page(folder: Path, out: Path, facts: ModelFacts, *, threshold: float | None = None) -> int:
    """Write the browser page with the export in a folder as one HTML file, and return its bytes.

    Args:
        out: A file that does not exist yet.
        threshold: As of `write`.

    Raises:
        BadInput: If `out` exists, the export has no ONNX file, or the model is too large for a page.
        NotFound, WeightsUnfit: As `Predictor`.
        DiskError: If the disk is full or cannot be written.
    """
    _refuse_existing(out)
    page = one_page.html(collect(folder, facts, threshold=threshold))
    with _explaining(out):
        files.write_bytes(out, page)
    return len(page)


def _refuse_existing(out: Path) -> None:
    if out.exists():
        raise BadInput(f"{out} exists; a bundle never overwrites anything.", "Choose another name.")


@contextlib.contextmanager
def _explaining(out: Path) -> Generator[None]:
    """Make the folder of a file, and raise DiskError where the disk refuses something."""
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        yield
    except OSError as error:
        if found := files.explained(error, out):
            raise found from error
        raise


def collect(
    folder: Path, facts: ModelFacts, *, threshold: float | None = None, is_signed: bool = False
) -> dict[str, bytes]:
    """Return the content of each file of a bundle by name, without the signature."""
    predictor = Predictor(folder)
    card = json.loads((folder / export_formats.CARD).read_text(encoding="utf-8"))
    contents = _models(folder, card)
    card["files"] = [each for each in card["files"] if each["name"] in contents]
    least = predictor.threshold if threshold is None else threshold
    facts_of_card = {**card.get("facts", {}), "threshold": least, "temperature": predictor.temperature}
    contents["card.json"] = _json(card | {"facts": facts_of_card})
    contents["labels.txt"] = "".join(f"{name}\n" for name in predictor.class_names).encode()
    standalone = resources.files("peakid.serve.bundle") / "files"
    contents |= {name: (standalone / name).read_bytes() for name in (*STANDALONE, *PAGE)}
    contents["web/page.css"] = (resources.files("peakid.serve.http") / "static" / "page.css").read_bytes()
    contents["requirements.txt"] = _requirements().encode()
    contents |= _golden(predictor) | dict(facts.credits)
    if facts.confusion is not None:
        names = [each.name for each in facts.classes]
        contents[model_card.MATRIX] = matrix_picture.svg(names, facts.confusion)
    later = ["checksums.txt", *([signing.FILE] if is_signed else [])]  # They hold the digest of the card.
    contents["MODEL_CARD.md"] = model_card.text(facts, _uses([*contents, *later])).encode()
    contents["checksums.txt"] = _checksums(contents).encode()
    return contents


def _entry(name: str) -> zipfile.ZipInfo:
    """Return the entry of a file that everybody may read, with the same date in every bundle."""
    entry = zipfile.ZipInfo(name)
    entry.external_attr = 0o644 << 16
    entry.compress_type = zipfile.ZIP_STORED if name.endswith(".gz") else zipfile.ZIP_DEFLATED
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


def _models(folder: Path, card: Mapping[str, Any]) -> dict[str, bytes]:
    """Return the files of the export, without those that hold a pickle, which is code."""
    names = [str(each["name"]) for each in card["files"]]
    contents = {name: paths.inside(folder, name).read_bytes() for name in names}
    return {name: content for name, content in contents.items() if not _has_pickle(name, content)}


def _has_pickle(name: str, content: bytes) -> bool:
    if name.endswith(PICKLES):
        return True
    file = io.BytesIO(content)
    return zipfile.is_zipfile(file) and any(
        each.endswith(PICKLES) for each in zipfile.ZipFile(file).namelist()
    )


def _uses(names: Sequence[str]) -> dict[str, str]:
    return {name: use for name, use in USES.items() if any(each.startswith(name) for each in names)}


def _checksums(contents: Mapping[str, bytes]) -> str:
    lines = [f"{hashlib.sha256(content).hexdigest()}  {name}\n" for name, content in contents.items()]
    return "".join(sorted(lines, key=lambda line: line.split("  ", 1)[1]))


def _json(document: object) -> bytes:
    return json.dumps(document, ensure_ascii=False, indent=1).encode()
