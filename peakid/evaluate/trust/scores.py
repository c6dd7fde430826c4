"""The scores of a run that say how far its answers and probabilities can be trusted, each with interval."""

from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np

from peakid.evaluate.scored_images import ScoredImages
from peakid.evaluate.trust import grouped
from peakid.evaluate.trust.grouped import Groups, Interval

RANGES = {"log_loss": (0.0, np.inf), "brier": (0.0, 2.0)}  # The smallest and the largest mean.
LEAST_PROBABILITY = 1e-15  # As in scikit-learn 1.2: the loss of a probability of 0 would be infinite.

ScoreName = Literal[
    "accuracy",           # Share of images whose predicted label is right.
    "top3_accuracy",      # Share of images with the label among the 3 most probable classes.
    "top5_accuracy",      # The same for 5 classes.
    "balanced_accuracy",  # Mean recall of the classes, each with the same weight.
    "macro_f1",           # Mean F1 of the classes.
    "log_loss",           # Mean of minus the logarithm of the label's probability; 0 is best.
    "brier",              # Mean squared distance of the probabilities from the label, 0..2; 0 is best.
    "overconfidence",     # Mean confidence minus accuracy; above 0 = the model is surer than it is right.
]  # fmt: skip
Method = Literal[
    "wilson",            # Of independent images.
    "wilson_groups",     # The same, with the number of images divided by the design effect of their groups.
    "linearised",        # For the number of independent images with its variance between groups.
    "bootstrap_groups",  # Studentised bootstrap over groups.
    "none",              # No interval holds for so few images.
]  # fmt: skip


Macro = tuple[float, np.ndarray, float]
"""A mean over classes, its influences (N,), and the number of images whose share would vary as much as it
does, if all classes were predicted equally well.
"""


@dataclass(frozen=True)
class Score:
    """One score of a run.

    Attributes:
        value: None where it is not defined.
        interval: Its 95 % interval; None where none holds.
        n_images: Images it was measured on, in `n_groups` groups.
    """

    name: ScoreName
    value: float | None
    interval: Interval | None
    n_images: int
    n_groups: int
    method: Method

    def to_json(self) -> dict[str, Any]:
        """Return the score as `--json` prints it."""
        return asdict(self) | {"interval": None if self.interval is None else list(self.interval)}


def labels(images: ScoredImages) -> np.ndarray:
    """Return the label each image is scored against, int64 of shape (N,): a class it also shows is right."""
    return np.where(images.also_shows, images.predicted, images.given).astype(np.int64)


def log_losses(pred_probs: np.ndarray, label: np.ndarray) -> np.ndarray:
    """Return minus the logarithm of the probability of each image's label, float64 of shape (N,)."""
    chosen = pred_probs[np.arange(len(label)), label].astype(np.float64)
    return -np.log(np.clip(chosen, LEAST_PROBABILITY, 1.0))


def brier_scores(pred_probs: np.ndarray, label: np.ndarray) -> np.ndarray:
    """Return the squared distance of the probabilities from each image's label, float64 (N,), in 0..2."""
    chosen = pred_probs[np.arange(len(label)), label].astype(np.float64)
    # In float64 without a copy of all probabilities in it: 1.6 GB for a million images of 200 classes.
    squares = np.einsum("nk,nk->n", pred_probs, pred_probs, dtype=np.float64)
    return squares - 2 * chosen + 1


def all_scores(images: ScoredImages) -> list[Score]:
    """Return every score of at least one image, in the order of `ScoreName`.

    Top-3 and top-5 accuracy are left out where there are no more classes than that. They, log loss and Brier
    score need the probabilities of all classes.
    """
    label, groups = labels(images), Groups.of(images.groups)
    found = [_share("accuracy", images.is_right, images.groups)]
    for name, n_top in (("top3_accuracy", 3), ("top5_accuracy", 5)):
        if len(images.class_names) > n_top and images.has_all_probabilities:
            found.append(_share(name, in_top(images.pred_probs, label, n_top), images.groups))
    n_classes = len(images.class_names)
    n_alike = np.bincount(label, minlength=n_classes)[label]
    of_classes: tuple[tuple[ScoreName, Macro], ...] = (
        ("balanced_accuracy", balanced_accuracy(label, images.predicted, n_classes)),
        ("macro_f1", macro_f1(label, images.predicted, n_classes)),
    )
    for name, (value, influence, n_most) in of_classes:
        interval = grouped.bounded_interval(value, influence, groups, n_most=n_most, n_alike=n_alike)
        found.append(Score(name, value, interval, len(label), groups.n_groups, "linearised"))
    if images.has_all_probabilities:
        found.append(_mean("log_loss", log_losses(images.pred_probs, label), images.groups))
        found.append(_mean("brier", brier_scores(images.pred_probs, label), images.groups))
    found.append(_overconfidence(images, groups))
    return found


def in_top(pred_probs: np.ndarray, label: np.ndarray, n_top: int) -> np.ndarray:
    """Return whether each label is among the `n_top` most probable classes, bool of shape (N,).

    Of equally probable classes, the first ones count, as `argmax` decides.
    """
    chosen = pred_probs[np.arange(len(label)), label][:, None]
    is_before = np.arange(pred_probs.shape[1]) < label[:, None]
    n_ahead = (pred_probs > chosen).sum(axis=1) + ((pred_probs == chosen) & is_before).sum(axis=1)
    return n_ahead < n_top


def balanced_accuracy(label: np.ndarray, predicted: np.ndarray, n_classes: int) -> Macro:
    """Return the mean recall of the classes that have images."""
    is_right = label == predicted
    support = np.bincount(label, minlength=n_classes)  # (K,)
    n_present = int((support > 0).sum())
    recall = np.bincount(label, weights=is_right, minlength=n_classes) / np.maximum(support, 1)
    influence = (is_right - recall[label]) / support[label] / n_present
    return float(recall.sum() / n_present), influence, _most_images(support)


def macro_f1(label: np.ndarray, predicted: np.ndarray, n_classes: int) -> Macro:
    """Return the mean F1 of the classes that have images."""
    is_right = label == predicted
    support = np.bincount(label, minlength=n_classes)
    total = np.maximum(support + np.bincount(predicted, minlength=n_classes), 1)  # (K,)
    f1 = 2 * np.bincount(label, weights=is_right, minlength=n_classes) / total
    weight = (support > 0) / (support > 0).sum()
    of_class = weight * f1 / total
    influence = 2 * is_right * (weight / total)[label] - of_class[label] - of_class[predicted]
    return float((weight * f1).sum()), influence, _most_images(support)


def _most_images(support: np.ndarray) -> float:
    present = support[support > 0]
    return float(len(present) ** 2 / (1 / present).sum())


def _share(name: ScoreName, hits: np.ndarray, groups: np.ndarray) -> Score:
    found = Groups.of(groups)
    method: Method = "wilson" if found.are_single else "wilson_groups"
    interval = grouped.share_interval(hits, groups)
    return Score(name, float(hits.mean()), interval, len(hits), found.n_groups, method)


def _overconfidence(images: ScoredImages, groups: Groups) -> Score:
    """Return mean confidence minus accuracy. Its interval is that of the accuracy, for its own variance."""
    confidence = images.confidence.astype(np.float64)
    mean, accuracy = float(confidence.mean()), float(images.is_right.mean())
    gaps = confidence - images.is_right
    influence = (gaps - gaps.mean()) / len(gaps)
    low, high = grouped.bounded_interval(accuracy, influence, groups, n_most=len(gaps))
    interval = mean - high, mean - low
    return Score("overconfidence", mean - accuracy, interval, len(gaps), groups.n_groups, "linearised")


def _mean(name: ScoreName, values: np.ndarray, groups: np.ndarray) -> Score:
    interval = grouped.mean_interval(values, groups)
    if interval is not None:
        low, high = RANGES.get(name, (-np.inf, np.inf))
        interval = max(interval[0], low), min(interval[1], high)
    n_groups = len(np.unique(groups))
    method: Method = "none" if interval is None else "bootstrap_groups"
    return Score(name, float(values.mean()), interval, len(values), n_groups, method)
