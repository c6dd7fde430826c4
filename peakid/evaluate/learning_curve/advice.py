"""Say in sentences what more images would gain."""

from dataclasses import dataclass

from peakid import printable
from peakid.evaluate.learning_curve.curve import Gain, LearningCurve


@dataclass(frozen=True)
class Advice:
    """What to do about the number of images.

    Attributes:
        sentence: About the class that is expected to gain most, or about all classes.
        of_all: About twice as many images of every class.
        class_name: The class that is expected to gain most; None where the curve does not tell classes apart.
        is_clear: The interval of `sentence` is above 0.
    """

    sentence: str
    of_all: str
    class_name: str | None
    is_clear: bool


def advice(curve: LearningCurve, step: int | None = None) -> Advice:
    """Return the advice of a curve.

    Args:
        step: More images of one class; None = the usual step.
    """
    of_all = curve.of_all()[-1]
    best = next(iter(curve.of_classes(step)), None)
    first = best or of_all
    return Advice(sentence(first), sentence(of_all), first.class_name, first.is_clear)


def sentence(gain: Gain) -> str:
    """Return a gain as a sentence; it says so where the interval contains 0."""
    of = "all classes" if gain.class_name is None else printable.isolated(printable.line(gain.class_name))
    more = f"{gain.n_more:,} more {'image' if gain.n_more == 1 else 'images'} of {of}"
    expected = f"{more}: {points(gain)}"
    return f"{expected}." if gain.is_clear else f"No clear gain. {expected}; the interval contains 0."


def points(gain: Gain) -> str:
    """Return a gain in percentage points as `+1.5 points (-0.2 to 3.1)`."""
    # Adding 0 removes the sign of a rounded -0.
    expected, low, high = (round(100 * each, 1) + 0.0 for each in (gain.gain, gain.low, gain.high))
    return f"{expected:+.1f} points ({low:.1f} to {high:.1f})"
