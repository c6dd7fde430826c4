"""One phase of a training: which layers learn, for how long, at what rates, on what size. Imports no torch."""

import math
import re
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

Schedule = Literal[
    "one-cycle",    # Up to the peak, then down to nothing: the fastest way through few epochs (Smith 2018).
    "cosine",       # From the peak down to nothing along half a cosine.
    "flat-cosine",  # At the peak for three quarters, then down along half a cosine.
    "step",         # At the peak, then a tenth, then a hundredth, a third of the phase each.
    "constant",     # At the peak throughout.
]  # fmt: skip

FLAT_SHARE = 0.75  # fastai's fit_flat_cos.
END_LR_SHARE = 1e-5  # fastai's fit_one_cycle ends at a hundred-thousandth of the peak.
MOMENTUM = (
    0.95,
    0.85,
)  # Of one-cycle, at its ends and at its peak: high rates want little momentum (Smith 2018, section 4).
STEADY_MOMENTUM = 0.9  # Adam's first beta, and the usual momentum of SGD.
UNIT = {"ge": 0.0, "le": 1.0}


def field(default: Any, unit: str, reason: str, **limits: Any) -> Any:
    """Describe one number of a recipe with its unit, its reason and its range."""
    return Field(default, description=reason, json_schema_extra={"unit": unit}, **limits)


class Phase(BaseModel):
    """One part of a training. The best epoch is sought over all phases, always on valid images of the recipe's full size."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = field("", "word", "Shown beside the curve; empty names it after what learns.", max_length=40)
    epochs: int = field(1, "epochs", "At most so many; a stop rule may end the phase earlier.", ge=1, le=1000)
    learns: str = field(
        "all",
        "head|last-N|all",
        "Which layers learn: the head alone, also the last N blocks of the body, or every layer.",
    )
    base_lr: float | Literal["finder"] = field(
        1e-3, "per step", "Peak rate of the head; 'finder' measures one when the phase begins."
    )
    lowest_lr_share: float = field(
        0.01, "share", "Rate of the lowest layers against the head's: edges need no new learning.", gt=0, le=1
    )
    schedule: Schedule = field("one-cycle", "name", "How the rate moves within the phase.")
    warmup_share: float = field(
        0.25, "share", "Of a one-cycle phase, until the peak is reached; fastai's default.", **UNIT
    )
    start_lr_share: float = field(
        0.04, "share", "Of the peak, where one-cycle begins; fastai's 1/25.", gt=0, le=1
    )
    image_size_px: int | None = field(
        None, "px", "Size of training images, never over the recipe's; None is the recipe's.", ge=32, le=1024
    )
    augment: float | None = field(
        None, "strength", "Strength of augmentation; None is the recipe's.", ge=0, le=2
    )
    patience: int = field(
        0,
        "epochs",
        "End the phase when the loss on valid has not fallen for so many epochs; 0 never does.",
        ge=0,
        le=100,
    )

    @field_validator("learns")
    @classmethod
    def _is_known(cls, text: str) -> str:
        if not re.fullmatch(r"head|all|last-[1-9]\d?", text):
            raise ValueError("say head, all, or last-N with N in 1..99")
        return text

    @field_validator("base_lr")
    @classmethod
    def _is_a_rate(cls, rate: float | str) -> float | str:
        if isinstance(rate, float) and not 0 < rate <= 1:
            raise ValueError("a rate lies over 0 and up to 1, or is the word finder")
        return rate

    @property
    def n_blocks(self) -> int | None:
        """Answer how many of the body's last blocks learn beside the head; None = all of them."""
        return (
            None
            if self.learns == "all"
            else 0
            if self.learns == "head"
            else int(self.learns.removeprefix("last-"))
        )

    def rate(self, position: float) -> float:
        """Answer the rate at a position in 0..1 of the phase, as a share of its peak."""
        match self.schedule:
            case "one-cycle":
                return self._cycle(position, self.start_lr_share, 1.0, END_LR_SHARE)
            case "cosine":
                return _cosine(1.0, 0.0, position)
            case "flat-cosine":
                return (
                    1.0
                    if position < FLAT_SHARE
                    else _cosine(1.0, 0.0, (position - FLAT_SHARE) / (1 - FLAT_SHARE))
                )
            case "step":
                return 10.0 ** -min(2, math.floor(position * 3))
            case "constant":
                return 1.0

    def momentum(self, position: float) -> float:
        """Answer the momentum at a position in 0..1 of the phase."""
        if self.schedule != "one-cycle":
            return STEADY_MOMENTUM
        ends, peak = MOMENTUM
        return self._cycle(position, ends, peak, ends)

    def _cycle(self, position: float, start: float, peak: float, end: float) -> float:
        if position < self.warmup_share:
            return _cosine(start, peak, position / self.warmup_share)
        return (
            _cosine(peak, end, (position - self.warmup_share) / (1 - self.warmup_share))
            if self.warmup_share < 1
            else peak
        )

    def is_over(self, valid_losses: list[float]) -> bool:
        """Tell whether the stop rule ends the phase after epochs with these losses on valid, in order."""
        if not self.patience or not valid_losses:
            return False
        return len(valid_losses) - 1 - valid_losses.index(min(valid_losses)) >= self.patience


def _cosine(start: float, end: float, position: float) -> float:
    """Go from start to end along half a cosine."""
    return start + (1 + math.cos(math.pi * (1 - position))) * (end - start) / 2
