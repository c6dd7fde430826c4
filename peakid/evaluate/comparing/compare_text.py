"""Say in sentences what a comparison found. Names are as they are stored: a page has to escape them."""

from peakid.evaluate import score_text
from peakid.evaluate.comparing import needed
from peakid.evaluate.comparing.compare import RunsCompared
from peakid.evaluate.comparing.needed import Needed
from peakid.evaluate.comparing.pairs import ClassChange, Difference

_IMAGES = {"valid": "validation image", "test": "test image", "train": "training image", "cv": "image"}
MOST_NAMED = 5  # Classes in a sentence.


def images(n_images: int, split: str) -> str:
    """Return a number of images of a split: `55 validation images`."""
    return f"{n_images:,} {_IMAGES[split]}{'' if n_images == 1 else 's'}"


def difference(found: Difference) -> str:
    """Return a difference with its interval: `+2.1 points (-0.4 to +4.6)`."""
    low, high = (100 * bound for bound in found.interval)
    return f"{score_text.difference(found.difference)} ({low:+.1f} to {high:+.1f})"


def p_value(p: float) -> str:
    """Return `p = 0.04`, `p = 0.003` or `p < 0.001`."""
    return "p < 0.001" if p < 0.001 else f"p = {p:.3f}" if p < 0.01 else f"p = {p:.2f}"


def finding(found: Difference) -> str:
    """Say which of two runs is better, or that the difference is not significant."""
    if found.is_real:
        better = found.b if found.difference > 0 else found.a
        return f"run {better} is better ({p_value(found.p_corrected)})"
    if found.n_only_a == found.n_only_b:
        return "no difference"
    return f"not significant ({p_value(found.p_corrected)})"


def exact_decides(found: Difference) -> str:
    """Return a sentence where the interval leaves out 0 and the exact test does not; '' elsewhere."""
    is_outside = not found.interval[0] <= 0 <= found.interval[1]
    if found.is_real or not is_outside:
        return ""
    return "The interval alone leaves out 0; with so few images that differ, the exact test decides."


def only(found: Difference) -> str:
    """Return on how many images only one of the runs is correct."""
    return f"only run {found.a} is correct on {found.n_only_a:,}, only run {found.b} on {found.n_only_b:,}"


def unsettled(found: Needed, split: str) -> str:
    """Say how many more images would settle a comparison, and how little is known about that number."""
    sentence = "No difference established"
    at_best = found.n_more_at_best
    if found.n_more is not None:
        more = images(needed.rounded(found.n_more), split)
        sentence += f"; some {more.replace(' ', ' more ', 1)} would settle it"
        sentence += f" if the true difference is the {score_text.difference(found.difference)} seen here."
    else:
        sentence += "; more images may never settle it: no difference is seen here, or hardly any."
    if at_best is not None:
        most = score_text.difference(found.largest)
        sentence += f" If it is as large as {most}, about {needed.rounded(at_best):,} would do."
    if found.n_more is not None:
        sentence += " If it is smaller than it seems, many more; if the runs are equally good, none will."
    return sentence


def left_out(compared: RunsCompared) -> str:
    """Return a sentence about the images that are not compared, and why; '' where all are."""
    found = compared.left_out
    unknown = compared.only_some_know
    names = ", ".join(unknown[:MOST_NAMED]) + (" and others" if len(unknown) > MOST_NAMED else "")
    parts = [
        (found.n_trained_on, "that a run was trained on"),
        (found.n_not_scored, "that not every run was scored on"),
        (found.n_no_label, "excluded, flagged or without a label now"),
        (found.n_other_class, "of classes that not every run knows"),
    ]
    said = [f"{n:,} {why}" for n, why in parts if n]
    text = f"Left out: {', '.join(said)}." if said else ""
    if unknown:
        text += f" Not every run knows {names}: a run that does may lose images to them."
    return text.strip()


def duplicates(compared: RunsCompared) -> str:
    """Return a sentence about near duplicates among the images; '' without any."""
    if not compared.has_duplicates:
        return ""
    return (
        f"Near duplicates are among them: {compared.n_common:,} images in {compared.n_groups:,} groups."
        " Intervals and p-values count a group as one draw."
    )


def overall(compared: RunsCompared) -> str:
    """Say whether any of more than two runs differs (Cochran's Q); '' for two."""
    test = compared.overall
    if test is None:
        return ""
    differs = "at least one run differs" if test.p < 0.05 else "no difference among them is established"
    return (
        f"Cochran's Q = {test.q:.1f} with {test.degrees} degrees of freedom, {p_value(test.p)}: {differs}."
        f" The p-values of the {len(compared.differences)} pairs are corrected by Holm."
    )


def classes(changes: tuple[ClassChange, ...]) -> str:
    """Say which classes changed significantly, and how many intervals leave out 0 by chance alone."""
    if not changes:
        return ""
    real = [each for each in changes if each.change.is_real]
    outside = sum(not each.change.interval[0] <= 0 <= each.change.interval[1] for each in changes)
    n = len(changes)
    changed = "No class changed significantly"
    if real:
        names = ", ".join(each.class_name for each in real[:MOST_NAMED])
        changed = f"{len(real):,} of {n:,} classes changed significantly: {names}"
        changed += " and others" if len(real) > MOST_NAMED else ""
    by_chance = max(1, round(0.05 * n))
    text = f"{changed} (p-values corrected for {n:,} classes)."
    if outside > len(real):
        text += f" {outside:,} of the intervals leave out 0; about {by_chance:,} would by chance alone."
    return text
