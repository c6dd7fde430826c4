"""The command that predicts the class of files with an exported model, or with the model of a run."""

import contextlib
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click

from peakid import files, settings
from peakid.acquire import folder_listing, reading
from peakid.cli.engines.options import engine_options, tell_death
from peakid.cli.frame import emit, json_option, terminal_report, workspace_path
from peakid.cli.output import terminal
from peakid.engines import opening, shard_files
from peakid.engines.shard_files import ShardFiles
from peakid.errors import BadInput
from peakid.evaluate import score_text
from peakid.job_settings import JobSettings
from peakid.jobs.maps import predicting
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
@engine_options
@json_option
def predict(
    model: str,
    images: tuple[str, ...],
    run_id: int | None,
    top: int,
    threshold: float | None,
    job_settings: JobSettings,
    as_json: bool,
) -> None:
    """Predict the class of each IMAGE, or of all photos in a folder.

    EXPORT is the number of an export, `current`, a pulled model as `hub:OWNER/NAME`, a folder, or run:RUN. A
    run answers as its exports would; loading its model takes some seconds.
    """
    if run_id is not None:
        model, images = f"{RUN_PREFIX}{run_id}", (model, *images)
    if not images:
        raise BadInput("No image was given.", "Give the paths of one or more images.")
    photos = _photos(images)
    paths = [Path(path) for path in photos]
    if opening.is_used(job_settings):
        answers = _in_engine(model, paths, top, threshold, job_settings)
    else:
        answers = _answers(_predicting(model, top, threshold), paths)
    failed = [f"{path}: {each.error}" for path, each in zip(photos, answers, strict=True) if each.error]
    if len(failed) == len(photos):
        raise BadInput(
            f"No image could be read. First error: {failed[0]}.",
            "Give paths of JPEG, PNG, WebP, GIF, BMP or TIFF files.",
        )
    for line in failed:
        terminal.say(line, err=True)
    answered = list(zip(photos, answers, strict=True))
    lines = [_line(path, answer) for path, answer in answered if not answer.error]
    emit(as_json, [_document(path, answer) for path, answer in answered], "\n".join(lines))


def _photos(images: Sequence[str]) -> list[str]:
    """Return the paths of photos; a folder stands for those in it and in its folders.

    Raises:
        BadInput: If there is none.
    """
    found: list[str] = []
    for image in images:
        root = Path(image)
        if root.is_dir():
            found += [str(root / path) for path in reading.paths_below(root) if _is_photo(root, path)]
        else:
            found.append(image)
    if not found:
        raise BadInput(f"There is no photo in {', '.join(images)}.", "Give a folder with photos.")
    return found


def _is_photo(root: Path, path: str) -> bool:
    is_named_so = Path(path).suffix.lower() in folder_listing.PICTURE_SUFFIXES
    return is_named_so and reading.rejection(root, path) is None


def _in_engine(
    model: str, paths: Sequence[Path], top: int, threshold: float | None, job_settings: JobSettings
) -> list[ImagePrediction]:
    """Predict photos in the workers of an engine; what that used is said on stderr."""
    number = model.removeprefix(RUN_PREFIX)
    with contextlib.ExitStack() as stack:
        if model.startswith(RUN_PREFIX) and number.isdecimal():
            opened = workspace.open_existing(workspace_path())
            chosen = predicting.of_run(opened, int(number), threshold=threshold)
            kept = ShardFiles(shard_files.folder_of(opened))
        else:
            chosen = predicting.of_export(export_folder(model), threshold=threshold)
            kept = ShardFiles(Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="peakid-"))))
        report = stack.enter_context(terminal_report())
        answers, used = predicting.predict(
            chosen, paths, kept, job_settings, top=top, report=report, on_death=tell_death
        )
    terminal.say(used.text(), err=True)
    return answers


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
