"""How many labels of a score were reviewed because a model ranked them, and the accuracy without these."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from peakid.evaluate import score_text, scored_images
from peakid.evaluate.trust import grouped
from peakid.records import Run
from peakid.store.workspace import Workspace

MOST_LOADED = 50_000
_SPLITS = {"train": "training", "valid": "validation", "test": "test", "cv": "cross-validated"}


@dataclass(frozen=True)
class RankedLabels:
    """The part of a score that models had a say in.

    A label that was corrected where a model pointed agrees with models more often than one that was corrected
    by chance, so the accuracy on the others is the fairer one.

    Attributes:
        n_images: All images of the score.
        n_ranked: Those whose label was reviewed where a model ranked it, before the snapshot was frozen.
        accuracy_of_others: Of the images without such a review, 0..1. None where no image or every one has
            such a review, and of a split with more than `MOST_LOADED` images, which takes seconds to load.
        interval_of_others: Its 95 % interval.
    """

    split: str
    n_images: int
    n_ranked: int
    accuracy_of_others: float | None
    interval_of_others: tuple[float, float] | None

    @property
    def sentence(self) -> str:
        """What to know beside the score; empty where no model had a say."""
        if not self.n_ranked:
            return ""
        was = "was" if self.n_ranked == 1 else "were"
        text = (
            f"{self.n_ranked:,} of {self.n_images:,} {_SPLITS[self.split]} labels {was} reviewed because a"
            " model doubted or suggested them"
        )
        if self.accuracy_of_others is None:
            return f"{text}."
        n_others = self.n_images - self.n_ranked
        others = score_text.score(self.accuracy_of_others, self.interval_of_others, n_others)
        return f"{text}. Accuracy on the others: {others}."

    def to_json(self) -> dict[str, Any]:
        """Return it as `--json` prints it."""
        interval = self.interval_of_others
        document = {name: value for name, value in asdict(self).items() if name != "split"}
        return document | {"interval_of_others": list(interval) if interval else None}


def find(workspace: Workspace, run: Run, split: str, *, with_tta: bool = False) -> RankedLabels:
    """Return which part of a score is about labels that were reviewed because a model ranked them.

    It counts no look at test: the caller does.
    """
    ranked = _ranked(workspace, run, split)
    n_images = _n_images(workspace, run, split)
    if not ranked or n_images > MOST_LOADED:
        return RankedLabels(split, n_images, len(ranked), None, None)
    images = scored_images.load(workspace, run, split, with_tta=with_tta)
    is_ranked = np.isin(images.image_ids, list(ranked))  # (N,)
    is_right, groups = images.is_right[~is_ranked], images.groups[~is_ranked]
    n_others = len(is_right)
    return RankedLabels(
        split=split,
        n_images=len(images),
        n_ranked=int(is_ranked.sum()),
        accuracy_of_others=float(is_right.mean()) if n_others else None,
        interval_of_others=grouped.share_interval(is_right, groups) if n_others else None,
    )


def _ranked(workspace: Workspace, run: Run, split: str) -> set[int]:
    """Return the images with a marked judgement from before the snapshot of the run, unless it was undone."""
    rows = workspace.query(
        # The images that people judged are the fewest: they lead.
        "SELECT DISTINCT s.image_id FROM image_state s CROSS JOIN prediction p ON p.image_id = s.image_id"
        " JOIN decision d ON d.image_id = s.image_id"
        " WHERE s.actor GLOB 'human:*' AND s.is_reviewed = 1 AND p.run_id = ? AND p.split = ?"
        " AND d.verdict = 'label' AND json_extract(d.basis, '$.model_ranked')"
        " AND d.decided_at <= (SELECT frozen_at FROM snapshot WHERE id = ?)",
        (run.run_id, split, run.snapshot_id),
    )
    return {row["image_id"] for row in rows}


def _n_images(workspace: Workspace, run: Run, split: str) -> int:
    row = workspace.one(
        "SELECT COUNT(*) AS n FROM prediction WHERE run_id = ? AND split = ?", (run.run_id, split)
    )
    return row["n"] if row else 0
