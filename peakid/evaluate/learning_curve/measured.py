"""What fits to parts of the training images predict right: what a learning curve is drawn from."""

from dataclasses import dataclass

import numpy as np

MIXED = -1  # In `draws`.


@dataclass(frozen=True)
class Measured:
    """F fits to parts of the training images, scored on the same V validation images.

    Attributes:
        counts: int64 of shape (F, K): training images of each class.
        draws: int64 of shape (F,): parts of one draw are nested, have the same share of each class, and are
            in ascending order, the same number in each draw. The part with all images is last of them and has
            a draw of its own, the highest. `MIXED` where the shares differ between classes.
        correct: bool of shape (F, V).
        answers: int64 of shape (V,), in 0..K-1: the class of each validation image.
        groups: int64 of shape (V,): near duplicates have the same number.
    """

    counts: np.ndarray
    draws: np.ndarray
    correct: np.ndarray
    answers: np.ndarray
    groups: np.ndarray

    @property
    def n_classes(self) -> int:
        return self.counts.shape[1]

    @property
    def full(self) -> int:
        """The number of the fit to all images."""
        return int(self.draws.argmax())

    @property
    def n_draws(self) -> int:
        return int(self.draws.max())

    @property
    def n_shares(self) -> int:
        """The number of different shares, without that of all images."""
        return int((self.draws == 0).sum())

    def nested(self) -> np.ndarray:
        """Return what the parts of each draw predict right: bool of shape (D, S, V)."""
        chosen = (self.draws >= 0) & (self.draws < self.n_draws)
        return self.correct[chosen].reshape(self.n_draws, self.n_shares, -1)

    def sizes(self) -> np.ndarray:
        """Return the mean number of images at each share, and that of all: float64 of shape (S + 1,)."""
        chosen = (self.draws >= 0) & (self.draws < self.n_draws)
        totals = self.counts.sum(axis=1)
        parts = totals[chosen].reshape(self.n_draws, self.n_shares).mean(axis=0)
        return np.append(parts, totals[self.full]).astype(float)

    def shown(self, valid: np.ndarray) -> "Measured":
        """Return the same fits scored on some of the validation images, by mask or position."""
        return Measured(
            self.counts, self.draws, self.correct[:, valid], self.answers[valid], self.groups[valid]
        )
