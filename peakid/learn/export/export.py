"""Export a trained model and prove it: on real images, each format must predict what the run predicted."""

import dataclasses
import functools
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
from peakid.export_records import ExportFigures, FormatFigures
from peakid.learn.export import checking, familiar_file, proof
from peakid.learn.export import formats as writing
from peakid.learn.export.checking import Answer
from peakid.learn.export.proof import Compared, Interval, Parity
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
    figures: ExportFigures
    process_id: int
    """Of the process that checked the files."""


@dataclass(frozen=True)
class TrainingImages:
    """Training images from which it is known what the model learned.

    Attributes:
        labels: Of the n images.
        images: Opens (digest, bytes) of them, in the same order.
    """

    labels: Sequence[str] = ()
    images: Callable[[], Iterable[tuple[str, bytes]]] = tuple


Check = Callable[[Path, Card, Sequence[Format]], Answer]
"""Runs the files in a folder on the images of a proof, in fresh processes; errors as `checking.check`."""


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
    given_labels: Sequence[str] = (),
    n_valid: int | None = None,
    interval: Callable[[np.ndarray], Interval] = proof.wilson,
    learned: TrainingImages | None = None,
    check: Check | None = None,
) -> ExportProof:
    """Write a run's model in each format into the new folder `out`, proven on real images.

    The proof starts at the bytes of the images, because preprocessing, not arithmetic, is what usually breaks
    an export. It is made in a process of its own, which knows nothing but the files.

    Args:
        formats: Of `peakid.recipe.export_formats.FORMATS`.
        images: (digest, bytes) of validation images, in the order of `pred_probs`; read once.
        pred_probs: What the run predicted for them, float32 of shape (n, K).
        facts: What the caller knows about the run and its snapshot; written into the card unchanged. Its
            `threshold` is written into the files too.
        training_images: Opens (digest, bytes) of some training images, for formats of 8 bits.
        temperature: Of the probabilities that the files give; they are compared with those of the run at the
            same temperature.
        given_labels: Of the validation images at the training; empty = there is no accuracy to measure.
        n_valid: Validation images of the run, where `images` are a sample of them.
        interval: Gives the 95 % interval of an accuracy, of which images are right: bool of shape (n,).
        learned: By which unfamiliar photos are told; None = the export does not tell them.
        check: Runs the files on these images elsewhere; None = in one process of this machine.

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
        _write_files(trained, known, partial, report)
        learned = learned or TrainingImages()
        own = functools.partial(
            checking.check,
            images=images,
            n_images=len(pred_probs),
            reference=learned.images() if check is None else (),
            n_reference=len(learned.labels),
            report=report,
        )
        answer = (check or own)(partial, card, known)
        compared = Compared(answer.digests, given_labels, card.class_names, interval)
        expected = scaled(pred_probs, temperature)
        found: dict[str, FormatFigures] = {
            name: _figures(name, partial, answer, expected, compared) for name in known
        }
        unfamiliar = familiar_file.write(partial, answer, learned.labels, answer.digests)
        n_all = len(pred_probs) if n_valid is None else n_valid
        figures = ExportFigures(found, n_all, answer.machine, unfamiliar)
        written = _listed_files(partial, known, has_reference=unfamiliar is not None)
        _write_card(partial / export_formats.CARD, card, written, facts, figures)
        partial.chmod(0o755)  # mkdtemp makes folders that only their owner may read.
        partial.replace(out)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return ExportProof(written, _parity(figures), figures, answer.process_id)


def _write_files(trained: TrainedModel, known: Sequence[Format], folder: Path, report: Report) -> None:
    for name in known:
        report("Writing the export", 0, 0, FILE_NAMES[name])
        writing.WRITERS[name](trained, folder / FILE_NAMES[name])


def _figures(
    name: Format, folder: Path, answer: Answer, expected: np.ndarray, compared: Compared
) -> FormatFigures:
    times = answer.times[name]
    return dataclasses.replace(
        proof.figures_of(name, answer.probabilities[name], expected, compared),
        one_image=times.one_image,
        batch=times.batch,
        decoded=times.decoded,
        n_bytes=sum((folder / file).stat().st_size for file in export_formats.files_of(name)),
    )


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


def _listed_files(folder: Path, known: Sequence[Format], *, has_reference: bool) -> list[ExportedFile]:
    written = [_listed(folder / file, name) for name in known for file in export_formats.files_of(name)]
    if has_reference:
        written.append(_listed(folder / export_formats.FAMILIAR_FILE, export_formats.FAMILIAR))
    return written


def _listed(file: Path, name: str) -> ExportedFile:
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
    facts: Mapping[str, Any],
    figures: ExportFigures,
) -> None:
    document = {
        **dataclasses.asdict(card),
        "input": f"uint8 RGB pixels of shape (batch, {card.image_size_px}, {card.image_size_px}, 3) as "
        "pixels.preprocess makes them",
        "output": "probabilities of shape (batch, classes), columns in class_names order",
        "files": written,
        "parity": _parity(figures),
        "figures": dataclasses.asdict(figures),
        "facts": dict(facts),
    }
    files.write_text(file, json.dumps(document, ensure_ascii=False, indent=1), is_synced=True)


def _parity(figures: ExportFigures) -> dict[str, Parity]:
    return {name: proof.parity(each) for name, each in figures.formats.items()}
