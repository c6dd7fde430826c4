"""Estimate how long reviewing takes, from a reviewer's own steps in the log."""

import itertools
import math
import statistics
from datetime import datetime

from peakid.store.workspace import Workspace

DEFAULT_S = 2.0  # Per image, for a reviewer without steps.
LONGEST_GAP_S = 60.0  # Between two judgements; a longer gap is a break.
_N_STEPS = 200  # The newest steps, to follow the present pace.
_FEWEST = 10  # Gaps needed for an estimate.


def seconds_an_image(workspace: Workspace, *, actor: str) -> float:
    """Return the median time between two successive judgements of one reviewer without breaks, in seconds."""
    rows = workspace.query(
        "SELECT made_at FROM step WHERE actor = ? AND kind = 'decide' ORDER BY id DESC LIMIT ?",
        (actor, _N_STEPS),
    )
    moments = [datetime.fromisoformat(row["made_at"]) for row in rows]
    gaps = [(later - sooner).total_seconds() for later, sooner in itertools.pairwise(moments)]
    working = [gap for gap in gaps if 0 < gap <= LONGEST_GAP_S]
    return statistics.median(working) if len(working) >= _FEWEST else DEFAULT_S


def minutes(n_images: int, seconds: float) -> int:
    """Return how long reviewing takes at a pace in seconds per image: whole minutes, at least one."""
    return max(1, math.ceil(n_images * seconds / 60))
