"""One rank of a test, on a CPU and one thread."""

from contextlib import AbstractContextManager

from peakid.engines.fit import Place
from peakid.learn.ranks import joining
from peakid.learn.ranks.ranks import Ranks


def joined(place: Place) -> AbstractContextManager[Ranks]:
    """Join the other ranks as one of them until the block ends."""
    return joining.joined(
        place.rank,
        place.n_ranks,
        place.number_here,
        init_method=place.init_method,
        device_type="cpu",
        n_threads=1,
    )
