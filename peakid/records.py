"""The nouns of Peakid as frozen dataclasses, and its closed vocabularies as Literals."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from peakid.run_records import RunWarning, StartingWeights

Verdict = Literal[
    "label",    # The image shows `label` and may be trained on.
    "exclude",  # Never to be trained on; `reason` says why. Keeps its label.
    "flag",     # Someone must look again before it may be trained on. Keeps its label.
    "clear",    # Nothing is known of it: as it was before anyone judged.
]  # fmt: skip

Split = Literal[
    "train",  # The model learns from it.
    "valid",  # Choices among epochs and runs are made on it.
    "test",   # Looked at rarely, counted, never chosen by.
]  # fmt: skip

Source = Literal[
    "folder",  # ImageFolder on this machine.
    "zip",     # An archive of one.
    "csv",     # A table of paths and labels.
    "demo",    # Drawn by `peakid demo`.
]  # fmt: skip

RejectionReason = Literal[
    "not_an_image",       # Its bytes are no image format that Pillow knows.
    "unsupported_format", # An image format outside the allow-list.
    "unreadable",         # Begins like an image and cannot be decoded to the end.
    "too_many_pixels",    # Over the pixel cap; decoding it could exhaust the memory.
    "too_large",          # Over the byte cap.
    "empty",              # Zero bytes.
    "hidden",             # A dot-file or a file of the operating system (Thumbs.db).
    "missing_file",       # Named by a table, not there.
    "no_permission",      # There, and not allowed to be read.
    "forgotten",          # Removed for good earlier, by `peakid forget`; its bytes are not taken in again.
    "too_slow",           # Decoding it, alone, took longer than the limit.
    "too_much_memory",    # Decoding it, alone, took more memory than the limit.
    "crashes_decoder",    # The process that decodes it died of it, each time.
    "unsafe_path",        # Points outside the root: absolute, `..`, a link, a name that is not UTF-8.
]  # fmt: skip

StepKind = Literal["decide", "import", "undo", "redo"]

JobState = Literal[
    "queued",     # Waits for its lane.
    "running",    # Its process lives.
    "done",       # Ended as asked.
    "failed",     # Ended with an error in words.
    "cancelled",  # Ended because someone asked.
    "lost",       # Its process is gone without a word; it can be resumed.
]  # fmt: skip

Lane = Literal["gpu", "cpu", "net"]

DuplicateKind = Literal[
    "copy",   # Same bytes: one image, several origins.
    "exact",  # Same pixels, other bytes.
    "near",   # Looks the same, perhaps turned, cropped or in other colours; `distance` in bits of 128.
]  # fmt: skip

PairVerdict = Literal[
    "different",  # Not the same picture after all; never proposed again.
    "both",       # The same picture, and both are kept; they go on sharing a split.
    "open",       # Not judged, or taken back.
]  # fmt: skip

Resize = Literal[
    "crop",    # Short side to size, middle cut out: keeps proportions, loses the rim.
    "squish",  # Both sides to size: keeps everything, bends proportions.
    "pad",     # Long side to size, black rim: keeps both, spends pixels on the rim.
]  # fmt: skip

Report = Callable[[str, int, int, str], None]
"""Progress: (phase, step, total, message). total 0 = not known yet."""


def no_report(phase: str, step: int, total: int, message: str) -> None:
    """Swallow progress; the default where nobody watches."""


@dataclass(frozen=True)
class Credit:
    """Whose a picture is and where it can be seen, as far as its source says."""

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
    """What one import or collection brought. `n_added` counts new images, `n_known` files already held."""

    n_added: int
    n_known: int
    n_rejected: int
    rejections: list[RejectionRow]
    seconds: float


@dataclass(frozen=True)
class ScanReport:
    """What one scan for duplicates and image issues found. Counts are of the whole workspace, `n_scanned` of this scan.

    `n_conflicting_groups` counts groups, of any kind, whose images or origins carry different labels. `issues` counts
    images by kind of issue, under the thresholds of now.
    """

    n_scanned: int
    n_exact_groups: int
    n_near_groups: int
    n_conflicting_groups: int
    issues: dict[str, int]
    seconds: float


@dataclass(frozen=True)
class Choice:
    """One judgement a person makes, before it is a decision.

    `base_decision_id` is the decision the person saw (None: saw no decision, -1: did not look).
    `event_id` makes a repeated delivery of the same act harmless; '' lets the database name it.
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
    """What one step did.

    `conflicts` holds the digests of images that somebody else had judged since the actor looked: they
    are left as they are and told. `standing` holds, by digest, the decision that stands there instead.
    `remarked` holds the digests whose tags, note or further classes it changed.
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
    """One line of the history: a step, how many images it judged, and the first of its decisions."""

    step_id: int
    kind: StepKind
    actor: str
    made_at: str
    n_images: int
    first: Decision


@dataclass(frozen=True)
class QueueItem:
    """One image in a queue, and why; `score` in 0..1, low = more urgent. The next page begins behind the last `cursor`."""

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


@dataclass(frozen=True)
class ClassRow:
    """One class. `colour` is `#RRGGBB` where a person chose one; `merged_into` names the class its images went to."""

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
    """Images that must share a split. `key` is the smallest member digest; `labels` run beside `digests`."""

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
    """A frozen, digested set of images. `splits` counts images per split."""

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


@dataclass(frozen=True)
class Job:
    """One piece of queued work. `seconds` counts from its start to its end, or to now while it runs."""

    job_id: int
    kind: str
    lane: Lane
    state: JobState
    arguments: dict[str, Any]
    phase: str
    step: int
    total: int
    message: str
    metrics: dict[str, Any]
    error: str
    result: dict[str, Any]
    pid: int | None
    created_at: str
    started_at: str | None
    finished_at: str | None
    seconds: float
    actor: str = ""
    is_cancel_requested: bool = False
    heartbeat_at: str | None = None


@dataclass(frozen=True)
class Run:
    """One training. `path` is its folder, relative to the workspace; `metrics` are those of the best epoch.

    Attributes:
        starting_weights: None until the run ends.
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

    @property
    def started_from(self) -> str:
        """Return the starting weights as people read them; '' until the run ends."""
        return "" if self.starting_weights is None else self.starting_weights.text()


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


@dataclass(frozen=True)
class Export:
    """Weights, classes and preprocessing, usable without training code. `path` is absolute."""

    export_id: int
    run_id: int
    path: str
    files: list[dict[str, Any]]
    parity: dict[str, dict[str, float]]
    created_at: str
