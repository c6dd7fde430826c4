"""Export a trained model and prove it: on real images, each format must predict what the run predicted."""

import dataclasses
import json
import shutil
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypedDict

import numpy as np
import torch

from peakid import files
from peakid.errors import BadInput
from peakid.learn.export import formats as writing
from peakid.learn.export import proof
from peakid.learn.export.proof import Parity
from peakid.learn.export.trained import TrainedModel, at_temperature
from peakid.learn.network import model as models
from peakid.learn.network.model import Card
from peakid.recipe import export_formats, weight_files
from peakid.recipe.export_formats import FILE_NAMES, FORMATS, Format
from peakid.records import Report

LEAST_PROBABILITY = 1e-45  # The least float32 above 0; its logarithm is scaled by the temperature.


class ExportedFile(TypedDict):
    """One file of an export, as its card and the database have it."""

    name: str
    format: str
    sha256: str
    bytes: int


@dataclass(frozen=True)
class ExportProof:
    """What was published, and by format how far its predictions are from the run's."""

    files: list[ExportedFile]
    parity: dict[str, Parity]


def export(
    run_folder: Path,
    *,
    formats: Sequence[str],
    out: Path,
    images: Iterable[tuple[str, bytes]],
    pred_probs: np.ndarray,
    facts: Mapping[str, Any],
    report: Report,
    training_images: Callable[[], Iterable[tuple[str, bytes]]] = tuple,
    temperature: float = 1.0,
) -> ExportProof:
    """Write a run's model in each format into the new folder `out`, proven on real images.

    The proof starts at the bytes of the files: preprocessing, not arithmetic, is what usually breaks an
    export.

    Args:
        formats: Of `peakid.recipe.export_formats.FORMATS`.
        images: (digest, bytes) of the validation images, in the order of `pred_probs`; read once.
        pred_probs: What the run predicted for them, float32 of shape (n, K).
        facts: What the caller knows about the run and its snapshot; written into the card unchanged. Its
            `threshold` is written into the files too.
        training_images: Opens (digest, bytes) of some training images, for formats of 8 bits.
        temperature: Of the probabilities that the files give; they are compared with those of the run at the
            same temperature.

    Raises:
        BadInput: If a format is unknown or `out` is not empty.
        ExtraMissing: If a package that a format needs is not installed.
        NotFound: If the run has no model.
        ParityBroken: If a format predicts something else than the run; nothing is published then.
    """
    known = _checked(formats, out)
    model, of_run = models.load(run_folder)
    card = dataclasses.replace(of_run, temperature=temperature)
    out.parent.mkdir(parents=True, exist_ok=True)
    partial = Path(tempfile.mkdtemp(prefix=f".{out.name}.", suffix=".partial", dir=out.parent))
    try:
        trained = TrainedModel(
            model,
            card,
            run_folder,
            threshold=float(facts.get("threshold", 0.0)),
            calibration=lambda: proof.decoded(training_images(), card),
        )
        for name in known:
            report("Writing the export", 0, 0, FILE_NAMES[name])
            writing.WRITERS[name](trained, partial / FILE_NAMES[name])
        reread = {name: writing.READERS[name](partial / FILE_NAMES[name], card) for name in known}
        parity = proof.prove(reread, card, images, scaled(pred_probs, temperature), report)
        written = [_listed(partial / file, name) for name in known for file in export_formats.files_of(name)]
        _write_card(partial / export_formats.CARD, card, written, parity, facts)
        partial.chmod(0o755)  # mkdtemp makes folders that only their owner may read.
        partial.replace(out)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return ExportProof(written, parity)


def scaled(pred_probs: np.ndarray, temperature: float) -> np.ndarray:
    """Return what a run predicted, float32 (n, K), at a temperature; unchanged at 1."""
    if temperature == 1:
        return pred_probs
    found = torch.from_numpy(np.array(pred_probs, dtype=np.float64)).clamp(min=LEAST_PROBABILITY)
    return at_temperature(found.log(), temperature).float().numpy()


def _checked(formats: Sequence[str], out: Path) -> list[Format]:
    unknown = [name for name in formats if name not in FORMATS]
    if unknown or not formats:
        problem = f"There is no export format '{unknown[0]}'." if unknown else "No export format was given."
        raise BadInput(problem, f"Available are: {', '.join(FORMATS)}.")
    if out.is_file() or (out.is_dir() and any(out.iterdir())):
        raise BadInput(f"{out} is not empty; an export never overwrites anything.", "Choose another folder.")
    export_formats.refuse_unavailable(formats)
    return [name for name in FORMATS if name in formats]


def _listed(file: Path, name: Format) -> ExportedFile:
    return {
        "name": file.name,
        "format": name,
        "sha256": weight_files.digest(file),
        "bytes": file.stat().st_size,
    }


def _write_card(
    file: Path,
    card: Card,
    written: list[ExportedFile],
    parity: dict[str, Parity],
    facts: Mapping[str, Any],
) -> None:
    document = {
        **dataclasses.asdict(card),
        "input": f"uint8 RGB pixels of shape (batch, {card.image_size_px}, {card.image_size_px}, 3) as "
        "pixels.preprocess makes them",
        "output": "probabilities of shape (batch, classes), columns in class_names order",
        "files": written,
        "parity": parity,
        "facts": dict(facts),
    }
    files.write_text(file, json.dumps(document, ensure_ascii=False, indent=1), is_synced=True)
