"""Confidence intervals and tests for shares that are counted on n images."""

import math

from peakid.evaluate.distributions import at_least

Z_95 = 1.959963984540054  # The 97.5 % point of the standard normal distribution: two sides, 95 % between.


def wilson(k: float, n: float, *, z: float = Z_95) -> tuple[float, float]:
    """Return Wilson's 95 % interval of a share, `k` of `n`; (0, 1) for n = 0.

    It stays within 0..1 and has the right coverage for the few images and high shares of a small test split,
    where the textbook interval `p +- 1.96 s` of 10 of 10 has no width.

    Args:
        k: Not whole where several images count as one.
    """
    return wilson_of_share(k / n, n, z=z) if n else (0.0, 1.0)


def wilson_of_share(share: float, n: float, *, z: float = Z_95) -> tuple[float, float]:
    """Return Wilson's interval of a share in 0..1 of `n` independent images; `n` need not be whole."""
    centre = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    # Exact at the ends; rounding would otherwise leave 1e-17 below 0 or above 1.
    return (0.0 if share == 0 else centre - half), (1.0 if share == 1 else centre + half)


def paired_difference(n: float, n_only_a: float, n_only_b: float, *, z: float = Z_95) -> tuple[float, float]:
    """Return the 95 % interval of accuracy b minus accuracy a, both counted on the same `n` images.

    Agresti and Min 2005, section 4: half an image is added to each of the four cells, after which the plain
    formula has the right coverage from about ten images on. Comparing two separate intervals would ignore
    that both runs were scored on the same images, and miss real differences.

    Args:
        n_only_a: Images that only run a predicts correctly.
        n_only_b: Images that only run b predicts correctly.
    """
    total, only_a, only_b = n + 2.0, n_only_a + 0.5, n_only_b + 0.5
    difference = (only_b - only_a) / total
    half = z * math.sqrt(only_a + only_b - (only_b - only_a) ** 2 / total) / total
    return max(-1.0, difference - half), min(1.0, difference + half)


def independent_difference(k_a: int, n_a: int, k_b: int, n_b: int, *, z: float = Z_95) -> tuple[float, float]:
    """Return the 95 % interval of share a minus share b, counted on different images.

    Newcombe 1998, method 10: the two Wilson intervals combined. It stays within -1..1 and has the right
    coverage for the few images of a small split.
    """
    return combined_difference(k_a / n_a, wilson(k_a, n_a, z=z), k_b / n_b, wilson(k_b, n_b, z=z))


def combined_difference(
    a: float, interval_a: tuple[float, float], b: float, interval_b: tuple[float, float]
) -> tuple[float, float]:
    """Return the interval of `a` minus `b`, measured on different images, from the interval of each.

    Zou and Donner 2008: the distances of the two shares from their bounds are combined as independent errors.
    """
    (low_a, high_a), (low_b, high_b) = interval_a, interval_b
    below, above = math.hypot(a - low_a, high_b - b), math.hypot(high_a - a, b - low_b)
    return a - b - below, a - b + above


def mcnemar(n_only_a: int, n_only_b: int) -> float:
    """Return the exact p-value of McNemar's test: how often equally good models would differ this much."""
    return min(1.0, 2 * at_least(max(n_only_a, n_only_b), n_only_a + n_only_b))
