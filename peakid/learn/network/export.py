"""How a trained model leaves the house: written in each format, re-run on real images, published only if it answers the same."""

import dataclasses
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
import torch
from torch import Tensor, nn

from peakid.errors import BadInput, ParityBroken
from peakid.imaging import pixels
from peakid.learn.network import model as models
from peakid.learn.network import predict
from peakid.learn.network.model import Card
from peakid.recipe import weight_files
from peakid.records import Report

Format = Literal[
    "safetensors",  # Weights alone, for torch; model.build makes the network they belong to.
    "onnx",  # The whole way from canonical pixels to probabilities, for ONNX Runtime and others.
]
FILE_NAMES: dict[str, str] = {"safetensors": models.WEIGHTS_NAME, "onnx": "model.onnx"}
CARD_NAME = "card.json"
TOLERANCE = 1e-4  # Formats agreed to 4e-7 when measured; other preprocessing differs by 1e-2 and more.
CHUNK = 32  # Images decoded at once while proving: 5 MB at 224 px.

Answers = Callable[[np.ndarray], np.ndarray]
"""A published file at work: canonical pixels, uint8 (n, S, S, 3), to float32 (n, K)."""


@dataclass(frozen=True)
class ExportProof:
    """What was published and how it was proven.

    Attributes:
        files: `{name, format, sha256, bytes}` for each format's file.
        parity: By format `{n_images, max_abs_diff, agreement}`; agreement is the share of images with the same first
            choice, where two choices within the tolerance of each other count as the same.
    """

    files: list[dict[str, Any]]
    parity: dict[str, dict[str, float]]


class ExportedModel(nn.Module):
    """What the ONNX graph holds: all that follows the canonical pixels, so that no user of the file repeats it."""

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
    """Write a run's model in each format into the new folder `out`, proven on real images from their bytes on.

    A difference in preprocessing, not in arithmetic, is what breaks exports; so the proof begins at the files' bytes.

    Args:
        images: (digest, bytes) of the validation images, in the order of `pred_probs`; read once.
        pred_probs: What the run answered for them, float32 of shape (n, K).
        facts: What the caller knows of the run and its snapshot; goes into the card as it is.

    Raises:
        BadInput: If a format is unknown or `out` holds something already.
        NotFound: If the run left no model.
        ParityBroken: If a format answers otherwise than the run did; nothing is published then.
    """
    _check(formats, out)
    model, card = models.load(run_folder)
    out.parent.mkdir(parents=True, exist_ok=True)
    partial = Path(tempfile.mkdtemp(prefix=f".{out.name}.", suffix=".partial", dir=out.parent))
    try:
        answers = {name: _write(name, model, card, partial, report) for name in formats}
        parity = _prove(answers, card, images, pred_probs, report)
        files = [_listed(partial / FILE_NAMES[name], name) for name in formats]
        _write_card(partial / CARD_NAME, card, files, parity, facts)
        partial.chmod(0o755)  # mkdtemp makes folders that only their owner may read.
        partial.replace(out)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return ExportProof(files, parity)


def _check(formats: Sequence[str], out: Path) -> None:
    unknown = [name for name in formats if name not in get_args(Format)]
    if unknown or not formats:
        named = f"There is no export format '{unknown[0]}'." if unknown else "No export format was named."
        raise BadInput(named, f"Available are: {', '.join(get_args(Format))}.")
    if out.is_file() or (out.is_dir() and any(out.iterdir())):
        raise BadInput(
            f"{out} is not empty; an export never overwrites anything.", "Name another folder with --out DIR."
        )


def _write(name: str, model: nn.Module, card: Card, folder: Path, report: Report) -> Answers:
    """Write one format, and answer how the file itself predicts."""
    report("Writing", 0, 0, FILE_NAMES[name])
    return {"safetensors": _write_safetensors, "onnx": _write_onnx}[name](model, card, folder)


def _write_safetensors(model: nn.Module, card: Card, folder: Path) -> Answers:
    models.save_weights(model, folder / FILE_NAMES["safetensors"])
    reread = models.load_weights(folder / FILE_NAMES["safetensors"], card)
    return lambda batch: predict.pred_probs(reread, batch, card, device=torch.device("cpu"))


def _write_onnx(model: nn.Module, card: Card, folder: Path) -> Answers:
    import onnx
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
    program.save(file, external_data=False)  # Else the weights lie in a second file that gets lost.
    graph = onnx.load(file)
    onnx.helper.set_model_props(graph, {"peakid": json.dumps(dataclasses.asdict(card), ensure_ascii=False)})
    onnx.save(graph, file)
    session: Any = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
    return lambda batch: session.run(["probabilities"], {"pixels": batch})[0]


def _prove(
    answers: Mapping[str, Answers],
    card: Card,
    images: Iterable[tuple[str, bytes]],
    pred_probs: np.ndarray,
    report: Report,
) -> dict[str, dict[str, float]]:
    """Compare each format with the run, image by image, from bytes to probabilities."""
    given = {name: np.zeros_like(pred_probs) for name in answers}
    n_done = 0
    for batch in _decoded(images, card):
        if n_done + len(batch) > len(pred_probs):
            raise BadInput(
                f"There are more images than the {len(pred_probs)} predictions to compare them with.",
                "Train again.",
            )
        for name, answer in answers.items():
            given[name][n_done : n_done + len(batch)] = answer(batch)
        n_done += len(batch)
        report("Proving", n_done, len(pred_probs), f"{n_done} of {len(pred_probs)} images")
    if not n_done or n_done != len(pred_probs):
        raise ParityBroken(
            f"Of {len(pred_probs)} validation images {n_done} could be compared.",
            "Check the images with: peakid verify",
        )
    return {name: _parity(name, given[name], pred_probs) for name in answers}


def _decoded(images: Iterable[tuple[str, bytes]], card: Card) -> Iterator[np.ndarray]:
    batch: list[np.ndarray] = []
    for _digest, content in images:
        batch.append(pixels.preprocess(content, size_px=card.image_size_px, resize=card.resize))
        if len(batch) == CHUNK:
            yield np.stack(batch)
            batch = []
    if batch:
        yield np.stack(batch)


def _parity(name: str, given: np.ndarray, expected: np.ndarray) -> dict[str, float]:
    rows = np.arange(len(expected))
    lost = (
        expected.max(axis=1) - expected[rows, given.argmax(axis=1)]
    )  # How much less probable the other choice was.
    agreement = float((lost <= TOLERANCE).mean())
    difference = float(np.abs(given - expected).max())
    if not (agreement == 1.0 and difference <= TOLERANCE):  # Written so that NaN is refused too.
        raise ParityBroken(
            f"The {name} file answers otherwise than the trained model: probabilities differ by up to {difference:.2g} "
            f"(allowed {TOLERANCE:g}), the first choice agrees on {agreement:.1%} of {len(expected)} images. Nothing was published.",
            "Train again with this version of Peakid, or export another format.",
        )
    return {"n_images": len(expected), "max_abs_diff": difference, "agreement": agreement}


def _listed(file: Path, name: str) -> dict[str, Any]:
    return {
        "name": file.name,
        "format": name,
        "sha256": weight_files.digest(file),
        "bytes": file.stat().st_size,
    }


def _write_card(
    file: Path,
    card: Card,
    files: list[dict[str, Any]],
    parity: dict[str, dict[str, float]],
    facts: Mapping[str, Any],
) -> None:
    document = {
        **dataclasses.asdict(card),
        "input": f"uint8 RGB pixels of shape (batch, {card.image_size_px}, {card.image_size_px}, 3) as pixels.preprocess makes them",
        "output": "probabilities of shape (batch, classes), columns in class_names order",
        "files": files,
        "parity": parity,
        "facts": dict(facts),
    }
    with file.open("w", encoding="utf-8") as stream:
        json.dump(document, stream, ensure_ascii=False, indent=1)
        stream.flush()
        os.fsync(stream.fileno())
