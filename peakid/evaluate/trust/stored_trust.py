"""What the tab Trust shows, computed once and stored: the report, its curves and sets, and all answers.

Two files for each split in the folder of the run. Judging an image changes none of these figures, which are
against the labels at the time of the training; a further class that an image shows does.
"""

import contextlib
import secrets
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np
from pydantic import TypeAdapter, ValidationError

from peakid import documents, files
from peakid.documents import UnreadableDocument
from peakid.errors import DiskError
from peakid.evaluate import figures, figures_state, report
from peakid.evaluate.figures_state import FiguresState
from peakid.evaluate.scored_images import ScoredImages
from peakid.evaluate.trust import answers, selective, temperature, trust_report
from peakid.evaluate.trust.answers import Answers
from peakid.evaluate.trust.conformal import ConformalSets
from peakid.evaluate.trust.selective import Coverage
from peakid.evaluate.trust.trust_report import TrustReport
from peakid.records import Run
from peakid.store import run_predictions, runs
from peakid.store.evaluation import operating_points
from peakid.store.evaluation.operating_points import OperatingPoint
from peakid.store.workspace import Workspace

VERSION = 2  # Of the files; others are computed again.


@dataclass(frozen=True)
class TrustState:
    """What the figures depend on, beside the judgements that `FiguresState` has.

    Attributes:
        fitted_on: The probabilities that temperature and sets were fitted on, where they are other ones.
        is_refit: Whether the saved model was fitted again with the validation images.
    """

    figures: FiguresState
    fitted_on: str
    is_refit: bool


@dataclass(frozen=True)
class TrustFigures:
    """How far a run can be trusted on one split.

    Attributes:
        curves: Coverage and accuracy by threshold, by temperature: 1, the fitted one, that of the threshold.
        sets: Prediction sets at each of `trust_report.LEVELS`; () where none can be fitted.
        answers: At the same temperatures as the curves.
        is_current: Whether nothing has changed since.
    """

    report: TrustReport
    state: TrustState
    curves: Mapping[float, tuple[Coverage, ...]]
    sets: tuple[ConformalSets, ...]
    answers: Answers
    is_current: bool = True

    def at(self, point: OperatingPoint | None, *, n_test_looks: int = 0) -> TrustReport:
        """Return the report with the threshold that exports have, and what it does."""
        value = self.temperature_of(point)
        return replace(
            self.report,
            curve=self.curves[value],
            point=point,
            at_point=None if point is None else self.answers.at(point.threshold, value),
            n_test_looks=n_test_looks,
        )

    def temperature_of(self, point: OperatingPoint | None) -> float:
        """Return the temperature of a threshold; of figures that are out of date, the nearest one."""
        wanted = 1.0 if point is None else point.temperature
        return min(self.curves, key=lambda each: abs(each - wanted))


def compute(workspace: Workspace, run: Run, split: str) -> TrustFigures:
    """Compute the figures of a split that a run was not trained on, and store them. It counts no look.

    Raises:
        BadInput: If there are no predictions for the split.
        RunDamaged: If a file of its probabilities cannot be read.
    """
    state = _state(workspace, run, split)
    images = report.checked_images(workspace, run, split)
    fitted_on = trust_report.fitting_images(workspace, run, split)
    point = operating_points.of_run(workspace, run.run_id)
    found = of_images(images, fitted_on, state, point=point)
    if not workspace.is_read_only:
        with contextlib.suppress(OSError, DiskError):  # They are shown anyway, and computed again next time.
            _write(workspace, run, split, found)
    return found


def of_images(
    images: ScoredImages,
    fitted_on: ScoredImages | None,
    state: TrustState,
    *,
    point: OperatingPoint | None = None,
) -> TrustFigures:
    """Return the figures of images that are loaded."""
    sets = tuple(trust_report.conformal_sets(images, fitted_on, trust_report.LEVELS))
    plain = trust_report.without_sets(images, fitted_on, is_refit=state.is_refit)
    fitted = None
    if images.has_all_probabilities:
        fitted = temperature.fit(images if fitted_on is None else fitted_on)
    values = {1.0, *([fitted.temperature] if fitted else []), *([point.temperature] if point else [])}
    known = answers.of(images, sorted(values))
    return TrustFigures(
        report=replace(
            plain, conformal=next((each for each in sets if each.level == trust_report.LEVEL), None)
        ),
        state=state,
        curves={
            value: plain.curve
            if value == 1
            else tuple(selective.curve(known.confidence[value], images.is_right, images.groups))
            for value in known.confidence
        },
        sets=sets,
        answers=known,
    )


def stored(workspace: Workspace, run: Run, split: str) -> TrustFigures | None:
    """Return the stored figures, which may be out of date; None where there are none of these predictions."""
    path = _path(workspace, run, split)
    try:
        document = _adapter().validate_python(documents.read_json(path))
        if document.version != VERSION:
            return None
        known = _read_answers(path.with_suffix(".npz"), document, run)
    except (OSError, UnreadableDocument, ValidationError, ValueError, KeyError, zipfile.BadZipFile):
        return None  # They are computed again.
    now = _state(workspace, run, split)
    if document.state.figures.predictions != now.figures.predictions:
        return None
    point = operating_points.of_run(workspace, run.run_id)
    is_current = (
        _without_judgements(document.state) == _without_judgements(now)
        and not figures_state.has_remarks_since(workspace, run, document.state.figures.remark_id)
        and (point is None or point.temperature in known.confidence)
    )
    return TrustFigures(
        document.report, document.state, dict(document.curves), document.sets, known, is_current
    )


def of_run(workspace: Workspace, run: Run, split: str) -> TrustFigures | None:
    """Return current figures where they are stored or cheap to compute, else those that are out of date.

    None where they have to be computed by a job first.

    Raises:
        BadInput: If there are no predictions for the split.
        RunDamaged: If a file of its probabilities cannot be read.
    """
    found = stored(workspace, run, split)
    if found is not None and found.is_current:
        return found
    return compute(workspace, run, split) if figures.is_cheap(workspace, run, split) else found


@dataclass(frozen=True)
class _Document:
    """The file of JSON; `token` is also in the file of the answers that belong to it."""

    version: int
    token: str
    state: TrustState
    report: TrustReport
    curves: tuple[tuple[float, tuple[Coverage, ...]], ...]
    sets: tuple[ConformalSets, ...]


@cache
def _adapter() -> TypeAdapter[_Document]:
    return TypeAdapter(_Document)


def _state(workspace: Workspace, run: Run, split: str) -> TrustState:
    return TrustState(
        figures_state.read(workspace, run, split),
        run_predictions.identity(workspace, run.run_id, "valid") if split == "test" else "",
        run_predictions.has_pred_probs(workspace, run.run_id, run_predictions.REFIT),
    )


def _without_judgements(state: TrustState) -> TrustState:
    return replace(state, figures=replace(state.figures, decision_id=0, remark_id=0))


def _path(workspace: Workspace, run: Run, split: str) -> Path:
    return runs.folder(workspace, run.run_id) / f"trust_{report.checked_split(run.run_id, split)}.json"


def _write(workspace: Workspace, run: Run, split: str, found: TrustFigures) -> None:
    path, known = _path(workspace, run, split), found.answers
    token = secrets.token_hex(8)
    with files.replacing(path.with_suffix(".npz")) as part, part.open("wb") as out:
        np.savez(
            out,
            token=np.array(token),
            image_ids=known.image_ids,
            groups=known.groups,
            is_right=known.is_right,
            is_other=known.is_other,
            temperatures=np.array(list(known.confidence)),
            confidence=np.stack(list(known.confidence.values())),
        )
    curves = tuple(found.curves.items())
    document = _Document(VERSION, token, found.state, found.report, curves, found.sets)
    files.write_json(path, _adapter().dump_python(document, mode="json"))


def _read_answers(path: Path, document: _Document, run: Run) -> Answers:
    """Read the answers.

    Raises:
        ValueError: If they belong to other figures: both files were being written.
    """
    with np.load(path, allow_pickle=False) as kept:
        if str(kept["token"]) != document.token:
            raise ValueError(f"{path.name} belongs to other figures.")
        return Answers(
            run_id=run.run_id,
            class_names=tuple(run.class_names),
            image_ids=kept["image_ids"],
            groups=kept["groups"],
            is_right=kept["is_right"],
            is_other=kept["is_other"],
            confidence=dict(zip(kept["temperatures"].tolist(), kept["confidence"], strict=True)),
        )
