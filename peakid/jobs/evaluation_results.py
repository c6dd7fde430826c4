"""The results of the jobs that evaluate a run. `results` reads these and all others."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from peakid.engines.records import EngineUse
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


@dataclass(frozen=True)
class HeatMapsResult:
    """The heat maps that were asked for and are stored now.

    Attributes:
        split: '' for the map of one image.
        n_images: Images that have at least one of the maps.
        n_trusted: Of the `n_maps`, those that passed their tests.
        digest, class_name: Of the map of one image; '' for those of a split.
        n_unread: Images whose files could not be read; `unread` lists the first hundred, with the reason.
        engine: What one was used for; None without one.
    """

    kind: ClassVar[str] = "heat-maps"
    run_id: int = 0
    split: str = ""
    n_images: int = 0
    n_maps: int = 0
    n_trusted: int = 0
    digest: str = ""
    class_name: str = ""
    n_unread: int = 0
    unread: tuple[str, ...] = ()
    engine: EngineUse | None = None
