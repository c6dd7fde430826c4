"""The results of the jobs that evaluate a run. `results` reads these and all others."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from peakid.evaluate.comparing.bought import Bought


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
class AttributionResult:
    """What decisions bought, measured by training with and without them.

    Attributes:
        run_id: The run whose recipe was trained.
        title: The decisions that were left out, in words.
        seeds: Of the models, in their order; two models for each.
        runs_without: The runs trained without the decisions so far, one for each seed, as `runs_with`.
        n_relabelled: Training images whose label they changed; `n_added` they brought, `n_removed` they
            took out.
        dropped_classes: Classes that one of the models could not learn: their images are left out of both.
        bought: None until all models are trained.
    """

    kind: ClassVar[str] = "attribute"
    run_id: int = 0
    title: str = ""
    split: str = "valid"
    seeds: tuple[int, ...] = ()
    runs_without: tuple[int, ...] = ()
    runs_with: tuple[int, ...] = ()
    n_relabelled: int = 0
    n_added: int = 0
    n_removed: int = 0
    dropped_classes: tuple[str, ...] = ()
    bought: Bought | None = None
