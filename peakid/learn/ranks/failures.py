"""What the failure of a rank means: its own reason, short memory, or only that another rank is gone."""

from torch import OutOfMemoryError
from torch import distributed as dist

from peakid.learn.ranks.ranks import OtherRankFailed

__all__ = ["OtherRankFailed", "OutOfMemoryError", "is_of_exchange"]


def is_of_exchange(error: Exception) -> bool:
    """Return whether torch's exchange between ranks failed, as it does on those whose neighbour has died."""
    return isinstance(error, dist.DistError) or "gloo" in str(error)
