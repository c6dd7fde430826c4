"""Probabilities of some distributions, as of `scipy.stats`, whose import takes over a second.

The first person who opens a page would wait for it. Its checks, which take most of the time of a call, are
left out.
"""

import math

import numpy as np
import scipy


def at_least(k: int, n: int) -> float:
    """Return how likely `n` throws of a coin show at least `k` heads, in 0..1."""
    if k > n:
        return 0.0
    return float(scipy.special.bdtrc(k - 1, n, 0.5)) if k > 0 else 1.0


def t_quantile(p: float, freedom: float) -> float:
    """Return the quantile of Student's t at `p` in 0..1; the degrees of freedom may be `math.inf`."""
    return float(scipy.special.ndtri(p) if freedom == math.inf else scipy.special.stdtrit(freedom, p))


def t_above(t: float, freedom: float) -> float:
    """Return how likely Student's t is above `t`, in 0..1; the degrees of freedom may be `math.inf`."""
    return float(scipy.special.ndtr(-t) if freedom == math.inf else scipy.special.stdtr(freedom, -t))


def binomial(n: int, p: float) -> np.ndarray:
    """Return the probability of 0, 1, ..., n hits in `n` draws, float64 of shape (n + 1,).

    Args:
        p: Of a hit, between 0 and 1 and neither of them.
    """
    counts = np.arange(n + 1)
    return np.exp(_log_choose(n) + counts * np.log(p) + (n - counts) * np.log1p(-p))


def beta_binomial(n: int, a: float, b: float) -> np.ndarray:
    """Return the same where the probability of a hit is itself drawn from a beta distribution."""
    counts = np.arange(n + 1)
    return np.exp(
        _log_choose(n) + scipy.special.betaln(counts + a, n - counts + b) - scipy.special.betaln(a, b)
    )


def _log_choose(n: int) -> np.ndarray:
    counts = np.arange(n + 1)
    return (
        scipy.special.gammaln(n + 1)
        - scipy.special.gammaln(counts + 1)
        - scipy.special.gammaln(n - counts + 1)
    )
