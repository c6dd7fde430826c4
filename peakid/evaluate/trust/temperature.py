"""Temperature scaling: one number that makes probabilities less or more certain, fitted on other images.

The order of the classes of an image stays, and so does the accuracy (Guo et al. 2017, section 4.2).
"""

import math
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
import scipy

from peakid.evaluate.scored_images import ScoredImages
from peakid.evaluate.trust import calibration, grouped, scores
from peakid.evaluate.trust.grouped import Interval

LEAST, MOST = 0.05, 20.0  # Beyond, probabilities are 0 and 1, or all equal.
NEAR_LIMIT = 1.05
N_FOLDS = 5
MOST_IMAGES = 5000  # Evenly spread among them all: they determine one number to a percent.
LEAST_INDEPENDENT = 150  # Below, the paired interval held 87 of 100 times: few images change most.
LEAST_IMAGES = 10  # To fit one number; with fewer it follows single images.
_BLOCK = 50_000  # Images whose scaled probabilities are in memory at once.

Scheme = Literal[
    "valid",         # Fitted on validation, reported on other images.
    "cross-fitted",  # Each fifth of the groups is scaled by the temperature fitted on the other four.
]  # fmt: skip


@dataclass(frozen=True)
class Fitted:
    """A temperature; above 1 the model was too sure.

    Attributes:
        n_images: Images it was fitted on.
        is_at_limit: The images do not determine it: none is wrong, or the best one lies outside the range.
    """

    temperature: float
    n_images: int
    is_at_limit: bool


@dataclass(frozen=True)
class Change:
    """A figure before and after, on the same images.

    Attributes:
        interval: 95 % interval of after minus before, paired by image; None where none holds.
    """

    before: float
    after: float
    interval: Interval | None


@dataclass(frozen=True)
class TemperatureEffect:
    """What temperature scaling changes on images that it was not fitted on.

    Attributes:
        temperature: That of all fitted images, also where the effect is cross-fitted.
        ece: Without interval: none holds for a few hundred images. `chance_ece_after` is what a calibrated
            model stays below 19 times in 20.
    """

    scheme: Scheme
    temperature: float
    is_at_limit: bool
    n_fitted: int
    n_images: int
    log_loss: Change
    brier: Change
    ece: Change
    chance_ece_after: float | None

    def to_json(self) -> dict[str, Any]:
        """Return the effect as `--json` prints it."""
        return asdict(self)


def scaled(pred_probs: np.ndarray, temperature: float) -> np.ndarray:
    """Return probabilities at a temperature, float32 of shape (N, K); unchanged at 1."""
    if temperature == 1:
        return np.asarray(pred_probs)
    powers = _log(pred_probs) / temperature
    powers -= powers.max(axis=1, keepdims=True)
    unscaled = np.exp(powers)
    return (unscaled / unscaled.sum(axis=1, keepdims=True)).astype(np.float32)


def confidence(pred_probs: np.ndarray, temperature: float) -> np.ndarray:
    """Return the highest probability of each image at a temperature, float32 of shape (N,)."""
    if temperature == 1:
        return np.asarray(pred_probs).max(axis=1)
    starts = range(0, len(pred_probs), _BLOCK)
    found = [scaled(pred_probs[n : n + _BLOCK], temperature).max(axis=1) for n in starts]
    return np.concatenate(found) if found else np.zeros(0, dtype=np.float32)


def fit(images: ScoredImages) -> Fitted | None:
    """Return the temperature with the lowest log loss; None for fewer than ten images."""
    return _fit(images.pred_probs, scores.labels(images))


def effect(
    images: ScoredImages, fitted_on: ScoredImages | None, fitted: Fitted | None = None
) -> TemperatureEffect | None:
    """Return what the temperature changes on `images`.

    Args:
        fitted_on: Other images of the same run; None = cross-fit on `images` themselves.
        fitted: The temperature, where the images are a sample of those that it was fitted on.

    Returns:
        None where there are too few images to fit a temperature.
    """
    found = fitted or fit(images if fitted_on is None else fitted_on)
    if found is None or not len(images):
        return None
    if fitted_on is None:
        after = cross_fitted(images)
        if after is None:
            return None
    else:
        after = scaled(images.pred_probs, found.temperature)
    label = scores.labels(images)
    confidence = after.max(axis=1)
    losses = [scores.log_losses(each, label) for each in (images.pred_probs, after)]
    briers = [scores.brier_scores(each, label) for each in (images.pred_probs, after)]
    eces = [calibration.ece(each, images.is_right) for each in (images.confidence, confidence)]
    return TemperatureEffect(
        scheme="cross-fitted" if fitted_on is None else "valid",
        temperature=found.temperature,
        is_at_limit=found.is_at_limit,
        n_fitted=found.n_images,
        n_images=len(images),
        log_loss=_change(*losses, images.groups),
        brier=_change(*briers, images.groups),
        ece=Change(eces[0], eces[1], None),
        chance_ece_after=calibration.chance_ece(confidence, images.groups),
    )


def cross_fitted(images: ScoredImages) -> np.ndarray | None:
    """Return the probabilities of each image at the temperature that images of other groups fit.

    Returns:
        float32 of shape (N, K); None where four fifths of the groups have too few images.
    """
    label, fold = scores.labels(images), folds(images.groups)
    after = np.array(images.pred_probs, dtype=np.float32)
    for each in range(N_FOLDS):
        inside = fold == each
        if not inside.any():
            continue
        found = _fit(images.pred_probs[~inside], label[~inside])
        if found is None:
            return None
        after[inside] = scaled(images.pred_probs[inside], found.temperature)
    return after


def folds(groups: np.ndarray, *, seed: int = 0) -> np.ndarray:
    """Return the fold 0..4 of each image; a group stays together."""
    _, number = np.unique(groups, return_inverse=True)
    n_groups = int(number.max()) + 1 if len(number) else 0
    dealt = np.random.default_rng(seed).permutation(n_groups) % N_FOLDS
    return dealt[number]


def _fit(pred_probs: np.ndarray, label: np.ndarray) -> Fitted | None:
    if len(label) < LEAST_IMAGES:
        return None
    some = np.unique(np.linspace(0, len(label) - 1, min(len(label), MOST_IMAGES)).round().astype(np.int64))
    log_probs, chosen = _log(pred_probs[some]), label[some]
    rows = np.arange(len(some))

    def loss(log_temperature: float) -> float:
        powers = log_probs * math.exp(-log_temperature)
        top = powers.max(axis=1)
        total = top + np.log(np.exp(powers - top[:, None]).sum(axis=1))
        return float(np.mean(total - powers[rows, chosen]))

    limits = math.log(LEAST), math.log(MOST)
    found = math.exp(
        scipy.optimize.minimize_scalar(loss, bounds=limits, method="bounded", options={"xatol": 1e-4}).x
    )
    is_flat = bool((pred_probs.argmax(axis=1) == label).all())
    is_at_limit = is_flat or found < LEAST * NEAR_LIMIT or found > MOST / NEAR_LIMIT
    return Fitted(found, len(label), is_at_limit)


def _change(before: np.ndarray, after: np.ndarray, groups: np.ndarray) -> Change:
    is_enough = grouped.Groups.of(groups).n_independent >= LEAST_INDEPENDENT
    interval = None
    if is_enough:
        interval = grouped.mean_interval(after - before, groups, is_heavy_tailed=True)
    return Change(float(before.mean()), float(after.mean()), interval)


def _log(pred_probs: np.ndarray) -> np.ndarray:
    return np.log(np.clip(np.asarray(pred_probs, dtype=np.float64), scores.LEAST_PROBABILITY, 1.0))
