"""The results of the jobs that evaluate a run. `results` reads these and all others."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar


@dataclass(frozen=True)
class FiguresResult:
    """The figures of a run were computed.

    Attributes:
        n_images: Images by split.
        has_probe: Whether there were embeddings for the linear probe.
    """

    kind: ClassVar[str] = "evaluate"
    run_id: int = 0
    n_images: Mapping[str, int] = field(default_factory=dict)
    has_probe: bool = False


@dataclass(frozen=True)
class OpenSetResult:
    """The set of new photos that a run predicted.

    Attributes:
        n_unread: Files that could not be read.
        n_known: Photos that were left out, since they are in the snapshot of the run.
        is_alarm: Whether they differ from the images of the split; None = too few to tell.
    """

    kind: ClassVar[str] = "open-set"
    run_id: int = 0
    set_id: int | None = None
    n_images: int = 0
    n_unread: int = 0
    n_known: int = 0
    is_alarm: bool | None = None


@dataclass(frozen=True)
class LearningCurveResult:
    """The learning curve of a run was stored.

    Attributes:
        n_fits: Fits or trainings that it was measured with.
        sentence: What more images would gain.
    """

    kind: ClassVar[str] = "learning-curve"
    run_id: int = 0
    n_fits: int = 0
    n_train: int = 0
    n_valid: int = 0
    sentence: str = ""
    seconds: float = 0.0
