"""The records that several packages share, as frozen dataclasses, and their vocabularies as Literals."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from peakid.export_records import NO_FIGURES, ExportFigures
from peakid.import_records import NO_READING, ImportReading, RejectionReason
from peakid.run_records import ImportedPredictions, MeasuredScore, RunWarning, StartingWeights

Verdict = Literal[
    "label",    # The image shows `label` and may be trained on.
    "exclude",  # Never trained on; `reason` says why. Keeps its label.
    "flag",     # Someone must look again before it is trained on. Keeps its label.
    "clear",    # No judgement: the state before the first decision.
]  # fmt: skip

Split = Literal[
    "train",  # The model learns from it.
    "valid",  # Epochs and runs are chosen by it.
    "test",   # For reporting only; each look at its score is counted.
]  # fmt: skip

Source = Literal[
    "folder",   # A folder on this machine.
    "zip",      # A zip archive of such a folder.
    "csv",      # A table of paths and labels: CSV, JSON lines or Parquet.
    "demo",     # Images that Peakid draws itself.
    "web",      # Fetched from the web, by lists of URLs or from a service.
    "feedback", # A photo whose prediction a person corrected.
]  # fmt: skip

StepKind = Literal["decide", "import", "undo", "redo"]

JobState = Literal[
    "queued",     # Waits in its queue.
    "running",    # Its process is alive.
    "done",       # Finished.
    "failed",     # Ended with an error message.
    "cancelled",  # Ended because someone cancelled it.
    "lost",       # Its process ended without reporting a result; it can be resumed.
]  # fmt: skip

Lane = Literal["gpu", "cpu", "net"]

DuplicateKind = Literal[
    "copy",      # Same bytes: one image, several origins.
    "exact",     # Same pixels, different bytes.
    "near",      # Looks the same, possibly turned, cropped or in other colours; `distance` in bits of 128.
    "proposed",  # A model takes them for copies of one picture; a person decides.
]  # fmt: skip

PairVerdict = Literal[
    "different",  # Not the same picture; never proposed again.
    "both",       # The same picture, and both are kept; they still share a split.
    "open",       # Not judged, or the judgement was undone.
]  # fmt: skip

Resize = Literal[
    "crop",    # Short side to size, centre crop: keeps proportions, loses the edges.
    "squish",  # Both sides to size: keeps everything, changes proportions.
    "pad",     # Long side to size, black border: keeps both, spends pixels on the border.
]  # fmt: skip

Report = Callable[[str, int, int, str], None]
"""Progress: (phase, step, total, message). A total of 0 means that it is not known yet."""


def no_report(phase: str, step: int, total: int, message: str) -> None:
    """Ignore progress; the default for `report`."""


@dataclass(frozen=True)
class Credit:
    """The author, licence and web page of an image, as far as its source gives them."""

    page_url: str | None = None
    licence: str | None = None
    author: str | None = None


NO_CREDIT = Credit()


@dataclass(frozen=True)
class RejectionRow:
    path: str
    reason: RejectionReason
    detail: str
    label: str | None = None


@dataclass(frozen=True)
class ImportReport:
    """Result of one import.

    `n_added` counts new images, `n_known` files that the workspace already had. `n_mended` counts images
    whose stored copy was damaged or missing and was written again.
    """

    n_added: int
    n_known: int
    n_rejected: int
    rejections: list[RejectionRow]
    seconds: float
    reading: ImportReading = NO_READING
    n_mended: int = 0


@dataclass(frozen=True)
class ScanReport:
    """Result of one scan for duplicates and image issues.

    `n_scanned` counts the images of this scan, all other figures are for the whole workspace. Each open group
    is counted once, under its kind, as the duplicates page shows it; `n_groups` is their sum.
    `n_conflicting_groups` counts those of any kind whose images or origins have different labels. `issues`
    counts images by kind of issue, at the current thresholds.
    """

    n_scanned: int
    n_exact_groups: int
    n_near_groups: int
    n_conflicting_groups: int
    issues: dict[str, int]
    seconds: float
    n_copy_groups: int = 0
    n_groups: int = 0


@dataclass(frozen=True)
class Choice:
    """One judgement of a person that is not stored as a decision yet.

    `base_decision_id` is the decision the person saw (None: there was none, -1: not checked).
    `event_id` identifies the action, so that it is stored once even if it is sent twice; '' generates one.
    """

    digest: str
    verdict: Verdict
    label: str | None = None
    reason: str = ""
    base_decision_id: int | None = -1
    event_id: str = ""
    basis: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Decision:
    decision_id: int
    step_id: int
    digest: str
    path: str
    verdict: Verdict
    label: str | None
    reason: str
    actor: str
    decided_at: str
    undoes: int | None


@dataclass(frozen=True)
class StepResult:
    """Result of one step.

    `conflicts` holds the digests of images that another person judged after the actor loaded them; they are
    not changed. `standing` holds, by digest, the decision that they have instead. `remarked` holds the
    digests whose tags, note, further classes or marks as typical were changed.
    """

    step_id: int | None
    decisions: list[Decision]
    conflicts: list[str] = field(default_factory=list)
    standing: dict[str, Decision] = field(default_factory=dict)
    remarked: list[str] = field(default_factory=list)

    @property
    def n_images(self) -> int:
        return len({decision.digest for decision in self.decisions} | set(self.remarked))


@dataclass(frozen=True)
class StepRow:
    """One row of the history: a step, the number of images it judged, and its first decision."""

    step_id: int
    kind: StepKind
    actor: str
    made_at: str
    n_images: int
    first: Decision


@dataclass(frozen=True)
class QueueItem:
    """One image in a queue and the reason why it is there.

    `score` is in 0..1, low = more urgent. The next page of the queue starts after the last `cursor`.
    `is_typical`: a person marked it as typical of its label. `predicted` is the predicted label, by the name
    that the class had, where `reason` shows it.
    """

    image_id: int
    digest: str
    path: str
    label: str | None
    verdict: Verdict
    is_reviewed: bool
    reason: str
    score: float | None
    decision_id: int | None
    cursor: str = ""
    tags: tuple[str, ...] = ()
    note: str | None = None
    also_shows: tuple[str, ...] = ()
    origin_url: str | None = None
    licence: str | None = None
    author: str | None = None
    is_typical: bool = False
    predicted: str | None = None


@dataclass(frozen=True)
class ClassRow:
    """One class. `colour` is `#RRGGBB` if a person chose one; `merged_into` is set after a merge."""

    class_name: str
    n_images: int
    n_reviewed: int
    is_retired: bool
    position: int
    colour: str | None = None
    note: str = ""
    merged_into: str | None = None


@dataclass(frozen=True)
class Group:
    """Images that must share a split. `key` is the smallest digest; `labels` has the order of `digests`."""

    key: str
    digests: tuple[str, ...]
    labels: tuple[str, ...]


@dataclass(frozen=True)
class SnapshotItem:
    digest: str
    path: str
    label: str
    split: Split
    group_key: str


@dataclass(frozen=True)
class Snapshot:
    """A frozen, digested set of images.

    Attributes:
        splits: Images per split.
        n_compared: Images that had been compared with all others when it was frozen; None = not known.
    """

    snapshot_id: int
    digest: str
    name: str
    seed: int
    class_names: list[str]
    n_images: int
    n_groups: int
    n_leaks: int
    n_unreviewed: int
    splits: dict[str, int]
    created_at: str
    n_compared: int | None = None


@dataclass(frozen=True)
class Run:
    """One training. `path` is its folder, relative to the workspace; `metrics` are from the best epoch.

    Attributes:
        n_ranks: Processes that trained it together, over which each batch was split.
        engine: What ran them, such as `local` or `ray`; '' for one.
        starting_weights: None until the run ends.
        score: None until it is measured.
        imported: Where its predictions come from, if they were imported: it has no recipe and no model then.
    """

    run_id: int
    job_id: int | None
    snapshot_id: int
    snapshot_digest: str
    snapshot_name: str
    state: JobState
    recipe: dict[str, Any]
    class_names: list[str]
    seed: int
    code_version: str
    libraries: dict[str, str]
    device: str
    n_workers: int
    starting_weights: StartingWeights | None
    best_epoch: int | None
    metrics: dict[str, float]
    warnings: list[RunWarning]
    path: str
    created_at: str
    finished_at: str | None
    seconds: float | None
    n_test_looks: int
    imported: ImportedPredictions | None = None
    score: MeasuredScore | None = None
    n_ranks: int = 1
    engine: str = ""

    @property
    def accuracy(self) -> float | None:
        """Return the accuracy by which runs are chosen, 0..1: as measured last, else that of its training."""
        return self.score.accuracy if self.score else self.metrics.get("accuracy")

    @property
    def is_imported(self) -> bool:
        """Return whether another program made its predictions."""
        return self.imported is not None

    @property
    def started_from(self) -> str:
        """Return the starting weights as people read them; '' until the run ends."""
        return "" if self.starting_weights is None else self.starting_weights.text()

    @property
    def trained_on(self) -> str:
        """Return the device as people read it: `cpu, 2 ranks (ray)`; '' until the run ends."""
        return self.device if self.n_ranks == 1 else f"{self.device}, {self.n_ranks} ranks ({self.engine})"

    @property
    def has_model(self) -> bool:
        """Return whether it kept a model: it finished, or was cancelled after an epoch."""
        return self.best_epoch is not None

    @property
    def is_cross_validated(self) -> bool:
        """Return whether every image was predicted by a model of another fold; none of them is kept."""
        return bool(self.recipe.get("folds")) and self.state == "done"

    @property
    def has_score(self) -> bool:
        """Return whether it has predictions that can be evaluated."""
        return self.has_model or self.is_cross_validated or self.is_imported


@dataclass(frozen=True)
class EpochMetrics:
    epoch: int
    phase: str
    train_loss: float
    valid_loss: float
    accuracy: float
    learning_rate: float
    seconds: float


@dataclass(frozen=True)
class Prediction:
    digest: str
    split: str
    given_label: str
    predicted_label: str
    confidence: float
    is_out_of_sample: bool


ExportStage = Literal[
    "candidate",  # Not decided yet: the stage of a new export.
    "current",    # The one in use; at most one of a workspace.
    "retired",    # No longer to be used.
]  # fmt: skip


@dataclass(frozen=True)
class Export:
    """A model with its classes and preprocessing, usable without training code.

    Attributes:
        path: Absolute.
        is_foreign: Whether only a restored backup says that it is there, outside the workspace.
        figures: How its files were checked; without formats for exports of earlier versions.
    """

    export_id: int
    run_id: int
    path: str
    files: list[dict[str, Any]]
    parity: dict[str, dict[str, float]]
    created_at: str
    is_foreign: bool = False
    stage: ExportStage = "candidate"
    figures: ExportFigures = NO_FIGURES
