"""What a run states about itself: the weights it started from, and warnings about its score."""

from dataclasses import dataclass
from typing import Literal, TypedDict

WeightsKind = Literal[
    "random",    # None were used; `note` says why.
    "imagenet",  # A published file of ImageNet weights.
    "file",      # A weights file of the user's.
    "run",       # The model of an earlier run.
]  # fmt: skip


@dataclass(frozen=True)
class StartingWeights:
    """The weights that a training really started from.

    Attributes:
        file_name: '' for random weights.
        sha256: Of the file, its first hex digits at least; '' for random weights.
        run_id: The earlier run, where `kind` is `run`.
        note: Why the weights are random, or how the file was obtained.
    """

    kind: WeightsKind
    file_name: str = ""
    sha256: str = ""
    run_id: int | None = None
    note: str = ""

    @property
    def is_pretrained(self) -> bool:
        return self.kind != "random"

    def text(self) -> str:
        """Return the weights as text: `ImageNet weights (resnet18-f37072fd.pth, SHA-256 f37072fd)`."""
        if self.kind == "run":
            return f"the model of run {self.run_id} (SHA-256 {self.sha256[:8]})"
        name = {"random": "random weights", "imagenet": "ImageNet weights", "file": "weights file"}[self.kind]
        sha256 = f"SHA-256 {self.sha256[:8]}" if self.sha256 else ""
        details = ", ".join(part for part in (self.file_name, sha256, self.note) if part)
        return f"{name} ({details})" if details else name


WarningKind = Literal[
    "collapsed",       # It predicts one class for every validation image.
    "overfitting",     # The validation loss rose while the training loss fell.
    "high_rate",       # The learning rate of a phase is too high.
    "random_weights",  # Pretrained weights were requested and not found.
    "unused_gpu",      # It ran on the CPU of a machine that has a GPU.
    "small_class",     # A class has too few images in a split.
    "partial_data",    # It learned from a share of the images.
    "pixel_cache",     # The pixel cache was damaged, full or not writable.
    "chosen_setting",  # A setting that was measured or calculated: batch size, epochs, learning rate.
    "low_memory",      # Batches were split because of the device's memory.
    "no_checkpoint",   # A checkpoint could not be written.
    "stopped_early",   # It was cancelled after some epochs.
    "restarted",       # A rank was lost, and the ranks continued from the newest checkpoint.
    "started_anew",    # It was resumed without a checkpoint, and its first epochs were trained again.
    "incomplete",      # Imported predictions lack images, or the probabilities of the other classes.
    "failed",          # Why a trial of a sweep has no score.
    "other",           # Written by an earlier version, which kept the text alone.
]  # fmt: skip


@dataclass(frozen=True)
class RunWarning:
    """Something to know about a run before trusting its score. `text` is a sentence for people."""

    kind: WarningKind
    text: str


@dataclass(frozen=True)
class ImportedPredictions:
    """Where the predictions of a run that was not trained here come from.

    Attributes:
        name: What a person calls the model.
        file_name: Of the table they were read from.
        sha256: Of that file.
        has_all_probabilities: Whether it has the probability of every class, not only of the predicted one.
    """

    name: str
    file_name: str
    sha256: str
    has_all_probabilities: bool


class SampleAnswer(TypedDict):
    """The prediction for one of the sample images during training; `given` is its label."""

    digest: str
    given: str
    predicted: str
    confidence: float


class EpochSamples(TypedDict):
    """The predictions for the sample images after one epoch, an entry of `samples.json`."""

    epoch: int
    answers: list[SampleAnswer]


@dataclass(frozen=True)
class HeatCheck:
    """What testing a heat map found. Scores are log-odds of the class against all others.

    Attributes:
        probability: Of the class, in 0..1.
        hidden_probability: Of the class when the hot region is hidden, in 0..1.
        lost: Score lost when the hot region is hidden.
        lost_elsewhere: Median score lost when regions of the same size and shape at random places are hidden.
        p_regions: One-sided, of `lost` among the losses at random places; 0..1, small is good.
        p_networks: Of `lost` among what randomised networks lose by their own maps.
        similarity: Median rank correlation with the maps of randomised networks, in -1..1.
        hot_share: Share of the image that is hidden as hot; 0 where nothing speaks for the class.
    """

    probability: float
    hidden_probability: float
    lost: float
    lost_elsewhere: float
    p_regions: float
    p_networks: float
    similarity: float
    hot_share: float


@dataclass(frozen=True)
class MeasuredScore:
    """The score of a run as it was measured last.

    Attributes:
        accuracy: 0..1, on validation, or on all images where the run was cross-validated.
        interval: Of 95 %, in 0..1; near duplicates count once, as often as they agree.
        n_images: Images it was measured on.
    """

    accuracy: float
    interval: tuple[float, float]
    n_images: int
