"""The validation accuracy of a run with its interval: the score by which runs are chosen."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from peakid.evaluate import score_text
from peakid.evaluate.intervals import wilson
from peakid.records import Run, Snapshot


@dataclass(frozen=True)
class RunScore:
    """One measured score.

    Attributes:
        share: Accuracy in 0..1.
        interval: Its 95 % interval, lower and upper bound in 0..1.
        n_images: Images it was measured on: of the split `valid`, or all where the run was cross-validated.
    """

    run_id: int
    snapshot_id: int
    share: float
    interval: tuple[float, float]
    n_images: int

    def text(self) -> str:
        """Return the score as `91 % (80-96 %, n = 55)`."""
        return score_text.score(self.share, self.interval, self.n_images)


def of(run: Run, snapshot: Snapshot) -> RunScore | None:
    """Return the score of a run; None where it has none.

    Args:
        snapshot: The one it was trained on, for the number of images.
    """
    share = run.metrics.get("accuracy")
    n_images = snapshot.n_images if run.recipe.get("folds") else snapshot.splits.get("valid", 0)
    if run.is_imported:  # It may lack images.
        n_images = int(run.metrics.get("n_valid", 0))
    if share is None or not n_images:
        return None
    interval = wilson(round(share * n_images), n_images)
    return RunScore(run.run_id, run.snapshot_id, share, interval, n_images)


def of_runs(runs: Iterable[Run], snapshots: Mapping[str, Snapshot]) -> list[RunScore]:
    """Return the scores of the runs that have one, in their order.

    Args:
        snapshots: By digest.
    """
    found = [of(run, snapshots[run.snapshot_digest]) for run in runs if run.snapshot_digest in snapshots]
    return [each for each in found if each is not None]
