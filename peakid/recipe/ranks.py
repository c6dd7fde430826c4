"""Over how many ranks a training can be split: each one takes its part of every batch."""

from peakid.errors import TooManyRanks
from peakid.remedies import action

LEAST_IMAGES = 2  # Of a rank's part of a batch: MixUp and CutMix mix the images of one part.


def refuse_small_parts(batch_size: int, n_ranks: int) -> None:
    """Raise if a batch has too few images for the ranks.

    Raises:
        TooManyRanks: If it has.
    """
    if batch_size < LEAST_IMAGES * n_ranks:
        raise TooManyRanks(
            f"A batch of {batch_size} images cannot be split over {n_ranks} ranks: each needs "
            f"{LEAST_IMAGES} images of it.",
            f"Use {max(1, batch_size // LEAST_IMAGES)} ranks or fewer, or larger batches.",
            action("set_recipe", key="batch_size", value=LEAST_IMAGES * n_ranks),
        )
