"""The validation accuracy of a run with its interval: the score by which runs are chosen.

It is measured where the figures of a run are computed, with near duplicates counted once, and kept with the
run. Pages, commands, exports and reports show what is kept.
"""

import contextlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from peakid.errors import PeakidError
from peakid.evaluate import score_text
from peakid.evaluate.intervals import wilson
from peakid.records import Run, Snapshot
from peakid.run_records import MeasuredScore
from peakid.store import runs
from peakid.store.workspace import Workspace

IF_INDEPENDENT = "if no near duplicates"  # Beside an interval that was not measured yet.


@dataclass(frozen=True)
class RunScore:
    """One measured score.

    Attributes:
        share: Accuracy in 0..1.
        interval: Its 95 % interval, lower and upper bound in 0..1.
        n_images: Images it was measured on: of the split `valid`, or all where the run was cross-validated.
        is_by_groups: Whether near duplicates count once in the interval. False for a run whose figures were
            not computed yet, on a snapshot with near duplicates: the interval is then too narrow.
    """

    run_id: int
    snapshot_id: int
    share: float
    interval: tuple[float, float]
    n_images: int
    is_by_groups: bool = True

    def text(self) -> str:
        """Return the score as `91 % (80-96 %, n = 55)`."""
        note = "" if self.is_by_groups else IF_INDEPENDENT
        return score_text.score(self.share, self.interval, self.n_images, note=note)


def of(run: Run, snapshot: Snapshot) -> RunScore | None:
    """Return the score of a run as it is kept; None where it has none.

    Args:
        snapshot: The one it was trained on, for the number of images of a score that is not kept yet.
    """
    if kept := run.score:
        return RunScore(run.run_id, run.snapshot_id, kept.accuracy, kept.interval, kept.n_images)
    share = run.metrics.get("accuracy")
    n_images = snapshot.n_images if run.recipe.get("folds") else snapshot.splits.get("valid", 0)
    if run.is_imported:  # It may lack images.
        n_images = int(run.metrics.get("n_valid", 0))
    if share is None or not n_images:
        return None
    interval = wilson(round(share * n_images), n_images)
    are_single = snapshot.n_groups == snapshot.n_images
    return RunScore(run.run_id, run.snapshot_id, share, interval, n_images, are_single)


def of_runs(runs: Iterable[Run], snapshots: Mapping[str, Snapshot]) -> list[RunScore]:
    """Return the scores of the runs that have one, in their order.

    Args:
        snapshots: By digest.
    """
    found = [of(run, snapshots[run.snapshot_digest]) for run in runs if run.snapshot_digest in snapshots]
    return [each for each in found if each is not None]


def keep(workspace: Workspace, run: Run, split: str, measured: MeasuredScore) -> None:
    """Keep what was measured on a split, if it is the one by which runs are chosen."""
    if split != split_of(run):
        return
    with contextlib.suppress(PeakidError):  # It is shown anyway, and measured again next time.
        runs.keep_score(workspace, run.run_id, measured)


def split_of(run: Run) -> str:
    """Return the split whose accuracy is the score of a run."""
    return "cv" if run.recipe.get("folds") else "valid"
