"""The result of each kind of job as a frozen record, and its form in the database and in `--json`."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, ClassVar, Literal

from pydantic import TypeAdapter, ValidationError

from peakid.engines.records import EngineUse
from peakid.export_records import NO_FIGURES, ExportFigures
from peakid.jobs.albums.results import PreviewAlbumsResult, UndoAlbumsResult, WriteAlbumsResult
from peakid.jobs.evaluation_results import (
    AttributionResult,
    FiguresResult,
    HeatMapsResult,
    LearningCurveResult,
    OpenSetResult,
)
from peakid.jobs.image_results import (
    BrowseResult,
    ChangedCopiesResult,
    CollectResult,
    EmbedResult,
    ImportResult,
    IndexResult,
    MapResult,
    NameImagesResult,
    RetrainResult,
    ScanResult,
    SimilarResult,
    VerifyResult,
)
from peakid.records import JobState

Settings = Mapping[str, Any]
"""Values of a recipe by the name of their field."""


@dataclass(frozen=True)
class TrainResult:
    """The run that the job trains; known as soon as it begins.

    Attributes:
        engine: What the folds of a cross-validation have used; None where the job trains them itself.
    """

    kind: ClassVar[str] = "train"
    run_id: int | None = None
    engine: EngineUse | None = None


@dataclass(frozen=True)
class RateFinderResult:
    """The curve of an LR finder: a smoothed loss for each of `rates`; `suggestions` are rates by name."""

    kind: ClassVar[str] = "lr-find"
    suggestions: Mapping[str, float] = field(default_factory=dict)
    rates: tuple[float, ...] = ()
    losses: tuple[float, ...] = ()


@dataclass(frozen=True)
class PhaseEstimate:
    """`extra_s` is spent once, `epoch_s` on each epoch."""

    name: str
    epochs: int
    image_size_px: int
    batch_size: int
    epoch_s: float
    extra_s: float
    memory_mb: float

    @property
    def seconds(self) -> float:
        return self.extra_s + self.epochs * self.epoch_s


@dataclass(frozen=True)
class InputImage:
    """An image as the model receives it in a phase; `file` is within the estimate's folder."""

    phase: str
    label: str
    file: str


@dataclass(frozen=True)
class EstimateResult:
    """What a training would take.

    Attributes:
        seconds: Of the whole training, without loading the libraries.
        pretrained: What the training would start from, in words.
        notes: Sentences about automatic choices.
        seen: Images as the model would receive them.
        folder: Where their files are, relative to the workspace.
    """

    kind: ClassVar[str] = "estimate"
    seconds: float = 0.0
    memory_mb: float = 0.0
    decode_s: float = 0.0
    predict_s: float = 0.0
    device: str = ""
    pretrained: str = ""
    notes: tuple[str, ...] = ()
    phases: tuple[PhaseEstimate, ...] = ()
    seen: tuple[InputImage, ...] = ()
    folder: str = ""


@dataclass(frozen=True)
class TrialResult:
    """One combination of a sweep. `accuracy` and `valid_loss` are on validation; None where it failed."""

    run_id: int
    settings: Settings = field(default_factory=dict)
    state: JobState = "done"
    accuracy: float | None = None
    valid_loss: float | None = None
    seconds: float = 0.0
    error: str = ""


@dataclass(frozen=True)
class SkippedTrial:
    settings: Settings
    reason: str


Verdict = Literal[
    "base_failed",  # The unchanged recipe has no score, so there is nothing to compare with.
    "only_base",    # No other combination has a score.
    "no_change",    # No other combination has a lower validation loss.
    "equal",        # The best combination makes as many errors as the unchanged recipe.
    "luck",         # It makes fewer or more, but not significantly.
    "better",
    "worse",
]  # fmt: skip


@dataclass(frozen=True)
class SweepFinding:
    """Whether the best combination of a sweep is significantly better than the unchanged recipe.

    Attributes:
        best: Settings of the best combination; empty where it is the unchanged recipe.
        n_others: Combinations other than the unchanged recipe that have a score.
        n_common: Validation images that both predicted; only one got `n_only_best` and `n_only_base` right.
        p: Of McNemar's test, multiplied by `n_others` (Bonferroni): the best of many is often the luckiest.
    """

    verdict: Verdict
    best: Settings = field(default_factory=dict)
    base_loss: float = 0.0
    best_loss: float = 0.0
    n_others: int = 0
    n_common: int = 0
    n_only_best: int = 0
    n_only_base: int = 0
    p: float = 1.0


@dataclass(frozen=True)
class SweepResult:
    """The trials of a sweep so far.

    Attributes:
        trials: In the order in which they ran, the unchanged recipe first.
        best: The trial with the lowest validation loss; None where none has one.
        not_tried: Combinations for which there was no time.
        skipped: Combinations whose settings exclude each other.
        finding: `comparison` as a sentence; '' before the sweep has ended.
        comparison: None before the sweep has ended, and in sweeps of earlier versions.
    """

    kind: ClassVar[str] = "sweep"
    n_trials: int = 0
    trials: tuple[TrialResult, ...] = ()
    best: TrialResult | None = None
    not_tried: tuple[Settings, ...] = ()
    skipped: tuple[SkippedTrial, ...] = ()
    finding: str = ""
    comparison: SweepFinding | None = None


@dataclass(frozen=True)
class TtaResult:
    """`n_images` counts the scored images by split; `engine` is what one was used for."""

    kind: ClassVar[str] = "tta"
    run_id: int = 0
    n_views: int = 0
    n_images: Mapping[str, int] = field(default_factory=dict)
    engine: EngineUse | None = None


@dataclass(frozen=True)
class ExportResult:
    """The export, as in `records.Export`; `engine` is what one was used for."""

    kind: ClassVar[str] = "export"
    export_id: int | None = None
    path: str | None = None
    files: tuple[Mapping[str, Any], ...] = ()
    parity: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    figures: ExportFigures = NO_FIGURES
    engine: EngineUse | None = None


@dataclass(frozen=True)
class BundleResult:
    """Attributes:
    path: Of the zip file or the page, absolute.
    files: The names of the files in the zip; empty for a page.
    bytes: Its size.
    """

    kind: ClassVar[str] = "bundle"
    export_id: int | None = None
    path: str | None = None
    files: tuple[str, ...] = ()
    bytes: int = 0


Result = (
    TrainResult
    | RateFinderResult
    | EstimateResult
    | SweepResult
    | TtaResult
    | AttributionResult
    | ExportResult
    | BundleResult
    | VerifyResult
    | ScanResult
    | ChangedCopiesResult
    | ImportResult
    | CollectResult
    | RetrainResult
    | BrowseResult
    | MapResult
    | IndexResult
    | EmbedResult
    | SimilarResult
    | NameImagesResult
    | FiguresResult
    | OpenSetResult
    | LearningCurveResult
    | HeatMapsResult
    | PreviewAlbumsResult
    | WriteAlbumsResult
    | UndoAlbumsResult
)

_ADAPTERS: dict[str, TypeAdapter[Result]] = {
    kind.kind: TypeAdapter(kind)
    for kind in (
        TrainResult,
        RateFinderResult,
        EstimateResult,
        SweepResult,
        TtaResult,
        AttributionResult,
        ExportResult,
        BundleResult,
        VerifyResult,
        ScanResult,
        ChangedCopiesResult,
        ImportResult,
        CollectResult,
        RetrainResult,
        BrowseResult,
        MapResult,
        IndexResult,
        EmbedResult,
        SimilarResult,
        NameImagesResult,
        FiguresResult,
        OpenSetResult,
        LearningCurveResult,
        HeatMapsResult,
        PreviewAlbumsResult,
        WriteAlbumsResult,
        UndoAlbumsResult,
    )
}


def document(result: Result) -> dict[str, Any]:
    """Return a result as stored in `job.result` and printed by `--json`."""
    return asdict(result)


def parse(kind: str, stored: Mapping[str, Any]) -> Result | None:
    """Return a stored result as a record; missing keys get their defaults.

    None where there is none yet, for an unknown kind of job, and for values of another shape, as a newer
    version may have written: the list of jobs still has to show such a job.
    """
    try:
        return _ADAPTERS[kind].validate_python(stored) if stored and kind in _ADAPTERS else None
    except ValidationError:
        return None


def ranked(trials: Sequence[TrialResult]) -> list[TrialResult]:
    """Return trials by validation loss, lowest first, then by accuracy. Failed ones come last.

    The loss decides, as among the epochs of a run: accuracies on a small validation split are often equal.
    """
    return sorted(trials, key=lambda each: (_loss(each), -(each.accuracy or 0.0)))


def best(trials: Sequence[TrialResult]) -> TrialResult | None:
    """Return the first of `ranked`, or None where no trial has a validation loss."""
    return next((each for each in ranked(trials) if each.valid_loss is not None), None)


def _loss(trial: TrialResult) -> float:
    return math.inf if trial.valid_loss is None else trial.valid_loss
