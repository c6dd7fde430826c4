"""Rank labels by how much out-of-sample predictions doubt them, and say which are probably wrong."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy
from scipy.special import expit, log_softmax

from peakid.suggest import noise as noises
from peakid.suggest.calibrated import sampled_rows
from peakid.suggest.head import Fit, LiveHead

LEAST = 1e-30  # A probability; smaller ones are rounded to 0 in single precision.
# Of the best other class in the margin. Self-confidence (0) is better where wrong labels are any class, the
# full margin (1) where classes resemble each other.
OTHER_SHARE = 0.5
# Share of labels that the head would not predict, from which rates of confusion begin to count, and from
# which they count fully: once most errors are settled, what is left are photos that are hard to tell apart.
DISAGREEING = (0.1, 0.2)
# Label qualities below this belong to near duplicates whose labels differ: one of them must be wrong.
CONFLICT_QUALITY = 0.01
LEAST_CONFIDENCE = 0.5  # Of a suggestion, for the label to count as an issue.


@dataclass(frozen=True)
class Ranking:
    """How much each label is doubted.

    Attributes:
        label_quality: float64 of shape (n,), 0..1, low = suspicious; NaN where there is no label. Not a
            probability: 0.5 and above means that no other class is clearly more likely.
        suggested: int64 of shape (n,): the most likely class, also without a label.
        is_issue: bool of shape (n,): the label is probably wrong, or near duplicates disagree.
        pair_share: How far wrong labels seem to lie in few pairs of classes, 0..1.
    """

    label_quality: np.ndarray
    suggested: np.ndarray
    is_issue: np.ndarray
    pair_share: float


def rank(
    head: LiveHead,
    labels: np.ndarray,
    n_classes: int,
    *,
    conflicts: np.ndarray | None = None,
    trusted: np.ndarray | None = None,
    others: Sequence[np.ndarray] = (),
) -> tuple[Fit, Ranking]:
    """Fit the head and rank the labels.

    Where wrong labels are concentrated in pairs of classes, a label is compared with the classes that are
    confused with it: the posterior of the true class by the estimated rates of confusion. Elsewhere it is
    compared with the best other class.

    Args:
        labels: int64 of shape (n,), in 0..K-1, or -1 without a label.
        conflicts: bool of shape (n,): near duplicates of the image have another label. They come first.
        trusted: bool of shape (n,): a person has judged the image. The rates of confusion are estimated from
            the other labels, and the image is no issue.
        others: Probabilities of other models that did not see the image, each (n, K); NaN where there are
            none.
    """
    labels = np.asarray(labels)
    fit = head.fit(labels, n_classes)
    return fit, ranking(fit.probabilities, labels, conflicts=conflicts, trusted=trusted, others=others)


def ranking(
    probabilities: np.ndarray,
    labels: np.ndarray,
    *,
    conflicts: np.ndarray | None = None,
    trusted: np.ndarray | None = None,
    others: Sequence[np.ndarray] = (),
) -> Ranking:
    """Rank labels by probabilities that do not know them, as `rank` does.

    Args:
        probabilities: Of each class, (n, K).
    """
    logp = _log(probabilities)
    for other in others:
        logp = _combined(logp, other, labels)
    known = np.flatnonzero(labels >= 0)
    conflicting = np.zeros(len(labels), dtype=bool) if conflicts is None else conflicts & (labels >= 0)
    suggested = logp.argmax(axis=1) if logp.shape[1] else np.full(len(labels), -1)
    quality, is_issue = np.full(len(labels), np.nan), np.zeros(len(labels), dtype=bool)
    if not len(known):
        return Ranking(quality, suggested, is_issue, 0.0)
    judged = np.zeros(len(labels), dtype=bool) if trusted is None else trusted
    margin, pair_share = _doubt(logp[known], labels[known], ~judged[known])
    quality[known] = expit(margin)
    able = ((suggested != labels) & ~judged)[known]
    n_issues = int((able & _confidently_other(np.exp(logp[known]), labels[known])).sum())
    first = known[able][np.argsort(margin[able], kind="stable")[:n_issues]]
    is_issue[first] = True
    is_issue |= conflicting & ~judged
    quality = np.where(
        conflicting, CONFLICT_QUALITY * quality, CONFLICT_QUALITY + (1 - CONFLICT_QUALITY) * quality
    )
    return Ranking(quality, suggested, is_issue, pair_share)


def _doubt(logp: np.ndarray, labels: np.ndarray, is_open: np.ndarray) -> tuple[np.ndarray, float]:
    """Return how little each label is doubted, (n,), and how far rates of confusion were used for it, 0..1.

    Args:
        is_open: Images that no person has judged.
    """
    of_any = _margin(logp, labels, OTHER_SHARE)
    if not is_open.any():
        return of_any, 0.0
    noise = noises.estimate(logp[is_open], labels[is_open])
    low, high = DISAGREEING
    disagreeing = (logp.argmax(axis=1) != labels)[is_open].mean()
    share = noise.pair_share * float(np.clip((disagreeing - low) / (high - low), 0, 1))
    of_pairs = _margin(noise.log_posterior(logp, labels), labels, 1.0)
    return share * of_pairs + (1 - share) * of_any, share


def _log(probabilities: np.ndarray) -> np.ndarray:
    return np.log(np.maximum(probabilities.astype(float), LEAST))


def _margin(logp: np.ndarray, labels: np.ndarray, other_share: float) -> np.ndarray:
    """Return the log-probability of the label minus a share of that of the best other class: (n,)."""
    rows = np.arange(len(labels))
    given = logp[rows, labels]
    if logp.shape[1] == 1:
        return given
    others = logp.copy()
    others[rows, labels] = -np.inf
    return given - other_share * others.max(axis=1)


def _confidently_other(p: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return which labels confident learning counts as wrong (Northcutt 2021), bool of shape (n,).

    Another class is as likely as it usually is for its own images, and more likely than not.
    """
    n_classes = p.shape[1]
    usual = [p[labels == k, k].mean() if (labels == k).any() else np.inf for k in range(n_classes)]
    able = np.where(p >= np.maximum(usual, LEAST_CONFIDENCE), p, -1.0)  # (n, K)
    return (able.max(axis=1) > 0) & (able.argmax(axis=1) != labels)


def _combined(logp: np.ndarray, other: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return both models' log-probabilities, weighted so that the labels are most likely: (n, K)."""
    has_other = np.isfinite(other).sum(axis=1) == other.shape[1]  # (n,)
    used = np.flatnonzero(has_other & (labels >= 0))
    if not len(used):
        return logp
    logq = _log(np.where(has_other[:, None], other, 1.0))  # (n, K)
    rows = used[sampled_rows(len(used))]

    def mixed(weights: np.ndarray, at: np.ndarray) -> np.ndarray:
        return log_softmax(weights[0] * logp[at] + weights[1] * logq[at], axis=1)

    def cost(weights: np.ndarray) -> float:
        return float(-mixed(weights, rows)[np.arange(len(rows)), labels[rows]].mean())

    start = np.array([0.5, 0.5])
    found = scipy.optimize.minimize(cost, start, method="L-BFGS-B", bounds=[(0.0, 5.0), (0.0, 5.0)]).x
    result = logp.copy()
    at = np.flatnonzero(has_other)
    result[at] = mixed(found, at)
    return result
