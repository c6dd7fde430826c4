"""How fast a reviewer judges, from their own steps in the log; the ground of every estimate of minutes."""

import itertools
import math
import statistics
from datetime import datetime

from peakid.store.workspace import Workspace

DEFAULT_S = 2.0  # An image, before anything is known of the reviewer.
LONGEST_LOOK_S = 60.0  # Between two keys; more is a break, no look.
_N_STEPS = 200  # Newest ones: one's pace of today.
_FEWEST = 10  # Looks before a pace is believed.


def seconds_an_image(workspace: Workspace, *, actor: str) -> float:
    """Answer the median time between two judgements in a row of one reviewer, breaks left out, in seconds."""
    rows = workspace.query(
        "SELECT made_at FROM step WHERE actor = ? AND kind = 'decide' ORDER BY id DESC LIMIT ?",
        (actor, _N_STEPS),
    )
    moments = [datetime.fromisoformat(row["made_at"]) for row in rows]
    gaps = [(later - sooner).total_seconds() for later, sooner in itertools.pairwise(moments)]
    looks = [gap for gap in gaps if 0 < gap <= LONGEST_LOOK_S]
    return statistics.median(looks) if len(looks) >= _FEWEST else DEFAULT_S


def minutes(n_images: int, seconds: float) -> int:
    """Estimate how long judging takes at a pace in seconds an image: whole minutes, at least one."""
    return max(1, math.ceil(n_images * seconds / 60))
