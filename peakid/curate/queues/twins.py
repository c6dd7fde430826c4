"""Duplicates whose labels differ: one of the two labels is wrong, so a person has to see both images."""

from collections import defaultdict
from collections.abc import Sequence

from peakid.curate.queues.queue_plans import WORTH
from peakid.store.workspace import Workspace

QUEUES = ("conflicts", WORTH)  # They have images because of the label of a duplicate.
_N_READ = 500  # Images in one query.


def of_images(workspace: Workspace, digests: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Return, for those of these images whose label conflicts, the duplicates with another label.

    A pair that a person has judged is no conflict.
    """
    found: dict[str, list[str]] = defaultdict(list)
    for begin in range(0, len(digests), _N_READ):
        some = list(digests[begin : begin + _N_READ])
        marks = ", ".join("?" * len(some))
        rows = workspace.query(
            f"SELECT k.image_id, i.digest FROM image i JOIN label_conflict k ON k.image_id = i.id"
            f" WHERE i.digest IN ({marks})",
            some,
        )
        ids = {row["image_id"]: row["digest"] for row in rows}
        # Listed, not joined: SQLite would read the whole view.
        pairs = workspace.query(
            "SELECT c.image_id, i.digest FROM conflicting_pair c JOIN image i ON i.id = c.twin_id"
            f" WHERE c.image_id IN ({', '.join('?' * len(ids))}) ORDER BY c.image_id, c.twin_id",
            list(ids),
        )
        for row in pairs:
            found[ids[row["image_id"]]].append(row["digest"])
    return {digest: tuple(twins) for digest, twins in found.items()}
