"""What the Evaluate page shows at once, computed once and stored: scores, the matrix, and the worst errors.

A file for each split in the folder of the run. It also says from which predictions, decisions and classes it
was computed, so that a judgement shows as a number of labels that changed since.
"""

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from peakid import documents, files
from peakid.documents import UnreadableDocument
from peakid.errors import DiskError, NotFound, PeakidError
from peakid.evaluate import figures_state, report, run_scores
from peakid.evaluate.errors import confusion
from peakid.evaluate.figures_state import FiguresState
from peakid.evaluate.report import EvaluationReport
from peakid.evaluate.scored_images import ScoredImages
from peakid.records import Run
from peakid.store import run_predictions, runs
from peakid.store.workspace import Workspace

VERSION = 4  # Of the file; another one is computed again.
MAX_INLINE = 20_000  # Images of a split; a page and a training compute the figures of up to so many at once.
MOST_KEPT = 100  # Runs; each takes some 20 ms where its figures are stored.
MAX_WORST = 500  # Errors that are listed.
SURE = 0.9  # Confidence from which the model contradicts a label that no person confirmed.


@dataclass(frozen=True)
class ErrorList:
    """Errors as columns of the same length, the worst first.

    The worst are those where the predicted class is the most probable compared with the given one.

    Attributes:
        given: Columns of the classes, as `predicted`.
        given_probability: Of the given class, in 0..1, as `predicted_probability`.
        is_confirmed: Whether a person confirmed the newest label.
    """

    image_ids: tuple[int, ...] = ()
    digests: tuple[str, ...] = ()
    given: tuple[int, ...] = ()
    predicted: tuple[int, ...] = ()
    given_probability: tuple[float, ...] = ()
    predicted_probability: tuple[float, ...] = ()
    is_confirmed: tuple[bool, ...] = ()

    def __len__(self) -> int:
        return len(self.image_ids)


@dataclass(frozen=True)
class Figures:
    """The stored figures of a run and split.

    Attributes:
        scored: The report of that state; its number of looks at test is the newest one.
        worst: The first errors of all `n_errors`.
        unconfirmed: int64 of shape (K, K): errors whose label no person confirmed and that has not changed.
        doubtful_ids: Images of those with the highest confidence in another class, from SURE on, the surest
            first; the first of all `n_doubtful`.
        one_per_group: int64 of shape (K, K): the confusion matrix with near duplicates counted once in each
            cell, for tests of chance.
        n_changed_since: Images whose label was judged since, where the figures are out of date.
        is_current: Whether nothing has changed since.
    """

    scored: EvaluationReport
    state: FiguresState
    n_errors: int
    worst: ErrorList
    unconfirmed: np.ndarray
    n_doubtful: int
    doubtful_ids: tuple[int, ...]
    one_per_group: np.ndarray
    n_changed_since: int = 0
    is_current: bool = True


def compute(workspace: Workspace, run: Run, split: str, *, with_tta: bool = False) -> Figures:
    """Compute the figures of a split and store them. No look at test is counted: nothing is shown.

    Raises:
        BadInput: If there is no such split, or no predictions for it.
        RunDamaged: If a file of its probabilities cannot be read.
    """
    state = figures_state.read(
        workspace, run, split, with_tta=with_tta
    )  # A decision made meanwhile is newer.
    images = report.checked_images(workspace, run, split, with_tta=with_tta)
    plain = report.checked_images(workspace, run, split) if with_tta else None
    found = of_images(images, report.of_images(workspace, run, images, plain=plain), state)
    if not with_tta:
        run_scores.keep(workspace, run, split, found.scored.measured)
    if not workspace.is_read_only:
        with contextlib.suppress(OSError, DiskError):  # They are shown anyway, and computed again next time.
            files.write_json(_path(workspace, run, split, with_tta=with_tta), _document(found))
    return found


def of_images(images: ScoredImages, scored: EvaluationReport, state: FiguresState) -> Figures:
    """Return the figures of images that are loaded and scored."""
    wrong = np.flatnonzero(~images.is_right)
    given, predicted = images.given[wrong], images.predicted[wrong]
    own = images.pred_probs[wrong, given].astype(np.float64)  # (n,)
    sure = images.confidence[wrong].astype(np.float64)
    order = np.argsort(own - sure, kind="stable")[:MAX_WORST]
    is_open = ~images.is_reviewed[wrong] & ~images.has_changed[wrong]
    n_classes = len(images.class_names)
    cells = given[is_open].astype(np.int64) * n_classes + predicted[is_open]
    doubtful = np.flatnonzero(is_open & (images.confidence[wrong] >= SURE))
    first = doubtful[np.argsort(-sure[doubtful], kind="stable")][:MAX_WORST]
    return Figures(
        scored=scored,
        state=state,
        n_errors=len(wrong),
        worst=ErrorList(
            image_ids=tuple(images.image_ids[wrong[order]].tolist()),
            digests=tuple(images.digests[n] for n in wrong[order]),
            given=tuple(given[order].tolist()),
            predicted=tuple(predicted[order].tolist()),
            given_probability=tuple(own[order].round(6).tolist()),
            predicted_probability=tuple(sure[order].round(6).tolist()),
            is_confirmed=tuple(images.is_reviewed[wrong[order]].tolist()),
        ),
        unconfirmed=np.bincount(cells, minlength=n_classes**2).reshape(n_classes, n_classes),
        n_doubtful=len(doubtful),
        doubtful_ids=tuple(images.image_ids[wrong[first]].tolist()),
        one_per_group=confusion.of_images(images, is_one_per_group=True),
    )


def evaluate(
    workspace: Workspace, run_id: int, *, split: str = "valid", with_tta: bool = False, actor: str
) -> Figures:
    """Return the current figures of a run, computed if need be. On test this counts as a look.

    Raises:
        NotFound: If there is no such run.
        BadInput: If there is no such split, or no predictions for it.
    """
    run = runs.show(workspace, run_id)
    report.checked_split(run_id, split)
    found = stored(workspace, run, split, with_tta=with_tta)
    if found is None or not found.is_current:
        found = compute(workspace, run, split, with_tta=with_tta)
    if split == "test":
        n_looks = runs.look_at_test(workspace, run_id, actor)
        found = replace(found, scored=replace(found.scored, n_test_looks=n_looks))
    return found


def stored(workspace: Workspace, run: Run, split: str, *, with_tta: bool = False) -> Figures | None:
    """Return the stored figures, which may be out of date; None where there are none of these predictions."""
    try:
        document = documents.read_json(_path(workspace, run, split, with_tta=with_tta))
        found = _figures(document, run)
    except (FileNotFoundError, UnreadableDocument, KeyError, TypeError, ValueError):
        return None  # They are computed again.
    now = figures_state.read(workspace, run, split, with_tta=with_tta)
    if found is None or found.state.predictions != now.predictions:
        return None
    n_changed = figures_state.n_judged_since(workspace, run, split, found.state)
    is_current = n_changed == 0 and replace(found.state, decision_id=0, remark_id=0) == replace(
        now, decision_id=0, remark_id=0
    )
    return replace(found, n_changed_since=n_changed, is_current=is_current)


def of_run(workspace: Workspace, run: Run, split: str, *, with_tta: bool = False) -> Figures | None:
    """Return current figures where they are stored or cheap to compute, else those that are out of date.

    None where they have to be computed by a job first.

    Raises:
        BadInput: If there is no such split, or no predictions for it.
        RunDamaged: If a file of its probabilities cannot be read.
    """
    found = stored(workspace, run, split, with_tta=with_tta)
    if found is not None and found.is_current:
        if run.score != found.scored.measured and not with_tta:
            run_scores.keep(workspace, run, split, found.scored.measured)
        return found
    if is_cheap(workspace, run, split):
        return compute(workspace, run, split, with_tta=with_tta)
    return found


def is_cheap(workspace: Workspace, run: Run, split: str) -> bool:
    """Return whether the figures of a split are computed at once."""
    try:
        return run_predictions.n_stored(workspace, run.run_id, split) <= MAX_INLINE
    except NotFound:
        return True  # The attempt says what is missing.


def keep_scores(workspace: Workspace, *, most: int = MOST_KEPT) -> None:
    """Measure the score of runs of earlier versions, which did not keep it or had another interval.

    The newest come first. Those with many images and without stored figures are left to the job.

    Args:
        most: Runs at once.
    """
    for run in [] if workspace.is_read_only else runs.without_score(workspace)[:most]:
        with contextlib.suppress(PeakidError):  # What is wrong with a run is said where it is opened.
            of_run(workspace, run, run_scores.split_of(run))


def _path(workspace: Workspace, run: Run, split: str, *, with_tta: bool) -> Path:
    suffix = "-tta" if with_tta else ""
    return (
        runs.folder(workspace, run.run_id) / f"figures_{report.checked_split(run.run_id, split)}{suffix}.json"
    )


def _document(figures: Figures) -> dict[str, Any]:
    return {
        "version": VERSION,
        "state": asdict(figures.state),
        "scored": figures.scored.to_json(),
        "n_errors": figures.n_errors,
        "worst": asdict(figures.worst),
        "unconfirmed": _cells(figures.unconfirmed),
        "n_doubtful": figures.n_doubtful,
        "doubtful_ids": list(figures.doubtful_ids),
        "one_per_group": _cells(figures.one_per_group),
    }


def _figures(document: object, run: Run) -> Figures | None:
    """Read a stored document; None for one of another version."""
    if not isinstance(document, Mapping) or document["version"] != VERSION:
        return None
    scored = report.from_json(document["scored"])
    n_classes = len(scored.class_names)
    return Figures(
        scored=replace(scored, n_test_looks=run.n_test_looks),
        state=FiguresState(**document["state"]),
        n_errors=document["n_errors"],
        worst=ErrorList(**{name: tuple(column) for name, column in document["worst"].items()}),
        unconfirmed=_matrix(document["unconfirmed"], n_classes),
        n_doubtful=document["n_doubtful"],
        doubtful_ids=tuple(document["doubtful_ids"]),
        one_per_group=_matrix(document["one_per_group"], n_classes),
    )


def _cells(matrix: np.ndarray) -> list[list[int]]:
    """Return (row, column, count) of each cell that is not empty: most of a large matrix are."""
    rows, columns = np.nonzero(matrix)
    return np.stack([rows, columns, matrix[rows, columns]], axis=1).tolist()


def _matrix(cells: Sequence[Sequence[int]], n_classes: int) -> np.ndarray:
    """Return int64 of shape (K, K) from the cells that are not empty."""
    found = np.zeros((n_classes, n_classes), dtype=np.int64)
    if cells:
        rows, columns, counts = np.array(cells, dtype=np.int64).T
        found[rows, columns] = counts
    return found
