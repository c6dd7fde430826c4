"""All settings of a training in one frozen record, each with title, unit, range, default and description."""

from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, field_validator, model_validator

from peakid.errors import BadInput
from peakid.recipe import architectures
from peakid.recipe.fields import described
from peakid.recipe.phase import Phase, Schedule
from peakid.records import Resize
from peakid.remedies import action

Method = Literal[
    "fine-tune",    # Gradient descent, phase by phase.
    "linear-head",  # One forward pass of the frozen body per image, then one linear layer on its features.
]  # fmt: skip

Optimiser = Literal[
    "adamw",  # Adam with decoupled weight decay, fastai's default.
    "adam",   # Adam with weight decay inside the gradient, as in torch.optim.Adam.
    "sgd",    # SGD with momentum.
]  # fmt: skip

Balance = Literal[
    "none",        # Every image has the same weight.
    "oversample",  # Images of small classes are repeated until all classes are as large as the largest.
    "weighted",    # The loss of an image is divided by the size of its class.
]  # fmt: skip

Mix = Literal[
    "none",    # No mixing.
    "mixup",   # Two images are blended, and their labels in proportion.
    "cutmix",  # A window of one image is replaced by another image, labels in proportion.
]  # fmt: skip

Precision = Literal[
    "auto",  # bfloat16 where a CUDA GPU supports it, else float16 on CUDA; float32 on any other device.
    "full",  # float32 everywhere.
]  # fmt: skip

Device = Literal[
    "auto",  # The first available of cuda, mps, cpu.
    "cuda",  # An NVIDIA or ROCm GPU.
    "mps",   # The GPU of an Apple machine.
    "cpu",   # Bit-identical from run to run with the same seed and machine.
]  # fmt: skip


class Recipe(BaseModel):
    """The settings of a training. `Recipe.model_fields` describes each field."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    method: Method = described(
        "fine-tune",
        "Method",
        "fine-tune|linear-head",
        "A linear head needs one forward pass per image: it takes minutes where fine-tuning takes an hour.",
    )
    refit: bool = described(
        False,
        "Refit on train and validation",
        "yes/no",
        "Fits a linear head again with the validation images, whose score stays that of the first fit.",
    )
    arch: str = described(
        "resnet18",
        "Architecture",
        "name",
        "ResNet-18 is the usual first baseline and small enough for a laptop.",
    )
    pretrained: str = described(
        "auto",
        "Pretrained weights",
        "auto|require|none|path|run:N",
        "auto uses ImageNet weights where it finds them; run:7 continues from the model of run 7.",
    )
    image_size_px: int = described(
        160,
        "Image size (px)",
        "px",
        "Side of the square that the model sees; 160 px costs half the work of 224 px.",
        ge=32,
        le=1024,
    )
    resize: Resize = described(
        "crop",
        "Resize method",
        "crop|squish|pad",
        "A centre crop keeps proportions; a photo's subject is rarely at its border.",
    )
    fraction: float = described(
        1.0,
        "Share of training images",
        "share",
        "Of every class; with a tenth of the images, a recipe can be tried in a tenth of the time.",
        gt=0,
        le=1,
    )
    max_minutes: float = described(
        0.0,
        "Time budget (min)",
        "minutes",
        "Shortens every phase so that the training ends in time; 0 means no limit.",
        ge=0,
        le=10_000,
    )
    batch_size: int = described(
        32,
        "Batch size",
        "images",
        "On small datasets, large batches leave few steps per epoch; 0 fits it to the dataset and memory.",
        ge=0,
        le=1024,
    )
    head_epochs: int = described(
        5,
        "Epochs: head",
        "epochs",
        "Trains the head with the body frozen, so that the random head does not spoil pretrained features.",
        ge=0,
        le=200,
    )
    body_epochs: int = described(
        3, "Epochs: all layers", "epochs", "Fine-tunes all layers, after the head.", ge=0, le=500
    )
    scratch_epochs: int = described(
        30,
        "Epochs: from scratch",
        "epochs",
        "Used instead of the two above with random weights, because features must be learned first.",
        ge=1,
        le=1000,
    )
    base_lr: float = described(
        1e-3,
        "Peak learning rate",
        "per step",
        "Learning rate of the head; lower layers use lower rates.",
        gt=0,
        le=1,
    )
    schedule: Schedule = described(
        "one-cycle", "LR schedule", "name", "How the learning rate changes within a phase."
    )
    patience: int = described(
        0,
        "Early stopping (patience)",
        "epochs",
        "Ends a phase when validation loss has not improved for this many epochs; 0 turns it off.",
        ge=0,
        le=100,
    )
    max_epochs: int = described(
        0,
        "Max epochs per phase",
        "epochs",
        "Limits every phase, to try a recipe quickly; 0 means no limit.",
        ge=0,
        le=1000,
    )
    phases: tuple[Phase, ...] | None = described(
        None,
        "Phases",
        "list",
        "A list of phases replaces the epochs and learning rates above.",
        max_length=20,
    )
    optimiser: Optimiser = described(
        "adamw", "Optimiser", "adamw|adam|sgd", "Adam needs the least tuning on small datasets."
    )
    weight_decay: float = described(
        0.01, "Weight decay", "per step", "0.01 is fastai's default for AdamW.", ge=0, le=1
    )
    label_smoothing: float = described(
        0.1,
        "Label smoothing",
        "share",
        "Keeps the model from memorising wrong labels, which scraped datasets always have.",
        ge=0,
        le=0.5,
    )
    dropout: float = described(
        0.5, "Dropout", "share", "Applied to the head's last features; 0.5 is fastai's default.", ge=0, le=0.9
    )
    l1: float = described(
        0.0,
        "L1 penalty",
        "per weight",
        "Pulls weights towards zero; only for training from scratch.",
        ge=0,
        le=0.1,
    )
    max_gradient: float = described(
        0.0,
        "Gradient clipping (max norm)",
        "norm",
        "Scales gradients with a larger norm down to it; 0 turns clipping off.",
        ge=0,
        le=1000,
    )
    balance: Balance = described(
        "none",
        "Class balancing",
        "none|oversample|weighted",
        "Useful where the largest class has five times the images of the smallest or more.",
    )
    mix: Mix = described(
        "none",
        "Mixup / CutMix",
        "none|mixup|cutmix",
        "Helps with many epochs (20 or more); with few, it only slows down learning.",
    )
    mix_strength: float = described(
        0.4,
        "Mixing strength (alpha)",
        "alpha",
        "Parameter of the beta distribution of mixing ratios; 0.4 is fastai's default.",
        gt=0,
        le=4,
    )
    augment: float = described(
        1.0,
        "Augmentation strength",
        "strength",
        "0 changes nothing; 1 applies the usual small rotations, zooms and lighting changes.",
        ge=0,
        le=2,
    )
    is_mirrored: bool = described(
        True,
        "Random horizontal flip",
        "yes/no",
        "Mirrors half of the training images; turn it off where left and right distinguish classes.",
    )
    seed: int = described(
        0, "Seed", "number", "Determines the order of images and the random head.", ge=0, lt=2**31
    )
    device: Device = described("auto", "Device", "auto|cuda|mps|cpu", "auto uses the fastest one available.")
    n_workers: int = described(
        0,
        "Loader processes",
        "processes",
        "0 loads images in the training process, which is fast enough with the pixel cache.",
        ge=0,
        le=64,
    )
    precision: Precision = described(
        "auto",
        "Precision",
        "auto|full",
        "Mixed precision is about twice as fast on a GPU and just as accurate; on a CPU it gains nothing.",
    )
    checkpoint_every_min: float = described(
        5.0,
        "Checkpoint interval (min)",
        "minutes",
        "A killed training loses at most this much work; each epoch also ends with a checkpoint.",
        gt=0,
        le=1440,
    )
    folds: int = described(
        0,
        "Cross-validation folds",
        "folds",
        "0 trains once; with 3 or more, every image is predicted by a model that has not seen it.",
        ge=0,
        le=20,
    )
    allow_leaks: bool = described(
        False,
        "Allow leaks between splits",
        "yes/no",
        "Trains even if near duplicates are in different splits; the score is then too high.",
    )

    @field_validator("arch")
    @classmethod
    def _check_arch(cls, name: str) -> str:
        return architectures.find(name).name

    @model_validator(mode="after")
    def _check_combinations(self) -> Self:
        fixed = architectures.find(self.arch).fixed_size_px
        if fixed is not None and self.image_size_px != fixed:
            raise BadInput(
                f"{self.arch} takes images of {fixed} px only, not {self.image_size_px} px.",
                f"Set the image size to {fixed} px.",
                action("set_recipe", key="image_size_px", value=fixed),
            )
        if self.batch_size == 1:
            raise BadInput(
                "batch_size=1: BatchNorm needs at least two images.",
                "Use a batch size of 2 or more, or 0 for automatic.",
                action("set_recipe", key="batch_size", value=0),
            )
        self._check_epochs()
        if self.folds in (1, 2):
            # One fold is predicted and another one chooses the epoch, so two would leave no training images.
            raise BadInput(
                f"folds={self.folds}: cross-validation needs at least 3 folds.",
                "Use 3 folds or more, or 0 for none.",
                action("set_recipe", key="folds", value=5),
                action("set_recipe", key="folds", value=0),
            )
        if self.l1 and self.pretrained != "none":
            raise BadInput(
                f"l1={self.l1:g} would pull pretrained weights to zero (pretrained={self.pretrained}).",
                "Train from random weights, or set the L1 penalty to 0.",
                action("set_recipe", key="pretrained", value="none"),
                action("set_recipe", key="l1", value=0),
            )
        return self

    def _check_epochs(self) -> None:
        if self.phases is None and self.head_epochs + self.body_epochs == 0:
            raise BadInput(
                "head_epochs and body_epochs are both 0: nothing would be learned.",
                "Train the head for some epochs.",
                action("set_recipe", key="head_epochs", value=3),
            )
        if self.phases is not None and not self.phases:
            raise BadInput(
                "The list of phases is empty: nothing would be learned.",
                "Write at least one phase, or leave the list out.",
            )

    def planned(self, *, is_pretrained: bool) -> tuple[Phase, ...]:
        """Return the phases of a training: the recipe's own, else head and body as in fastai's `fine_tune`.

        Random weights have no features to preserve: they are never frozen and share one learning rate.

        Args:
            is_pretrained: Whether pretrained weights were found.
        """
        if is_pretrained and self.method == "linear-head":
            return (self._completed(Phase(name="linear head", learns="head", augment=0.0)),)
        phases = self.phases or (self._fine_tune() if is_pretrained else self._scratch())
        if not is_pretrained:
            unfrozen = {"learns": "all", "lowest_lr_share": 1.0}
            phases = tuple(phase.model_copy(update=unfrozen) for phase in phases)
        return tuple(self._completed(phase) for phase in phases)

    def _fine_tune(self) -> tuple[Phase, ...]:
        # As in fastai's fine_tune: the rate rises during the head phase. The body phase starts at half of it
        # and lowers it, and the lowest layers learn a hundred times more slowly. With constant rates, a model
        # predicted a single class.
        common: dict[str, Any] = {"schedule": self.schedule, "patience": self.patience}
        head: dict[str, Any] = {
            "name": "head",
            "learns": "head",
            "epochs": self.head_epochs,
            "base_lr": self.base_lr,
            "warmup_share": 0.99,
        }
        body: dict[str, Any] = {
            "name": "body",
            "epochs": self.body_epochs,
            "base_lr": self.base_lr / 2,
            "warmup_share": 0.3,
            "start_lr_share": 0.2,
        }
        return tuple(Phase(**each, **common) for each in (head, body) if each["epochs"])

    def _scratch(self) -> tuple[Phase, ...]:
        phase = Phase(
            name="scratch",
            epochs=self.scratch_epochs,
            base_lr=self.base_lr,
            schedule=self.schedule,
            patience=self.patience,
        )
        return (phase,)

    def _completed(self, phase: Phase) -> Phase:
        """Fill in what the phase leaves open: image size, augmentation strength and the limit of epochs."""
        size = min(phase.image_size_px or self.image_size_px, self.image_size_px)
        fixed = architectures.find(self.arch).fixed_size_px
        return phase.model_copy(
            update={
                "name": phase.name or phase.learns,
                "image_size_px": fixed or size,
                "augment": self.augment if phase.augment is None else phase.augment,
                "epochs": min(phase.epochs, self.max_epochs or phase.epochs),
            }
        )
