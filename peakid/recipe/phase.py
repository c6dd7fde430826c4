"""One phase of a training: which layers learn, for how long, at which learning rates, on which image size."""

import math
import re
from typing import Literal

from pydantic import BaseModel, ConfigDict, field_validator

from peakid.recipe.fields import described

Schedule = Literal[
    "one-cycle",    # Up to the peak, then down to zero: fast convergence in few epochs (Smith 2018).
    "cosine",       # From the peak down to zero along half a cosine.
    "flat-cosine",  # At the peak for three quarters, then down along half a cosine.
    "step",         # At the peak, then a tenth, then a hundredth, a third of the phase each.
    "constant",     # At the peak throughout.
]  # fmt: skip

FLAT_SHARE = 0.75  # fastai's fit_flat_cos.
END_LR_SHARE = 1e-5  # fastai's fit_one_cycle ends at a hundred-thousandth of the peak.
# Of one-cycle, at its ends and at its peak: high rates need less momentum (Smith 2018, section 4).
MOMENTUM = (0.95, 0.85)
STEADY_MOMENTUM = 0.9  # Adam's first beta, and the usual momentum of SGD.
UNIT = {"ge": 0.0, "le": 1.0}
RATE_RANGE = "a learning rate is over 0 and at most 1, or the word finder"


class Phase(BaseModel):
    """One phase of a training.

    The best epoch is chosen over all phases, always on validation images of the recipe's full size.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = described(
        "",
        "Name",
        "word",
        "Shown in the curves; if empty, the trainable layers are shown.",
        max_length=40,
    )
    epochs: int = described(
        1, "Epochs", "epochs", "Maximum; early stopping may end the phase sooner.", ge=1, le=1000
    )
    learns: str = described(
        "all",
        "Trainable layers",
        "head|last-N|all",
        "The head alone, the head and the last N blocks of the body, or every layer.",
    )
    base_lr: float | Literal["finder"] = described(
        1e-3,
        "Peak learning rate",
        "per step",
        "Learning rate of the head; 'finder' runs the LR finder when the phase begins.",
    )
    lowest_lr_share: float = described(
        0.01,
        "Lowest layers' LR (share)",
        "share",
        "Learning rate of the lowest layers as a share of the head's: edge detectors need little change.",
        gt=0,
        le=1,
    )
    schedule: Schedule = described(
        "one-cycle", "LR schedule", "name", "How the learning rate changes within the phase."
    )
    warmup_share: float = described(
        0.25,
        "Warm-up (share)",
        "share",
        "Part of a one-cycle phase before the peak; 0.25 is fastai's default.",
        **UNIT,
    )
    start_lr_share: float = described(
        0.04,
        "Start LR (share of peak)",
        "share",
        "Where a one-cycle phase begins; 1/25 is fastai's default.",
        gt=0,
        le=1,
    )
    image_size_px: int | None = described(
        None,
        "Image size (px)",
        "px",
        "Size of training images, at most the recipe's; if empty, the recipe's size.",
        ge=32,
        le=1024,
    )
    augment: float | None = described(
        None,
        "Augmentation strength",
        "strength",
        "Strength of the random changes; if empty, the recipe's strength.",
        ge=0,
        le=2,
    )
    patience: int = described(
        0,
        "Early stopping (patience)",
        "epochs",
        "Ends the phase when validation loss has not improved for this many epochs; 0 turns it off.",
        ge=0,
        le=100,
    )

    @field_validator("learns")
    @classmethod
    def _is_known(cls, text: str) -> str:
        if not re.fullmatch(r"head|all|last-[1-9]\d?", text):
            raise ValueError("expected head, all, or last-N with N in 1..99")
        return text

    @field_validator("base_lr")
    @classmethod
    def _is_a_rate(cls, rate: float | str) -> float | str:
        if isinstance(rate, float) and not 0 < rate <= 1:
            raise ValueError(RATE_RANGE)
        return rate

    @property
    def n_blocks(self) -> int | None:
        """Return how many of the body's last blocks learn in addition to the head; None = all of them."""
        if self.learns == "all":
            return None
        return 0 if self.learns == "head" else int(self.learns.removeprefix("last-"))

    def rate(self, position: float) -> float:
        """Return the learning rate at a position in 0..1 of the phase, as a share of its peak."""
        match self.schedule:
            case "one-cycle":
                return self._one_cycle(position, self.start_lr_share, 1.0, END_LR_SHARE)
            case "cosine":
                return _cosine(1.0, 0.0, position)
            case "flat-cosine":
                is_flat = position < FLAT_SHARE
                return 1.0 if is_flat else _cosine(1.0, 0.0, (position - FLAT_SHARE) / (1 - FLAT_SHARE))
            case "step":
                return 10.0 ** -min(2, math.floor(position * 3))
            case "constant":
                return 1.0

    def momentum(self, position: float) -> float:
        """Return the momentum at a position in 0..1 of the phase."""
        if self.schedule != "one-cycle":
            return STEADY_MOMENTUM
        ends, peak = MOMENTUM
        return self._one_cycle(position, ends, peak, ends)

    def _one_cycle(self, position: float, start: float, peak: float, end: float) -> float:
        if position < self.warmup_share:
            return _cosine(start, peak, position / self.warmup_share)
        if self.warmup_share == 1:
            return peak
        return _cosine(peak, end, (position - self.warmup_share) / (1 - self.warmup_share))

    def is_over(self, valid_losses: list[float]) -> bool:
        """Return whether early stopping ends the phase after these validation losses, in order of epochs."""
        if not self.patience or not valid_losses:
            return False
        return len(valid_losses) - 1 - valid_losses.index(min(valid_losses)) >= self.patience


def _cosine(start: float, end: float, position: float) -> float:
    """Go from start to end along half a cosine."""
    return start + (1 + math.cos(math.pi * (1 - position))) * (end - start) / 2
