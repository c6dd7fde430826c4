"""Write the rows of a snapshot: the newest one, or one made for a measurement, which is never the newest."""

import json
import sqlite3
from collections import defaultdict
from collections.abc import Mapping, Sequence

from peakid.dataset import manifest
from peakid.dataset.members import Member
from peakid.records import SnapshotItem, Split
from peakid.store import comparisons
from peakid.store.workspace import now

NEVER = ""  # `frozen_at` of a snapshot that no person froze: it sorts behind all others.


def write(
    connection: sqlite3.Connection,
    chosen: Sequence[Member],
    frozen: Sequence[SnapshotItem],
    *,
    name: str,
    seed: int,
    shares: Mapping[Split, float],
    actor: str,
    is_newest: bool = True,
) -> str:
    """Write the rows of a snapshot unless it exists. Return its digest.

    Args:
        chosen: The members, in the order of `frozen`.
        is_newest: False for a snapshot that pages do not list, unless a person freezes the same content.
    """
    class_names = sorted({item.label for item in frozen})
    digest = manifest.digest(class_names, frozen)
    n_compared = len(chosen) - comparisons.n_missing_in(connection, [member.image_id for member in chosen])
    frozen_at = now() if is_newest else NEVER
    if connection.execute(  # The same groups: what is known of them by now is known of this snapshot.
        "UPDATE snapshot SET frozen_at = MAX(frozen_at, ?), n_compared = MAX(COALESCE(n_compared, 0), ?),"
        " name = CASE WHEN frozen_at = '' AND ? > '' THEN ? ELSE name END WHERE digest = ?",
        (frozen_at, n_compared, frozen_at, name.strip(), digest),
    ).rowcount:
        return digest
    splits_of: dict[str, set[str]] = defaultdict(set)
    for item in frozen:
        splits_of[item.group_key].add(item.split)
    n_leaks = sum(len(splits) > 1 for splits in splits_of.values())
    n_unreviewed = sum(not member.is_reviewed for member in chosen)
    cursor = connection.execute(
        "INSERT INTO snapshot (digest, name, seed, fractions, class_names, n_images, n_groups, n_leaks,"
        " n_unreviewed, n_compared, actor, created_at, frozen_at)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            *(digest, name.strip(), seed, json.dumps(shares), json.dumps(class_names, ensure_ascii=False)),
            *(len(frozen), len(splits_of), n_leaks, n_unreviewed, n_compared, actor, now(), frozen_at),
        ),
    )
    connection.executemany(
        "INSERT INTO snapshot_item (snapshot_id, image_id, label, split, group_key) VALUES (?, ?, ?, ?, ?)",
        [
            (cursor.lastrowid, m.image_id, item.label, item.split, item.group_key)
            for m, item in zip(chosen, frozen, strict=True)
        ],
    )
    return digest
