"""Export a trained model and prove it: on real images, each format must predict what the run predicted."""

import dataclasses
import json
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypedDict

import numpy as np
import torch
from torch import Tensor, nn

from peakid import files, progress_text
from peakid.errors import BadInput, ParityBroken
from peakid.imaging import gate, pixels
from peakid.learn.network import model as models
from peakid.learn.network import predict
from peakid.learn.network.model import Card
from peakid.recipe import export_formats, weight_files
from peakid.recipe.export_formats import FILE_NAMES, FORMATS, Format
from peakid.records import Report
from peakid.remedies import action

TOLERANCE = 1e-4  # Formats agreed to 4e-7 when measured; other preprocessing differs by 1e-2 and more.
CHUNK = 32  # Images decoded at once while proving: 5 MB at 224 px.

Predict = Callable[[np.ndarray], np.ndarray]
"""The prediction of an exported file: canonical pixels, uint8 (n, S, S, 3), to float32 (n, K)."""


class ExportedFile(TypedDict):
    """One file of an export, as its card and the database have it."""

    name: str
    format: str
    sha256: str
    bytes: int


Parity = dict[str, float]
"""How far a format's predictions are from the run's: `n_images`, `max_abs_diff` and `agreement`.

`agreement` is the share of images with the same first choice, where two choices within the tolerance of each
other count as the same.
"""


@dataclass(frozen=True)
class ExportProof:
    """What was published, and by format how far its predictions are from the run's."""

    files: list[ExportedFile]
    parity: dict[str, Parity]


class ExportedModel(nn.Module):
    """The ONNX graph: normalisation, model and softmax, so that a user of the file need not repeat them."""

    def __init__(self, model: nn.Module, card: Card) -> None:
        super().__init__()
        self.model, self.card = model, card

    def forward(self, pixels: Tensor) -> Tensor:
        return self.model(models.normalise(pixels, self.card)).softmax(dim=1)  # uint8 (B, S, S, 3) -> (B, K)


def export(
    run_folder: Path,
    *,
    formats: Sequence[str],
    out: Path,
    images: Iterable[tuple[str, bytes]],
    pred_probs: np.ndarray,
    facts: Mapping[str, Any],
    report: Report,
) -> ExportProof:
    """Write a run's model in each format into the new folder `out`, proven on real images.

    The proof starts at the bytes of the files: preprocessing, not arithmetic, is what usually breaks an
    export.

    Args:
        formats: Of `peakid.recipe.export_formats.FORMATS`.
        images: (digest, bytes) of the validation images, in the order of `pred_probs`; read once.
        pred_probs: What the run predicted for them, float32 of shape (n, K).
        facts: What the caller knows about the run and its snapshot; written into the card unchanged.

    Raises:
        BadInput: If a format is unknown or `out` is not empty.
        NotFound: If the run has no model.
        ParityBroken: If a format predicts something else than the run; nothing is published then.
    """
    known = _checked(formats, out)
    model, card = models.load(run_folder)
    out.parent.mkdir(parents=True, exist_ok=True)
    partial = Path(tempfile.mkdtemp(prefix=f".{out.name}.", suffix=".partial", dir=out.parent))
    try:
        exported = {name: _write(name, model, card, partial, report) for name in known}
        parity = _prove(exported, card, images, pred_probs, report)
        written = [_listed(partial / FILE_NAMES[name], name) for name in known]
        _write_card(partial / export_formats.CARD, card, written, parity, facts)
        partial.chmod(0o755)  # mkdtemp makes folders that only their owner may read.
        partial.replace(out)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return ExportProof(written, parity)


def _checked(formats: Sequence[str], out: Path) -> list[Format]:
    unknown = [name for name in formats if name not in FORMATS]
    if unknown or not formats:
        problem = f"There is no export format '{unknown[0]}'." if unknown else "No export format was given."
        raise BadInput(problem, f"Available are: {', '.join(FORMATS)}.")
    if out.is_file() or (out.is_dir() and any(out.iterdir())):
        raise BadInput(f"{out} is not empty; an export never overwrites anything.", "Choose another folder.")
    return [name for name in FORMATS if name in formats]


def _write(name: Format, model: nn.Module, card: Card, folder: Path, report: Report) -> Predict:
    """Write one format, and return how the file predicts."""
    report("Writing the export", 0, 0, FILE_NAMES[name])
    return {"safetensors": _write_safetensors, "onnx": _write_onnx}[name](model, card, folder)


def _write_safetensors(model: nn.Module, card: Card, folder: Path) -> Predict:
    models.save_weights(model, folder / FILE_NAMES["safetensors"])
    reread = models.load_weights(folder / FILE_NAMES["safetensors"], card)
    return lambda batch: predict.pred_probs(reread, batch, card, device=torch.device("cpu"))


def _write_onnx(model: nn.Module, card: Card, folder: Path) -> Predict:
    import onnx  # Imported here: these two take seconds, and only this format needs them.
    import onnxruntime

    file = folder / FILE_NAMES["onnx"]
    example = torch.zeros((2, card.image_size_px, card.image_size_px, 3), dtype=torch.uint8)
    program: Any = torch.onnx.export(
        ExportedModel(model, card).eval(),
        (example,),
        dynamo=True,
        input_names=["pixels"],
        output_names=["probabilities"],
        dynamic_shapes={"pixels": {0: torch.export.Dim("batch")}},
        verbose=False,
    )
    program.save(file, external_data=False)  # In one file: a second one with the weights would get lost.
    graph = onnx.load(file)
    onnx.helper.set_model_props(graph, {"peakid": json.dumps(dataclasses.asdict(card), ensure_ascii=False)})
    onnx.save(graph, file)
    session: Any = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
    return lambda batch: session.run(["probabilities"], {"pixels": batch})[0]


def _prove(
    exported: Mapping[Format, Predict],
    card: Card,
    images: Iterable[tuple[str, bytes]],
    pred_probs: np.ndarray,
    report: Report,
) -> dict[str, Parity]:
    """Compare each format with the run, image by image, from bytes to probabilities."""
    predicted = {name: np.zeros_like(pred_probs) for name in exported}
    n_done = 0
    for batch in _decoded(images, card):
        if n_done + len(batch) > len(pred_probs):
            raise BadInput(
                f"There are more images than the {len(pred_probs)} predictions to compare them with.",
                "Train again.",
                action("train"),
            )
        for name, predict_batch in exported.items():
            predicted[name][n_done : n_done + len(batch)] = predict_batch(batch)
        n_done += len(batch)
        counted = progress_text.counted(n_done, len(pred_probs), "validation images")
        report("Checking the export", n_done, len(pred_probs), counted)
    if not n_done or n_done != len(pred_probs):
        raise ParityBroken(
            f"Only {n_done} of {len(pred_probs)} validation images could be compared.",
            "Check the images.",
            action("verify_images"),
        )
    return {name: _parity(name, predicted[name], pred_probs) for name in exported}


def _decoded(images: Iterable[tuple[str, bytes]], card: Card) -> Iterator[np.ndarray]:
    batch: list[np.ndarray] = []
    for _digest, content in images:
        batch.append(gate.call(pixels.preprocess, content, size_px=card.image_size_px, resize=card.resize))
        if len(batch) == CHUNK:
            yield np.stack(batch)
            batch = []
    if batch:
        yield np.stack(batch)


def _parity(name: Format, predicted: np.ndarray, expected: np.ndarray) -> Parity:
    rows = np.arange(len(expected))
    # How much less probable the exported file's first choice is for the run.
    lost = expected.max(axis=1) - expected[rows, predicted.argmax(axis=1)]  # (n,)
    agreement = float((lost <= TOLERANCE).mean())
    difference = float(np.abs(predicted - expected).max())
    if not (agreement == 1.0 and difference <= TOLERANCE):  # Written so that NaN is refused too.
        raise ParityBroken(
            f"The {name} file does not predict what the trained model predicts: probabilities differ by "
            f"up to {difference:.2g} (allowed {TOLERANCE:g}), the first choice agrees on {agreement:.1%} of "
            f"{len(expected)} images. Nothing was published.",
            "Train again with this version of Peakid, or export another format.",
            action("train"),
        )
    return {"n_images": len(expected), "max_abs_diff": difference, "agreement": agreement}


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
