"""Which images were compared with all others, so that their near duplicates are known."""

import json
import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass

from peakid.store.workspace import Workspace

# Of the hashes, the limits and the comparison of thumbnails. Images compared with another version are
# compared again: what one of them resembles is not known by the rules of today.
RULE_VERSION = 1

IS_COMPARED = f"(compared_with IS {RULE_VERSION})"
"""SQL: whether a row of `image` was compared by the rules of today."""
# The same, negated, as ranges of an index: few of millions of images are not compared.
_NOT_COMPARED = f"(compared_with IS NULL OR compared_with < {RULE_VERSION} OR compared_with > {RULE_VERSION})"


@dataclass(frozen=True)
class Compared:
    """How many images of a snapshot were compared with all others when it was frozen, and what that found.

    Attributes:
        n_compared: None for a snapshot of an earlier version, which did not count them.
        n_leaks: Groups of near duplicates in several splits.
    """

    n_images: int
    n_compared: int | None
    n_leaks: int

    @property
    def n_missing(self) -> int | None:
        """The number of images that were never compared; None where it is not known."""
        return None if self.n_compared is None else self.n_images - self.n_compared

    @property
    def finding(self) -> str:
        """One or two sentences: how many leaks were found, and among how many images."""
        groups = "1 group" if self.n_leaks == 1 else f"{self.n_leaks:,} groups"
        found = "No leak was found" if not self.n_leaks else f"{groups} of near duplicates in several splits"
        if self.n_missing is None:
            return f"{found}. {NOT_KNOWN}"
        if self.n_missing == 0:
            return f"{found} among the {self.n_images:,} images, which were all compared."
        return (
            f"{found} among the {self.n_compared:,} compared images; {self.n_missing:,} were never compared."
        )

    @property
    def warning(self) -> str:
        """A sentence where near duplicates may be in several splits unnoticed; '' where all were compared."""
        if self.n_missing is None:
            return NOT_KNOWN
        if self.n_missing == 0:
            return ""
        never = f"{self.n_missing:,} of {self.n_images:,} images of the snapshot were never compared"
        return f"{never}: near duplicates may be in several splits, and scores too high."


NOT_KNOWN = "It is not known which images of the snapshot were compared: an earlier version froze it."


def of_snapshot(workspace: Workspace, snapshot_id: int) -> Compared:
    """Return how many images of a snapshot were compared when it was frozen."""
    row = workspace.query("SELECT n_images, n_compared, n_leaks FROM snapshot WHERE id = ?", (snapshot_id,))[
        0
    ]
    return Compared(row["n_images"], row["n_compared"], row["n_leaks"])


def n_missing(workspace: Workspace, image_ids: Iterable[int] | None = None) -> int:
    """Count the images that were not compared with all others by the rules of today.

    An image that arrived after the last scan is one of them, and so is one whose hashes are missing.

    Args:
        image_ids: Count only these; None = all that were not forgotten.
    """
    if image_ids is None:
        row = workspace.one(
            f"SELECT COUNT(*) AS n FROM image JOIN image_state ON image_id = id WHERE {_NOT_COMPARED}"
        )
        return row["n"] if row else 0
    return n_missing_in(workspace.connection(), image_ids)


def n_missing_in(connection: sqlite3.Connection, image_ids: Iterable[int]) -> int:
    """Count those of some images that were not compared, inside a transaction."""
    return connection.execute(
        f"SELECT COUNT(*) FROM json_each(?) JOIN image ON image.id = value WHERE NOT {IS_COMPARED}",
        (json.dumps(list(image_ids)),),
    ).fetchone()[0]


def reopen(connection: sqlite3.Connection, image_ids: Iterable[int]) -> None:
    """Let the next scan compare the groups of these images again, where not all of their pairs are stored.

    In a large group, a pair of images that other pairs connect is not stored. When such a connection goes,
    because an image is forgotten or a person calls a pair different, the pairs that were not stored decide
    what stays together.
    """
    connection.execute(
        "WITH RECURSIVE member(id) AS (SELECT value FROM json_each(?)"
        " UNION SELECT image_b_id FROM duplicate_pair JOIN member ON image_a_id = member.id"
        " UNION SELECT image_a_id FROM duplicate_pair JOIN member ON image_b_id = member.id)"
        " UPDATE image SET compared_with = NULL WHERE id IN (SELECT id FROM member)"
        " AND EXISTS (SELECT 1 FROM image i JOIN member USING (id) WHERE i.has_more_pairs)",
        (json.dumps(list(image_ids)),),
    )
