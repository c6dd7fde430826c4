"""What a slice is and what was found about it, in words for people."""

from peakid.evaluate import score_text
from peakid.evaluate.slices.search import LEAST_IMAGES
from peakid.evaluate.slices.slicing import Slice, SliceReport
from peakid.evaluate.slices.within_class import Difference


def name(each: Slice) -> str:
    """Return what the images of a slice have in common: `Source web`, `Tag and class: night, dom`."""
    return f"{each.title}{':' if ',' in each.key else ''} {each.value}"


def score(each: Slice) -> str:
    """Return its accuracy with interval: `62 % (47-76 %)`."""
    return score_text.score(each.accuracy, each.interval)


def share(value: float | None) -> str:
    """Return a share as `62 %`; `-` where there is none."""
    return score_text.percent(value)


def difference(found: Difference | None) -> str:
    """Return a difference in points with its interval: `-20 points (-31 to -8)`; `-` where there is none."""
    if found is None:
        return "-"
    low, high = found.interval
    return f"{100 * found.value:+.0f} points ({100 * low:+.0f} to {100 * high:+.0f})"


def p_value(value: float | None) -> str:
    """Return a p-value: `0.002`, or `< 0.001`; `-` where there is none."""
    if value is None:
        return "-"
    return "< 0.001" if value < 0.001 else f"{value:.3f}" if value < 0.0995 else f"{value:.2f}"


def finding(each: Slice, n_tested: int) -> str:
    """Say that a slice is worse than chance and its classes explain."""
    found = each.difference
    assert found is not None  # A slice that was tested has images to compare with.
    low, high = sorted(abs(100 * bound) for bound in found.interval)
    points = f"{-100 * found.value:.0f} points ({low:.0f} to {high:.0f})"
    if found.interval[1] > 0:
        points = f"{-100 * found.value:.0f} points"
    p = p_value(each.p_value)
    verb = "is" if each.n_errors == 1 else "are"
    return (
        f"{name(each)}: {each.n_errors:,} of {each.n_images:,} images {verb} wrong,"
        f" {points} more than other images of the same classes"
        f" (p {p if p.startswith('<') else f'= {p}'}, corrected for {n_tested:,} slices)."
    )


def nothing_found(report: SliceReport) -> str:
    """Say what the search of a report without worse slices means."""
    if not report.n_tested:
        return (
            f"No slice was tested: none has {LEAST_IMAGES} images and as many other images of the same"
            " classes, some of them wrong."
        )
    return (
        f"None of {report.n_tested:,} slices is worse than chance explains. Small differences can remain"
        " unseen: the intervals say how large."
    )


def hard_classes(each: Slice) -> str:
    """Say that a slice looks worse because of its classes."""
    return (
        f"{name(each)} has {score_text.percent(each.accuracy)} correct, but"
        f" {score_text.percent(each.expected_accuracy)} are expected of its classes: the classes are hard,"
        " not the slice."
    )
