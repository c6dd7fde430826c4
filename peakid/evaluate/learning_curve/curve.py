"""A learning curve as it is stored and shown: measured points, a forecast, and what more images gain."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
from pydantic import TypeAdapter, ValidationError

from peakid.evaluate.learning_curve.forecast import Estimate, Forecast
from peakid.evaluate.learning_curve.measured import Measured

Model = Literal[
    "head",      # The linear head of the live suggestions, on stored embeddings.
    "training",  # Trainings with the recipe of the run.
]  # fmt: skip
FURTHEST = 2.0  # Times the images of today: the back-test covers no more.
N_AHEAD = 9  # Points of the forecast, today's among them.
OF_ALL = (1.25, 1.5, 2.0)
STEPS = (5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000)  # More images of one class.


@dataclass(frozen=True)
class CurvePoint:
    """The accuracy with a number of training images, and the interval that holds it in nine of ten cases."""

    n_images: int
    accuracy: float
    low: float
    high: float


@dataclass(frozen=True)
class Gain:
    """What more images of one class would change, or of all classes.

    Attributes:
        class_name: None = of all classes, in today's proportions.
        step: The number that was asked for; None for all classes.
        n_images: Training images today, of the class or of all.
        n_more: How many more: no more than there are, since the forecast reaches no further.
        gain: The change in accuracy on all images, as a share; `low` and `high` hold it in nine of ten cases.
        n_valid: Validation images of the class, or of all.
    """

    class_name: str | None
    step: int | None
    n_images: int
    n_more: int
    gain: float
    low: float
    high: float
    n_valid: int

    @property
    def is_clear(self) -> bool:
        """Whether the interval is above 0."""
        return self.low > 0


@dataclass(frozen=True)
class LearningCurve:
    """Attributes:
    backbone: Of the embeddings; '' for trainings.
    n_without: Images of the two splits that are left out, because they have no embedding.
    measured: Ascending by number of images; the last has all training images.
    ahead: The forecast from today's number to `FURTHEST` times as many.
    gains: For each step those of all classes in class order, then of all classes together.
    """

    model: Model
    backbone: str
    n_train: int
    n_valid: int
    n_without: int
    n_fits: int
    measured: tuple[CurvePoint, ...]
    ahead: tuple[CurvePoint, ...]
    gains: tuple[Gain, ...]

    @property
    def steps(self) -> tuple[int, ...]:
        return tuple(sorted({each.step for each in self.gains if each.step is not None}))

    @property
    def usual_step(self) -> int | None:
        """The largest step that half of the classes can make; None where there is no step."""
        sizes = sorted(each.n_images for each in self.gains if each.step == min(self.steps, default=None))
        reached = [each for each in self.steps if sizes and each <= sizes[len(sizes) // 2]]
        return max(reached, default=min(self.steps, default=None))

    def of_classes(self, step: int | None = None) -> list[Gain]:
        """Return what the classes gain by a step, most first; None = the usual step."""
        step = self.usual_step if step is None else step
        found = [each for each in self.gains if each.class_name is not None and each.step == step]
        return sorted(found, key=lambda each: (-each.gain, each.n_images))

    def of_all(self) -> list[Gain]:
        """Return the gains from more of all classes, by their number."""
        return [each for each in self.gains if each.class_name is None]

    def document(self) -> dict[str, Any]:
        return asdict(self)


def build(
    measured: Measured, class_names: Sequence[str], *, model: Model, backbone: str = "", n_without: int = 0
) -> LearningCurve:
    """Return the curve of what was measured, extrapolated."""
    forecast = Forecast(measured)
    n_train = int(measured.counts[measured.full].sum())
    factors = np.linspace(1, FURTHEST, N_AHEAD)
    return LearningCurve(
        model=model,
        backbone=backbone,
        n_train=n_train,
        n_valid=len(measured.answers),
        n_without=n_without,
        n_fits=len(measured.draws),
        measured=_measured_points(measured, forecast),
        ahead=tuple(_point(n_train * factor, forecast.accuracy(factor)) for factor in factors),
        gains=(*_class_gains(forecast, measured, class_names), *_gains_of_all(forecast, measured)),
    )


def _measured_points(measured: Measured, forecast: Forecast) -> tuple[CurvePoint, ...]:
    """Return one point for each number of images: of few images, two shares can be the same."""
    pairs = zip(measured.sizes(), forecast.measured_accuracies(), strict=True)
    points = {round(n): _point(n, each) for n, each in pairs}
    return tuple(points.values())


def parse(document: Mapping[str, Any]) -> LearningCurve | None:
    """Return a stored curve; None where another version wrote it in another form."""
    try:
        return TypeAdapter(LearningCurve).validate_python(document)
    except ValidationError:
        return None


def _class_gains(forecast: Forecast, measured: Measured, class_names: Sequence[str]) -> list[Gain]:
    if not forecast.tells_classes:
        return []
    counts = measured.counts[measured.full]
    n_valid = np.bincount(measured.answers, minlength=len(counts))
    found = []
    for step in (each for each in STEPS if each <= max(counts.max(), STEPS[0])):
        more = np.minimum(step, counts)
        estimates = forecast.class_gains((counts + more) / np.maximum(counts, 1))
        found += [
            _gain(class_names[n], step, counts[n], more[n], estimates[n], n_valid[n])
            for n in range(len(counts))
        ]
    return found


def _gains_of_all(forecast: Forecast, measured: Measured) -> list[Gain]:
    n_train = int(measured.counts[measured.full].sum())
    return [
        _gain(
            None,
            None,
            n_train,
            math.floor((factor - 1) * n_train),
            forecast.gain(factor),
            len(measured.answers),
        )
        for factor in OF_ALL
    ]


def _gain(name: str | None, step: int | None, n: int, n_more: int, gain: Estimate, n_valid: int) -> Gain:
    return Gain(name, step, int(n), int(n_more), gain.value, gain.low, gain.high, int(n_valid))


def _point(n_images: float, estimate: Estimate) -> CurvePoint:
    return CurvePoint(round(n_images), estimate.value, estimate.low, estimate.high)
