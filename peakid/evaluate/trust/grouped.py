"""Confidence intervals for figures of images in groups: near duplicates do not count as several images.

Groups are the unit of sampling. With groups of one image, the intervals are those of independent images.
Which method belongs to which figure was decided by simulation (`bench/intervals.py`).
"""

from dataclasses import dataclass

import numpy as np

from peakid.evaluate.distributions import t_quantile
from peakid.evaluate.intervals import Z_95, wilson_of_share
from peakid.evaluate.scored_images import ScoredImages

N_DRAWS = 1000  # Resamples. The 2.5 % points of 1,000 move by less than a tenth of the interval's width.
MOST_RESAMPLED = 2000  # Groups. Means of more are so close to normal that resamples show nothing else.
MAX_CELLS = 2**22  # Weights held at once: 32 MB.
MOST_LEVERAGE = 0.5  # A class whose images are all of one group would have no variance that is known.
PRIOR_VARIANCE = 0.05  # Of a group of agreeing images that is added: that of a share of 95 %.
LEAST_GROUPS = 5  # For a studentised bootstrap; with fewer, resamples repeat each other.

Interval = tuple[float, float]


@dataclass(frozen=True)
class Groups:
    """The groups of N images, numbered anew from 0.

    Attributes:
        number: int64 of shape (N,), in 0..G-1.
        sizes: float64 of shape (G,): images of each group.
    """

    number: np.ndarray
    sizes: np.ndarray

    @classmethod
    def of(cls, groups: np.ndarray) -> "Groups":
        """Return the groups of images from any numbers, equal for near duplicates, of shape (N,)."""
        if len(groups) and groups.dtype.kind == "i" and groups.min() >= 0 and groups.max() < 4 * len(groups):
            counts = np.bincount(groups)  # Ten times as fast as sorting a million numbers.
            is_used = counts > 0
            return cls((np.cumsum(is_used) - 1)[groups], counts[is_used].astype(np.float64))
        _, number, sizes = np.unique(groups, return_inverse=True, return_counts=True)
        return cls(number, sizes.astype(np.float64))

    @property
    def n_images(self) -> int:
        return len(self.number)

    @property
    def n_groups(self) -> int:
        return len(self.sizes)

    @property
    def are_single(self) -> bool:
        """Whether every group has one image, so that all images are independent."""
        return self.n_groups == self.n_images

    @property
    def n_independent(self) -> float:
        """The number of independent images where all images of a group agree (Kish 1965)."""
        return float(self.n_images**2 / np.square(self.sizes).sum()) if self.n_images else 0.0

    @property
    def z(self) -> float:
        """Normal quantile of a 95 % interval, or Student's with the degrees of freedom of unequal groups."""
        if self.are_single:
            return Z_95
        squares = np.square(self.sizes)
        return t_quantile(0.975, max(1.0, squares.sum() ** 2 / np.square(squares).sum() - 1))

    def sums(self, values: np.ndarray) -> np.ndarray:
        """Return the sums of N values by group, float64 of shape (G,)."""
        return np.bincount(self.number, weights=values, minlength=self.n_groups)


def accuracy_interval(images: ScoredImages) -> Interval:
    """Return the 95 % interval of the accuracy: Wilson's, by groups where a group has several images."""
    return share_interval(images.is_right, images.groups)


def share_interval(hits: np.ndarray, groups: np.ndarray | Groups) -> Interval:
    """Return the 95 % interval of a share of images; (0, 1) without images.

    Wilson's, with the number of images divided by the design effect of their groups (Rao and Scott 1992).
    Without near duplicates the design effect is 1.

    Args:
        hits: bool of shape (N,).
        groups: Of shape (N,), equal for near duplicates; or these groups, counted already.
    """
    found = groups if isinstance(groups, Groups) else Groups.of(groups)
    if not found.n_images:
        return 0.0, 1.0
    return wilson_of_share(float(np.mean(hits)), found.n_images / design_effect(hits, found))


def design_effect(values: np.ndarray, groups: np.ndarray | Groups) -> float:
    """Return by how much the variance of a mean grows because groups were drawn, not images; 1 or more.

    It is 1 + r * pairs / N (Kish 1965), where r is the intraclass correlation over all ordered pairs of near
    duplicates (the pairwise estimator of Ridout, Demetrio and Firth 1999), each residual of a group corrected
    by its share of the images (HC2, MacKinnon and White 1985). Few groups that vary say little about r, so it
    is drawn towards 1 by one more group whose images agree. With many groups the variance is that of a
    bootstrap over groups; where nothing varies, near duplicates count once.

    Args:
        values: Of shape (N,), such as 1 where a run is right and 0 where it is wrong, or their differences.
        groups: Of shape (N,), equal for near duplicates; or these groups, counted already.
    """
    found = groups if isinstance(groups, Groups) else Groups.of(groups)
    if found.are_single:
        return 1.0
    if found.n_groups < 2:
        return float(found.n_images)
    n, sizes = found.n_images, found.sizes
    deviations = np.asarray(values, dtype=np.float64) - np.mean(values)
    sums, squares = found.sums(deviations), found.sums(np.square(deviations))  # (G,)
    total, pairs = float(squares.sum()), sizes * (sizes - 1)
    n_pairs = float(pairs.sum())
    if total <= 1e-12 * n:
        return 1 + n_pairs / n
    between = float((np.square(sums) / (1 - np.minimum(sizes / n, MOST_LEVERAGE))).sum())
    correlation = (between - total) / (total / n * n_pairs)
    # The number of equal groups that tell as much, times the variance of the images of groups of several.
    own_mean = float(((sizes - 1) * sums).sum()) / n_pairs
    squares += own_mean * (own_mean * sizes - 2 * sums)
    evidence = n_pairs * float(((sizes - 1) * squares).sum()) / float(np.square(pairs).sum())
    shrunk = (evidence * correlation + PRIOR_VARIANCE) / (evidence + PRIOR_VARIANCE)
    return 1 + min(max(shrunk, 0.0), 1.0) * n_pairs / n


def bounded_interval(
    score: float,
    influence: np.ndarray,
    groups: Groups,
    *,
    n_most: float,
    n_alike: np.ndarray | None = None,
) -> Interval:
    """Return the 95 % interval of a score in 0..1 as Wilson's for its effective number of images.

    The effective number is that of independent images whose share would have the variance of the score. A
    score of exactly 0 or 1 has no variance of its own, and takes that of groups whose images all agree.

    Args:
        influence: Change of the score with each image (its influence function divided by N), of shape (N,).
        n_most: Upper limit of the effective number.
        n_alike: Images that each image is averaged with, of shape (N,): those of its class. None = all.
    """
    spread = score * (1 - score)
    if spread <= 0 or groups.n_groups < 2:
        n_effective = n_most * groups.n_independent / groups.n_images
    else:
        n_effective = min(n_most, spread / max(variance(influence, groups, n_alike), 1e-300))
    return wilson_of_share(score, n_effective, z=groups.z)


def variance(influence: np.ndarray, groups: Groups, n_alike: np.ndarray | None = None) -> float:
    """Return the variance of a figure from its influence on each image, with independent groups."""
    sums = groups.sums(influence)
    if groups.are_single:
        return float(np.square(sums).sum())
    # Each group's share in the mean shrinks its own residual (the correction HC3 of regression).
    alike = np.full(groups.n_images, groups.n_images) if n_alike is None else n_alike
    leverage = np.minimum(groups.sums(1 / alike), MOST_LEVERAGE)
    return float(np.square((sums - sums.mean()) / (1 - leverage)).sum())


def mean_interval(
    values: np.ndarray, groups: np.ndarray, *, is_heavy_tailed: bool = False, seed: int = 0
) -> Interval | None:
    """Return the 95 % interval of a mean over images by a studentised bootstrap over groups.

    Percentile and BCa intervals are too short for skewed values, such as the losses of 50 images. With more
    than `MOST_RESAMPLED` groups, it is the normal interval.

    Args:
        values: Of shape (N,).
        is_heavy_tailed: A few values on either side decide the mean, as differences of losses do: the
            interval then covers the symmetric one too.

    Returns:
        None with fewer than five groups or equal values: no interval can be had from them.
    """
    found = Groups.of(groups)
    if found.n_groups < LEAST_GROUPS:
        return None
    mean = float(np.mean(values))
    centred = np.asarray(values, dtype=np.float64) - mean
    sums = found.sums(centred)
    error = float(np.sqrt(np.square(sums).sum()) / found.n_images)
    if error <= 1e-12 * max(1.0, abs(mean)):
        return None
    if found.n_groups > MOST_RESAMPLED:
        return mean - found.z * error, mean + found.z * error
    resampled = _studentised(sums, found.sizes, seed)
    low, high = np.quantile(resampled, [0.025, 0.975])
    if is_heavy_tailed:
        most = float(np.quantile(np.abs(resampled), 0.95))
        low, high = min(low, -most), max(high, most)
    error *= found.z / Z_95  # Unequal groups are fewer than they seem.
    return mean - float(high) * error, mean - float(low) * error


def _studentised(sums: np.ndarray, sizes: np.ndarray, seed: int) -> np.ndarray:
    """Return resampled means of centred values, each divided by its own standard error."""
    rng, found = np.random.default_rng(seed), []
    products = np.stack([sums, sizes, sums**2, sums * sizes, sizes**2], axis=1)  # (G, 5)
    step = max(1, min(N_DRAWS, MAX_CELLS // len(sums)))
    for start in range(0, N_DRAWS, step):
        weights = draws(len(sums), min(step, N_DRAWS - start), rng)  # (B, G)
        total, n, squares, crossed, sizes_squared = (weights @ products).T
        means = total / n
        errors = np.sqrt(np.maximum(squares - 2 * means * crossed + means**2 * sizes_squared, 0)) / n
        found.append(np.where(errors > 0, means / np.maximum(errors, 1e-300), 0.0))
    return np.concatenate(found)


def draws(n_groups: int, n_draws: int, rng: np.random.Generator) -> np.ndarray:
    """Return how often each group occurs in resamples with replacement: float64 of shape (B, G)."""
    chosen = rng.integers(0, n_groups, size=(n_draws, n_groups))
    chosen += n_groups * np.arange(n_draws)[:, None]
    counts = np.bincount(chosen.ravel(), minlength=n_draws * n_groups)
    return counts.reshape(n_draws, n_groups).astype(np.float64)
