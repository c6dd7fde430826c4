"""The slices of a run on one split, computed once and stored, with the images that each slice has wrong.

Two files for each split in the folder of the run. Unlike scores, slices depend on what is known of the images
now: who reviewed them, their tags, their embeddings.
"""

import contextlib
import json
import secrets
import zipfile
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np
from pydantic import TypeAdapter, ValidationError

from peakid import documents, files
from peakid.curate.queues import selections
from peakid.documents import UnreadableDocument
from peakid.embed import stored as embeddings
from peakid.errors import DiskError
from peakid.evaluate import figures, figures_state, report, scored_images
from peakid.evaluate.figures_state import FiguresState
from peakid.evaluate.scored_images import ScoredImages
from peakid.evaluate.slices import slicing
from peakid.evaluate.slices.properties import Missing
from peakid.evaluate.slices.slicing import Slice, SlicedProperty, SliceReport
from peakid.evaluate.slices.within_class import Difference
from peakid.records import Run
from peakid.store import runs
from peakid.store.workspace import Workspace

VERSION = 2  # Of the files; others are computed again.
MOST_CROSSED = 50_000  # Images; of more, a random sample is sliced by two properties together.


@dataclass(frozen=True)
class SlicesState:
    """What slices depend on, beside the judgements that `FiguresState` has.

    Attributes:
        tags: Number of tags of images, and the sum of their images.
        measured: The newest image with measures, and the set of embeddings with its number of images.
    """

    figures: FiguresState
    tags: str
    measured: str


@dataclass(frozen=True)
class SliceFigures:
    """The stored slices; `is_current`: whether nothing has changed since."""

    report: SliceReport
    state: SlicesState
    is_current: bool = True


def compute(workspace: Workspace, run: Run, split: str, *, with_tta: bool = False) -> SliceFigures:
    """Compute the slices of a split and store them. It counts no look at test.

    Raises:
        BadInput: If there are no predictions for the split.
        RunDamaged: If a file of its probabilities cannot be read.
    """
    state = _state(workspace, run, split, with_tta=with_tta)
    images = report.checked_images(workspace, run, split, with_tta=with_tta)
    found = SliceFigures(_shortened(slicing.slices(workspace, images)), state)
    if not workspace.is_read_only:
        with contextlib.suppress(OSError, DiskError):  # They are shown anyway, and computed again next time.
            _write(_path(workspace, run, split, with_tta=with_tta), found)
    return found


def stored(workspace: Workspace, run: Run, split: str, *, with_tta: bool = False) -> SliceFigures | None:
    """Return the stored slices, which may be out of date; None where there are none of these predictions."""
    path = _path(workspace, run, split, with_tta=with_tta)
    try:
        document = _adapter().validate_python(documents.read_json(path))
        if document.version != VERSION:
            return None
        found = _with_errors(document, path.with_suffix(".npz"))
    except (OSError, UnreadableDocument, ValidationError, ValueError, KeyError, zipfile.BadZipFile):
        return None  # They are computed again.
    now = _state(workspace, run, split, with_tta=with_tta)
    if document.state.figures.predictions != now.figures.predictions:
        return None
    is_current = _without_judgements(document.state) == _without_judgements(now) and not (
        figures_state.n_judged_since(workspace, run, split, document.state.figures)
    )
    return SliceFigures(found, document.state, is_current)


def of_run(workspace: Workspace, run: Run, split: str, *, with_tta: bool = False) -> SliceFigures | None:
    """Return current slices where they are stored or cheap to compute, else those that are out of date.

    None where they have to be computed by a job first.

    Raises:
        BadInput: If there are no predictions for the split.
        RunDamaged: If a file of its probabilities cannot be read.
    """
    found = stored(workspace, run, split, with_tta=with_tta)
    if found is not None and found.is_current:
        return found
    if figures.is_cheap(workspace, run, split):
        return compute(workspace, run, split, with_tta=with_tta)
    return found


def crossed(workspace: Workspace, images: ScoredImages, pair: tuple[str, ...]) -> SliceReport:
    """Return the slices by all properties and by two of them together, of many images those of a sample."""
    if len(images) > MOST_CROSSED:
        chosen = np.random.default_rng(0).choice(len(images), MOST_CROSSED, replace=False)
        images = scored_images.subset(images, np.sort(chosen))
    return _shortened(slicing.slices(workspace, images, cross=pair))


def _shortened(found: SliceReport) -> SliceReport:
    """Keep as many errors of a slice as one queue takes: those of which the model was the surest."""

    def shorter(each: Slice) -> Slice:
        return replace(each, error_ids=each.error_ids[: selections.MOST_IMAGES])

    return replace(
        found,
        properties=tuple(replace(each, slices=tuple(map(shorter, each.slices))) for each in found.properties),
    )


@dataclass(frozen=True)
class _StoredSlice:
    """A slice without its errors, and where they begin and end in the file of them all."""

    key: str
    title: str
    value: str
    n_images: int
    n_groups: int
    n_errors: int
    accuracy: float
    interval: tuple[float, float]
    balanced_accuracy: float | None
    expected_accuracy: float | None
    difference: Difference | None
    crude_difference: Difference | None
    p_value: float | None
    examples: tuple[str, ...]
    first_error: int
    end_of_errors: int


@dataclass(frozen=True)
class _Document:
    """The file of JSON; `token` is also in the file of the errors that belong to it."""

    version: int
    token: str
    state: SlicesState
    run_id: int
    split: str
    n_images: int
    accuracy: float
    interval: tuple[float, float]
    n_tested: int
    n_shuffles: int
    properties: tuple[tuple[str, str, tuple[float, ...], tuple[_StoredSlice, ...]], ...]
    missing: tuple[Missing, ...]


_PLAIN = ("run_id", "split", "n_images", "accuracy", "interval", "n_tested", "n_shuffles")


@cache
def _adapter() -> TypeAdapter[_Document]:
    return TypeAdapter(_Document)


def _state(workspace: Workspace, run: Run, split: str, *, with_tta: bool) -> SlicesState:
    row = workspace.query(
        "SELECT (SELECT COUNT(*) || ' ' || TOTAL(image_id) FROM image_tag) AS tags,"
        " (SELECT COALESCE(MAX(image_id), 0) FROM image_measure) AS measured"
    )[0]
    embedded = [(each.set_id, each.n_images) for each in embeddings.sets(workspace)[:1]]
    return SlicesState(
        figures_state.read(workspace, run, split, with_tta=with_tta),
        row["tags"],
        f"{row['measured']} {embedded}",
    )


def _without_judgements(state: SlicesState) -> SlicesState:
    return replace(state, figures=replace(state.figures, decision_id=0, remark_id=0))


def _path(workspace: Workspace, run: Run, split: str, *, with_tta: bool) -> Path:
    suffix = "-tta" if with_tta else ""
    return (
        runs.folder(workspace, run.run_id) / f"slices_{report.checked_split(run.run_id, split)}{suffix}.json"
    )


def _write(path: Path, found: SliceFigures) -> None:
    token, every, at = secrets.token_hex(8), [], 0
    properties = []
    for each in found.report.properties:
        kept = []
        for one in each.slices:
            every.append(one.error_ids)
            facts = {name: value for name, value in vars(one).items() if name != "error_ids"}
            kept.append(_StoredSlice(**facts, first_error=at, end_of_errors=at + len(one.error_ids)))
            at += len(one.error_ids)
        properties.append((each.key, each.title, each.edges, tuple(kept)))
    error_ids = np.concatenate(every) if every else np.zeros(0, dtype=np.int64)
    with files.replacing(path.with_suffix(".npz")) as part, part.open("wb") as out:
        np.savez(out, token=np.array(token), error_ids=error_ids)
    document = _Document(
        version=VERSION,
        token=token,
        state=found.state,
        **{name: getattr(found.report, name) for name in _PLAIN},
        properties=tuple(properties),
        missing=found.report.missing,
    )
    files.write_text(path, json.dumps(_adapter().dump_python(document, mode="json")))


def _with_errors(document: _Document, path: Path) -> SliceReport:
    """Return the report with the errors of each slice.

    Raises:
        ValueError: If the errors belong to other figures: both files were being written.
    """
    with np.load(path, allow_pickle=False) as kept:
        if str(kept["token"]) != document.token:
            raise ValueError(f"{path.name} belongs to other figures.")
        error_ids = kept["error_ids"]

    def whole(each: _StoredSlice) -> Slice:
        facts = dict(vars(each))
        first, end = facts.pop("first_error"), facts.pop("end_of_errors")
        return Slice(**facts, error_ids=error_ids[first:end])

    return SliceReport(
        **{name: getattr(document, name) for name in _PLAIN},
        properties=tuple(
            SlicedProperty(key, title, edges, tuple(map(whole, slices)))
            for key, title, edges, slices in document.properties
        ),
        missing=document.missing,
    )
