"""What the tabs of the Evaluate page are about: one run on one split, and its figures."""

from dataclasses import dataclass
from functools import cached_property

from peakid.evaluate.figures import Figures
from peakid.evaluate.report import EvaluationReport
from peakid.evaluate.scored_images import ScoredImages
from peakid.records import Run
from peakid.store.workspace import Workspace
from peakid.web.evaluation import loaded_images


@dataclass(frozen=True)
class EvaluationView:
    """The chosen run and split. The split test is reached only after its look was counted.

    Attributes:
        figures: What is shown at once: its score, the matrix, the worst errors. They are stored, so a million
            images cost no time; they say whether they are out of date.
        others: The other runs that have predictions, newest first.
    """

    workspace: Workspace
    run: Run
    split: str
    figures: Figures
    others: tuple[Run, ...]
    actor: str

    @property
    def scored(self) -> EvaluationReport:
        """Its score, with the choice of test-time augmentation."""
        return self.figures.scored

    @cached_property
    def images(self) -> ScoredImages:
        """Its predictions, read when a tab first needs them and kept: seconds for a million images."""
        return loaded_images.load(self.workspace, self.run, self.split, with_tta=self.scored.tta is not None)
