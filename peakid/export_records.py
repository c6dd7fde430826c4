"""Records of how an export was checked: its figures by format, and when a photo is called unfamiliar."""

from collections.abc import Mapping
from dataclasses import dataclass, field

N_BATCH = 32  # Images that a file predicts at once where its time for a batch is measured.


@dataclass(frozen=True)
class Latency:
    """How long a call took on the machine that exported: half of `n_calls` were faster than p50."""

    p50_ms: float
    p95_ms: float
    n_calls: int


@dataclass(frozen=True)
class Disagreement:
    """An image for which a file's first choice is not the run's. Confidences are in 0..1."""

    digest: str
    given_label: str
    run_label: str
    run_confidence: float
    file_label: str
    file_confidence: float


@dataclass(frozen=True)
class FormatFigures:
    """How one format was checked on the validation images.

    Attributes:
        n_images: Images that were predicted.
        agreement: Share of them with the run's first choice; choices within the tolerance count as the same.
        max_abs_diff: The largest difference of a probability.
        n_right: Images predicted as labelled at the training; None = their labels were not known.
        accuracy_interval: 95 %; near duplicates count once, as often as they agree.
        disagreements: The images on which it differs, in their order.
        one_image: One image, from pixels to probabilities.
        batch: `N_BATCH` images at once.
        decoded: One image, from the bytes of its file.
        n_bytes: Size of the file or files of the format.
    """

    n_images: int
    agreement: float
    max_abs_diff: float
    n_right: int | None = None
    accuracy_interval: tuple[float, float] | None = None
    disagreements: tuple[Disagreement, ...] = ()
    one_image: Latency | None = None
    batch: Latency | None = None
    decoded: Latency | None = None
    n_bytes: int | None = None

    @property
    def accuracy(self) -> float | None:
        """Return the share of images that are predicted as labelled, 0..1."""
        return None if self.n_right is None or not self.n_images else self.n_right / self.n_images


@dataclass(frozen=True)
class FamiliarFigures:
    """How the reference for unfamiliar photos was made.

    Attributes:
        n_reference: Training images it was made of.
        n_valid: Validation images that the threshold was chosen on.
        share: Share of validation images that are called unfamiliar, 0..1.
        threshold: Distance above which a photo is unfamiliar.
        unfamiliar: The digests of these validation images.
    """

    n_reference: int
    n_valid: int
    share: float
    threshold: float
    unfamiliar: tuple[str, ...] = ()


@dataclass(frozen=True)
class ExportFigures:
    """How an export was checked.

    Attributes:
        formats: By format; empty for exports of earlier versions.
        n_valid: Validation images of the run. Each was predicted unless a format has fewer `n_images`.
        machine: On which the times were measured.
        familiar: None = the export has no reference, and calls no photo unfamiliar.
    """

    formats: Mapping[str, FormatFigures] = field(default_factory=dict)
    n_valid: int = 0
    machine: str = ""
    familiar: FamiliarFigures | None = None


NO_FIGURES = ExportFigures()
