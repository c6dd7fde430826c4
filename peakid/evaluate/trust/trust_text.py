"""Sentences about how far a run can be trusted, for pages and the terminal."""

from collections.abc import Mapping

from peakid import printable
from peakid.evaluate import score_text
from peakid.evaluate.score_text import percent
from peakid.evaluate.trust.conformal import ConformalSets
from peakid.evaluate.trust.exchangeability import Exchangeability
from peakid.evaluate.trust.open_set import OpenSet
from peakid.evaluate.trust.scores import Method, Score, ScoreName
from peakid.evaluate.trust.selective import Coverage
from peakid.evaluate.trust.temperature import Change, TemperatureEffect
from peakid.evaluate.trust.trust_report import TrustReport
from peakid.store.evaluation.new_photos import NewPhotos
from peakid.store.evaluation.operating_points import OperatingPoint

TITLES: Mapping[ScoreName, str] = {
    "accuracy": "Accuracy",
    "top3_accuracy": "Top-3 accuracy",
    "top5_accuracy": "Top-5 accuracy",
    "balanced_accuracy": "Balanced accuracy",
    "macro_f1": "Macro F1",
    "log_loss": "Log loss",
    "brier": "Brier score",
    "overconfidence": "Confidence minus accuracy",
}
TIPS: Mapping[ScoreName, str] = {
    "accuracy": "Share of images whose predicted label is right. 100 % is best.",
    "top3_accuracy": "Share of images with the label among the three most probable classes. 100 % is best.",
    "top5_accuracy": "Share of images with the label among the five most probable classes. 100 % is best.",
    "balanced_accuracy": "Mean recall of the classes: each counts the same, however many images it has.",
    "macro_f1": "Mean F1 of the classes. 100 % is best.",
    "log_loss": "Mean of minus the logarithm of the label's probability. 0 is best.",
    "brier": "Mean squared distance of the probabilities from the label, 0 to 2. 0 is best.",
    "overconfidence": "Above 0, the model is surer than it is right. 0 is best.",
}
METHODS: Mapping[Method, str] = {
    "wilson": "Wilson",
    "wilson_groups": "Wilson, by groups",
    "linearised": "Wilson, linearised",
    "bootstrap_groups": "bootstrap over groups",
    "none": "none",
}
_PLAIN = ("log_loss", "brier")


def value(score: Score) -> str:
    """Return a score: shares in percent, losses with three decimals."""
    if score.name in _PLAIN:
        return "-" if score.value is None else f"{score.value:.3f}"
    if score.name == "overconfidence":
        return score_text.difference(score.value)
    return percent(score.value)


def interval(score: Score) -> str:
    """Return the interval of a score; `-` where none holds."""
    if score.interval is None:
        return "-"
    low, high = score.interval
    if score.name in _PLAIN:
        return f"{low:.3f} to {high:.3f}"
    if score.name == "overconfidence":
        return f"{100 * low:+.1f} to {100 * high:+.1f} points"
    return score_text.span((low, high), " to ")


def span(bounds: tuple[float, float]) -> str:
    """Return an interval of shares as `93 to 99 %`."""
    return score_text.span(bounds, " to ")


def calibration(found: TrustReport) -> str:
    """Say how large the calibration error is, and whether chance explains it."""
    error = f"Calibration error (ECE) {printable.percent(found.ece, decimals=1)}"
    if found.chance_ece is None:
        return f"{error}."
    limit = printable.percent(found.chance_ece, decimals=1)
    if found.ece <= found.chance_ece:
        return f"{error}: no more than chance. A calibrated model has up to {limit} on so few images."
    return f"{error}: more than chance. A calibrated model has up to {limit} on these images."


def temperature(effect: TemperatureEffect) -> str:
    """Say what temperature scaling changes."""
    sure = "less" if effect.temperature > 1 else "more"
    fitted = f"A temperature of {effect.temperature:.2f} makes the model {sure} sure"
    where = (
        f"fitted on {effect.n_fitted:,} validation images"
        if effect.scheme == "valid"
        else "each fifth scaled by the other four fifths"
    )
    loss = f"log loss {effect.log_loss.before:.3f} to {effect.log_loss.after:.3f}{_change(effect.log_loss)}"
    before, after = (printable.percent(each, decimals=1) for each in (effect.ece.before, effect.ece.after))
    ece = f"calibration error {before} to {after}"
    return f"{fitted} ({where}): {loss}, {ece}. The predicted labels stay the same."


def _change(change: Change) -> str:
    if change.interval is None:
        return " (too few images for an interval)"
    low, high = change.interval
    verdict = "better" if high < 0 else "worse" if low > 0 else "no difference established"
    return f" (change {low:+.3f} to {high:+.3f}: {verdict})"


def scaled(point: OperatingPoint) -> str:
    """Return at which temperature a threshold is meant; '' for the probabilities as they are."""
    return "" if point.temperature == 1 else f" at temperature {point.temperature:.2f}"


def coverage(found: Coverage, point: OperatingPoint | None = None) -> str:
    """Return `At 0.81 it answers 88 % of photos and is right on 97 % (93 to 99 %)`."""
    at = f"At {found.threshold:.2f}{scaled(point) if point else ''}"
    if found.accuracy is None or found.accuracy_interval is None:
        return f"{at} it answers none of {found.n_images:,} photos."
    answers = f"{at} it answers {percent(found.coverage)} of photos"
    right = f"is right on {percent(found.accuracy)} ({span(found.accuracy_interval)}"
    return f"{answers} and {right}, n = {found.n_answered:,})."


def sets(found: ConformalSets) -> str:
    """Say how often the sets contain the label, and how large they are."""
    if not any(each.is_limited for each in found.classes):
        return (
            f"Prediction sets for {percent(found.level)} need {found.n_needed} validation images of a class;"
            " no class has them, so every set would have all classes."
        )
    held = f"{percent(found.coverage)} ({span(found.interval)}, n = {found.n_images:,})"
    how = "limits from validation" if found.scheme == "valid" else "each fifth from the other four fifths"
    return (
        f"Prediction sets for {percent(found.level)}: they contain the label of {held} and have"
        f" {found.mean_size:.1f} classes on average, {how}."
    )


def photos(found: NewPhotos) -> str:
    """Return what a set of new photos is: `18 photos of /photos/new, 1 unreadable`."""
    where = found.name if found.source == "folder" else "this workspace, excluded as showing something else"
    parts = [f"{found.n_images:,} {'photo' if found.n_images == 1 else 'photos'} of {where}"]
    parts += [f"{found.n_unread:,} unreadable"] if found.n_unread else []
    parts += [f"{found.n_known:,} left out, since the run knows them"] if found.n_known else []
    return ", ".join(parts)


def open_set(found: OpenSet) -> str:
    """Say how a model tells unrelated photos from photos of its classes."""
    auroc = f"{found.auroc:.2f} ({found.auroc_interval[0]:.2f} to {found.auroc_interval[1]:.2f})"
    photos = f"{found.n_accepted:,} of {found.n_unrelated:,} unrelated photos"
    share = f"{percent(found.false_accepts)} ({span(found.false_accepts_interval)})"
    accepts = f"{photos} are answered at {found.threshold:.2f}: {share}"
    return f"AUROC {auroc}; {accepts}."


def alarm(found: Exchangeability) -> str:
    """Say whether new photos look like the reference images."""
    images = f"{'validation' if found.split == 'valid' else found.split} images"
    if found.is_alarm is None or found.p is None:
        return f"Too few photos to compare: {found.n_new:,} new ones and {found.n_reference:,} {images}."
    medians = (
        f"Median confidence {percent(found.confidence_new)} on the new photos,"
        f" {percent(found.confidence_reference)} on the {images}"
    )
    if found.is_alarm:
        return (
            f"The new photos differ from the {images} (p = {found.p:.3f}): the scores above may not hold for"
            f" them. {medians}. Another mix of classes also counts as a difference."
        )
    return f"No difference from the {images} was found (p = {found.p:.2f}). {medians}."
