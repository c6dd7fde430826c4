"""Fits whose accuracy is known, without a model: each validation image is right with a chosen probability."""

from collections.abc import Callable, Sequence

import numpy as np

from peakid.evaluate.learning_curve.measured import MIXED, Measured

SHARES = (0.125, 0.18, 0.25, 0.35, 0.5, 0.7)


def fits(
    right: Callable[[np.ndarray, int], float],
    *,
    n_of_class: Sequence[int] = (100, 100),
    n_valid: int = 400,
    n_draws: int = 8,
    n_mixed: int = 0,
    seed: int = 0,
) -> Measured:
    """Return fits with the same shares of all classes, and with different ones.

    Args:
        right: Given the training images of each class and a class, the probability that one of its validation
            images is predicted right.
    """
    rng = np.random.default_rng(seed)
    sizes = np.array(n_of_class)
    answers = np.arange(n_valid) % len(sizes)
    luck = rng.uniform(size=n_valid)  # Of the image: easy ones are right in every fit.
    counts = [np.round(share * sizes) for _ in range(n_draws) for share in SHARES] + [sizes]
    draws = [draw for draw in range(n_draws) for _ in SHARES] + [n_draws]
    counts += [np.round(np.exp(rng.uniform(np.log(0.35), 0, len(sizes))) * sizes) for _ in range(n_mixed)]
    draws += [MIXED] * n_mixed
    correct = [predicted(right, each, answers, luck, rng) for each in counts]
    return Measured(
        counts=np.array(counts, dtype=np.int64),
        draws=np.array(draws),
        correct=np.array(correct),
        answers=answers,
        groups=np.arange(n_valid),
    )


def predicted(
    right: Callable[[np.ndarray, int], float],
    counts: np.ndarray,
    answers: np.ndarray,
    luck: np.ndarray,
    rng: np.random.Generator,
) -> np.ndarray:
    """Return which images one fit gets right; one in twenty by luck of the fit alone."""
    share = np.array([right(counts, number) for number in range(len(counts))])[answers]
    own = np.where(rng.uniform(size=len(answers)) < 0.05, rng.uniform(size=len(answers)), luck)
    return own < share
