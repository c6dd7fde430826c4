"""What the tabs of the Evaluate page are about: one run on one split, and its score."""

from dataclasses import dataclass
from functools import cached_property

from peakid.evaluate import scored_images
from peakid.evaluate.report import EvaluationReport
from peakid.evaluate.scored_images import ScoredImages
from peakid.records import Run
from peakid.store.workspace import Workspace


@dataclass(frozen=True)
class EvaluationView:
    """The chosen run and split. The split test is reached only after its look was counted.

    Attributes:
        scored: Its score, with the choice of test-time augmentation.
        others: The other runs that have a model, newest first.
    """

    workspace: Workspace
    run: Run
    split: str
    scored: EvaluationReport
    others: tuple[Run, ...]
    actor: str

    @cached_property
    def images(self) -> ScoredImages:
        """Its predictions, read when a tab first needs them."""
        return scored_images.load(self.workspace, self.run, self.split, with_tta=self.scored.tta is not None)
