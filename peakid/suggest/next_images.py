"""Order images without a label by how much a label of them would help the model most.

Few labels: the images that are most typical of the largest groups without a label (TypiClust, Hacohen and
others 2022), because the doubts of a model that has seen little are worth little. Then: images that the model
is unsure about, one of each kind among the most doubtful, because the most doubtful ones resemble each other.
Of very many images, some thousands drawn at random are grouped: large groups are large there, too.
"""

import numpy as np

N_FIRST = 20  # Images that differ from each other at the head of the order: what a person labels in a minute.
FEW_A_CLASS = 3  # Labels for each class up to which typical images come first.
_N_DOUBTFUL = 3  # Times `N_FIRST`: how many doubtful images are looked through for different kinds.
_MOST_GROUPED = 3_000  # Images that are grouped, drawn at random: a second of work.
_N_STEPS = 15  # Of k-means.
_N_NEAR = 20  # Neighbours by which an image is typical.
_SMALLEST = 1e-6
_BLOCK = 65_536  # Images whose probabilities are compared at once: 16 MB with 30 classes.


def usefulness(
    features: np.ndarray,
    probabilities: np.ndarray | None,
    labels: np.ndarray,
    *,
    n_first: int = N_FIRST,
    seed: int = 0,
) -> np.ndarray:
    """Return how useful a label of each image would be, from 1 (label it first) to above 0; NaN with a label.

    Args:
        features: Of shape (N, C); their length does not matter.
        probabilities: Of the model, of shape (N, K); None where it has none yet.
        labels: int64 of shape (N,), -1 = no label.
        n_first: Images at the head that are chosen to differ from each other.
        seed: Of the grouping.

    Returns:
        float64 of shape (N,), by rank: no two images without a label have the same value.
    """
    result = np.full(len(labels), np.nan)
    unlabelled = np.flatnonzero(labels < 0)
    if not len(unlabelled):
        return result
    rng = np.random.default_rng(seed)
    if probabilities is None or (labels >= 0).sum() < FEW_A_CLASS * probabilities.shape[1]:
        first = _typical(features, labels, min(n_first, len(unlabelled)), rng)
        rest = rng.permutation(unlabelled) if probabilities is None else _doubtful(probabilities, unlabelled)
    else:
        rest = _doubtful(probabilities, unlabelled)
        first = _different(features, rest[: _N_DOUBTFUL * n_first], min(n_first, len(rest)), rng)
    order = np.concatenate([first, rest[~np.isin(rest, first)]])
    result[order] = 1 - np.arange(len(order)) / len(order)
    return result


def first(values: np.ndarray, n: int) -> np.ndarray:
    """Return `usefulness` with NaN for all but the `n` most useful images: only they are worth storing."""
    return np.where(np.nan_to_num(values) > _nth(values, n), values, np.nan)


def _nth(values: np.ndarray, n: int) -> float:
    """Return the value of image `n + 1`, 0 where there are fewer."""
    known = values[~np.isnan(values)]
    return float(-np.partition(-known, n)[n]) if len(known) > n else 0.0


def _doubtful(probabilities: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Return rows ordered by the ratio of their two highest probabilities, the closest first."""
    margin = np.empty(len(rows))
    for first in range(0, len(rows), _BLOCK):
        part = probabilities[rows[first : first + _BLOCK]].astype(np.float64)  # (B, K)
        highest = np.partition(part, part.shape[1] - 2, axis=1)[:, -2:]  # (B, 2)
        margin[first : first + _BLOCK] = np.diff(np.log(np.maximum(highest, _SMALLEST)), axis=1)[:, 0]
    return rows[np.argsort(margin, kind="stable")]


def _different(features: np.ndarray, rows: np.ndarray, n: int, rng: np.random.Generator) -> np.ndarray:
    """Return `n` of these rows, in their order: the first of each of `n` groups."""
    groups = _grouped(_unit(features[rows]), n, rng)
    chosen = np.unique(groups, return_index=True)[1]
    others = np.setdiff1d(np.arange(len(rows)), chosen)
    return rows[np.sort([*chosen, *others[: n - len(chosen)]])]


def _typical(features: np.ndarray, labels: np.ndarray, n: int, rng: np.random.Generator) -> np.ndarray:
    """Return `n` images without a label, each the most typical of a group in which none has one."""
    labelled, unlabelled = np.flatnonzero(labels >= 0), np.flatnonzero(labels < 0)
    if len(unlabelled) > _MOST_GROUPED:
        unlabelled = rng.choice(unlabelled, _MOST_GROUPED, replace=False)
    rows = np.concatenate([labelled, unlabelled])
    x = _unit(features[rows])
    groups = _grouped(x, min(len(labelled) + n, len(rows)), rng)
    is_open = ~np.isin(groups, groups[: len(labelled)])
    sizes = np.bincount(groups)
    chosen = [
        _most_typical(x, np.flatnonzero(groups == group))
        for group in np.argsort(-sizes, kind="stable")
        if (is_open & (groups == group)).any()
    ][:n]
    others = rng.permutation(np.setdiff1d(np.arange(len(labelled), len(rows)), chosen))
    return rows[[*chosen, *others[: n - len(chosen)].tolist()]]


def _most_typical(x: np.ndarray, rows: np.ndarray) -> int:
    """Return the row with the smallest mean distance to its nearest neighbours among `rows`."""
    n_near = min(_N_NEAR, len(rows) - 1)
    if n_near < 1:
        return int(rows[0])
    near = np.sort(x[rows] @ x[rows].T, axis=1)[:, -n_near - 1 : -1]  # Without itself.
    distance = np.sqrt(np.clip(2 - 2 * near, 0, None)).mean(axis=1)
    return int(rows[distance.argmin()])


def _unit(features: np.ndarray) -> np.ndarray:
    """Return features around their mean, each of length 1: float32 of the same shape."""
    x = features.astype(np.float32)
    x -= x.mean(axis=0)
    return x / np.maximum(np.linalg.norm(x, axis=1, keepdims=True), _SMALLEST)


def _grouped(x: np.ndarray, n: int, rng: np.random.Generator) -> np.ndarray:
    """Group rows by k-means from a k-means++ start: int64 of shape (N,), in 0..n-1."""
    chosen = _start(x, min(n, len(x)), rng)
    middles, groups = x[chosen].copy(), np.zeros(len(x), dtype=np.int64)
    for step in range(_N_STEPS):
        nearest = ((middles**2).sum(axis=1) - 2 * x @ middles.T).argmin(axis=1)
        if step and (nearest == groups).all():
            break
        groups = nearest
        for group in np.unique(groups):
            middles[group] = x[groups == group].mean(axis=0)
    return groups


def _start(x: np.ndarray, n: int, rng: np.random.Generator) -> list[int]:
    """Return `n` rows that are far from each other: of several draws, the one that leaves the least."""
    n_draws = 2 + int(np.log(max(n, 1)))  # As scikit-learn does.
    chosen = [int(rng.integers(len(x)))]
    left = _distance(x, x[chosen])[:, 0]  # From each row to the nearest chosen one.
    while len(chosen) < n:
        total = left.sum()
        if total <= _SMALLEST:  # All others are copies of chosen ones.
            others = np.setdiff1d(np.arange(len(x)), chosen)
            return [*chosen, *rng.choice(others, n - len(chosen), replace=False).tolist()]
        drawn = rng.choice(len(x), n_draws, p=left / total)
        after = np.minimum(left[:, None], _distance(x, x[drawn]))  # (N, draws)
        best = int(after.sum(axis=0).argmin())
        chosen.append(int(drawn[best]))
        left = after[:, best]
    return chosen


def _distance(x: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Return the squared distances of rows of length 1: float64 of shape (N, M)."""
    return np.clip(2 - 2 * (x @ others.T), 0, None).astype(np.float64)
