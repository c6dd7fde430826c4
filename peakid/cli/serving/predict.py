"""The command that predicts the class of files with an exported model, or with the model of a run."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click

from peakid import files, settings
from peakid.cli.frame import emit, json_option, workspace_path
from peakid.cli.output import terminal
from peakid.errors import BadInput
from peakid.evaluate import score_text
from peakid.jobs.run_predictor import requests
from peakid.serve.predictor import BATCH_SIZE, ImagePrediction, Predictor
from peakid.store import exports, pulled_models, workspace

PredictBatch = Callable[[Sequence[bytes]], list[ImagePrediction]]
RUN_PREFIX = "run:"


@click.command()
@click.argument("model", metavar="EXPORT")
@click.argument("images", nargs=-1, metavar="[IMAGE]...")
@click.option("--run", "run_id", type=int, metavar="RUN", help="A run in place of EXPORT, before any export.")
@click.option(
    "--top", default=5, show_default=True, type=click.IntRange(min=1), help="Number of classes to show."
)
@click.option(
    "--threshold",
    default=None,
    type=click.FloatRange(0, 1),
    help="Abstain below this confidence. Default: the threshold that the export was made with.",
)
@json_option
def predict(
    model: str,
    images: tuple[str, ...],
    run_id: int | None,
    top: int,
    threshold: float | None,
    as_json: bool,
) -> None:
    """Predict the class of each IMAGE.

    EXPORT is the number of an export, `current`, a pulled model as `hub:OWNER/NAME`, a folder, or run:RUN. A
    run answers as its exports would; loading its model takes some seconds.
    """
    if run_id is not None:
        model, images = f"{RUN_PREFIX}{run_id}", (model, *images)
    if not images:
        raise BadInput("No image was given.", "Give the paths of one or more images.")
    answers = _answers(_predicting(model, top, threshold), [Path(path) for path in images])
    failed = [f"{path}: {each.error}" for path, each in zip(images, answers, strict=True) if each.error]
    if len(failed) == len(images):
        raise BadInput(
            f"No image could be read. First error: {failed[0]}.",
            "Give paths of JPEG, PNG, WebP, GIF, BMP or TIFF files.",
        )
    for line in failed:
        terminal.say(line, err=True)
    answered = list(zip(images, answers, strict=True))
    lines = [_line(path, answer) for path, answer in answered if not answer.error]
    emit(as_json, [_document(path, answer) for path, answer in answered], "\n".join(lines))


def export_folder(export: str) -> Path:
    """Return the folder of an export: its number, `current`, `hub:OWNER/NAME` or the folder itself is given.

    Raises:
        NotFound: If there is no such export, none is the current one, or that model was not pulled.
    """
    if export.startswith(pulled_models.PREFIX) and not Path(export).is_dir():
        name = export.removeprefix(pulled_models.PREFIX)
        return Path(pulled_models.find(workspace.open_existing(workspace_path()), name).path)
    if (export == exports.CURRENT or export.isdecimal()) and not Path(export).is_dir():
        found = exports.find(workspace.open_existing(workspace_path()), export)
        if found.stage == "retired":
            terminal.say(f"Note: export {found.export_id} is retired.", err=True)
        return exports.folder(found)
    return Path(export)


def _predicting(model: str, top: int, threshold: float | None) -> PredictBatch:
    """Return what predicts a few images.

    Raises:
        NotFound: If there is no such export or run, or the run has no model.
    """
    number = model.removeprefix(RUN_PREFIX)
    if model.startswith(RUN_PREFIX) and number.isdecimal():
        opened = workspace.open_existing(workspace_path())

        def of_run(contents: Sequence[bytes]) -> list[ImagePrediction]:
            request = requests.start(opened, int(number), contents, top=top, threshold=threshold)
            request.wait()
            return [answer.prediction for answer in request.answers()]

        return of_run
    predictor = Predictor(export_folder(model))
    return lambda contents: predictor.predict(contents, top=top, threshold=threshold)


def _answers(predict_batch: PredictBatch, paths: Sequence[Path]) -> list[ImagePrediction]:
    """Read and predict a few images at a time, which are decoded side by side."""
    found: list[ImagePrediction] = []
    for start in range(0, len(paths), BATCH_SIZE):
        read = [_content(path) for path in paths[start : start + BATCH_SIZE]]
        good = [content for content in read if isinstance(content, bytes)]
        predicted = iter(predict_batch(good) if good else [])
        found += [next(predicted) if isinstance(content, bytes) else content for content in read]
    return found


def _content(path: Path) -> bytes | ImagePrediction:
    """Read an image, or say why it cannot be read: a pipe or a device might never end."""
    try:
        return files.read_regular(path, settings.current().max_image_bytes)
    except OSError as error:
        return ImagePrediction.unreadable(None, f"cannot be read: {error.strerror}")


def _document(path: str, answer: ImagePrediction) -> dict[str, Any]:
    document = {"path": path} | answer.to_json()
    return {**document, "error": str(answer.error)} if answer.error else document


def _line(path: str, answer: ImagePrediction) -> str:
    top = ", ".join(f"{label} {score_text.percent(probability)}" for label, probability in answer.top)
    told = "  looks like nothing it learned" if answer.is_unfamiliar else ""
    label = "no prediction (below the threshold)" if answer.abstained else answer.label
    return f"{path}: {label}  [{top}]{told}"
