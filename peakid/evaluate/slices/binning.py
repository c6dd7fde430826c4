"""Cut a measure at its quantiles into a few ranges, and say in words which they are."""

import itertools

import numpy as np

ONE_BIN = "every value"  # Where the values are too alike for two ranges.


def edges(values: np.ndarray, n_bins: int) -> np.ndarray:
    """Return the inner edges of up to `n_bins` ranges with about as many values each, ascending.

    A value that many images have is never cut. A range includes its lower edge.

    Args:
        values: float64 of shape (N,), at least one; all finite.
    """
    inner = np.quantile(values, np.linspace(0, 1, n_bins + 1)[1:-1], method="inverted_cdf")
    return np.unique(inner[inner > values.min()])


def names(inner: np.ndarray, unit: str) -> list[str]:
    """Return the range of each bin as text: `below 0.31`, `0.31 to 0.5`, `0.5 and more`.

    Args:
        inner: The inner edges, ascending; of none, there is one range.
        unit: Follows a number, such as " px".
    """
    if not len(inner):
        return [ONE_BIN]
    between = [f"{number(low)} to {number(high)}{unit}" for low, high in itertools.pairwise(inner)]
    return [f"below {number(inner[0])}{unit}", *between, f"{number(inner[-1])}{unit} and more"]


def number(value: float) -> str:
    """Return a number with three digits, or without decimals from 100 on."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
