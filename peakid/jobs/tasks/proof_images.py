"""Which images an export is proven on, and by which training images it tells unfamiliar photos."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from peakid.dataset import snapshot as snapshots
from peakid.evaluate.trust import grouped
from peakid.records import Run
from peakid.store import images, run_predictions, tombstones
from peakid.store.workspace import Workspace

MAX_IMAGES = 2000  # Of validation: an agreement of all of them has an interval of 0.2 points.
MAX_LEARNED = 1000  # Training images: their means and spread hardly change with more.
SEED = 7


@dataclass(frozen=True)
class ProofImages:
    """The validation images of a proof.

    Attributes:
        pred_probs: What the saved model predicts for them, float32 (n, K).
        given_labels: At the training; empty for a model that was refitted on them: it has no score there.
        groups: int64 of shape (n,), equal for near duplicates.
        n_valid: Validation images of the run that still exist; above 2,000 the others are a sample.
    """

    digests: Sequence[str]
    pred_probs: np.ndarray
    given_labels: Sequence[str]
    groups: np.ndarray
    n_valid: int

    def interval(self, is_right: np.ndarray) -> tuple[float, float]:
        """Return the 95 % interval of an accuracy as that of the run is measured, from bool of shape (n,)."""
        return grouped.share_interval(is_right, self.groups)


def of(workspace: Workspace, run: Run, *, most: int = MAX_IMAGES) -> ProofImages:
    """Return the validation images of a run; of more than `most`, the same sample each time.

    Images that were forgotten since are left out.

    Raises:
        NotFound, RunDamaged: As `run_predictions.pred_probs`.
    """
    digests, pred_probs = run_predictions.of_saved_model(workspace, run.run_id)
    forgotten = set(tombstones.digests(workspace))
    items = snapshots.items(workspace, run.snapshot_digest)
    labels = {item.digest: item.label for item in items}
    groups = {item.digest: item.group_key for item in items}
    kept = np.array([row for row, digest in enumerate(digests) if digest not in forgotten], dtype=np.int64)
    by_row = [labels.get(digests[row], "") for row in kept]
    rows = kept[stratified(by_row, most)]
    is_refit = run_predictions.has_pred_probs(workspace, run.run_id, run_predictions.REFIT)
    given = [labels.get(digests[row], "") for row in rows]
    return ProofImages(
        [digests[row] for row in rows],
        np.asarray(pred_probs[rows] if len(rows) else pred_probs[:0]),
        () if is_refit or not all(given) else given,
        np.unique([groups.get(digests[row], digests[row]) for row in rows], return_inverse=True)[1],
        len(kept),
    )


def learned(workspace: Workspace, run: Run, *, most: int = MAX_LEARNED) -> tuple[list[str], list[str]]:
    """Return the digests and labels of training images of a run; of more than `most`, a sample."""
    forgotten = set(tombstones.digests(workspace))
    trained = [
        item
        for item in snapshots.items(workspace, run.snapshot_digest)
        if item.split == "train" and item.digest not in forgotten
    ]
    chosen = [trained[row] for row in stratified([item.label for item in trained], most)]
    return [item.digest for item in chosen], [item.label for item in chosen]


def read(workspace: Workspace, digests: Sequence[str]) -> Iterator[tuple[str, bytes]]:
    """Yield the digest and the bytes of images."""
    return images.read_many(workspace, digests)


def stratified(labels: Sequence[str], most: int) -> np.ndarray:
    """Return the rows of at most `most` images, each class with its share, in their order; int64 (n,).

    The same labels give the same rows.
    """
    if len(labels) <= most:
        return np.arange(len(labels))
    shuffled = np.random.default_rng(SEED).permutation(len(labels))
    by_class = shuffled[np.argsort(np.array(labels)[shuffled], kind="stable")]
    # Evenly spaced among images that are ordered by class: each class gets its share.
    return np.sort(by_class[np.arange(most) * len(labels) // most])
