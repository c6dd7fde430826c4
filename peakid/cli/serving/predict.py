"""The command that predicts the class of files with an exported model."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from peakid import files, settings
from peakid.cli.frame import emit, json_option, workspace_path
from peakid.cli.output import terminal
from peakid.errors import BadInput
from peakid.evaluate import score_text
from peakid.serve.predictor import BATCH_SIZE, ImagePrediction, Predictor
from peakid.store import exports, workspace


@click.command()
@click.argument("export")
@click.argument("images", nargs=-1, required=True, metavar="IMAGE...")
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
def predict(export: str, images: tuple[str, ...], top: int, threshold: float | None, as_json: bool) -> None:
    """Predict the class of each IMAGE. EXPORT is the number of an export or its folder."""
    predictor = Predictor(export_folder(export))
    answers = _answers(predictor, [Path(path) for path in images], top, threshold)
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
    """Return the folder of an export, given by its number or as the folder itself.

    Raises:
        NotFound: If there is no export with this number.
    """
    if export.isdecimal() and not Path(export).is_dir():
        return exports.folder(exports.show(workspace.open_existing(workspace_path()), int(export)))
    return Path(export)


def _answers(
    predictor: Predictor, paths: Sequence[Path], top: int, threshold: float | None
) -> list[ImagePrediction]:
    """Read and predict a few images at a time, which are decoded side by side."""
    found: list[ImagePrediction] = []
    for start in range(0, len(paths), BATCH_SIZE):
        read = [_content(path) for path in paths[start : start + BATCH_SIZE]]
        good = [content for content in read if isinstance(content, bytes)]
        predicted = iter(predictor.predict(good, top=top, threshold=threshold))
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
