"""Keep labels that a model gave out of every score: they are trained on, and never in valid or test."""

from collections.abc import Mapping, Sequence

from peakid.dataset import split
from peakid.dataset.members import Member
from peakid.records import Group, Split
from peakid.store.workspace import Workspace


def partition(
    chosen: Sequence[Member],
    groups: Sequence[Group],
    assigned: Mapping[str, Split],
    imported: Mapping[str, Split],
    *,
    fractions: Mapping[Split, float],
    seed: int,
) -> dict[str, Split]:
    """Return the split of every image, as `split.partition` does.

    Groups whose labels are all by a model go to train, where they have no split yet. They do not count for
    the shares: a thousand accepted suggestions would otherwise move all images that people labelled out of
    train.
    """
    by_model = {member.digest for member in chosen if member.is_by_model}
    given = [group for group in groups if not by_model.issuperset(group.digests)]
    result = split.partition(given, assigned, imported, fractions=fractions, seed=seed)
    for group in groups:
        if by_model.issuperset(group.digests):
            known = split.known_splits(group, assigned, imported)
            result.update(known or dict.fromkeys(group.digests, "train"))
    return result


def without_unscored(chosen: Sequence[Member], splits: Mapping[str, Split]) -> list[Member]:
    """Return the members of a snapshot: images of valid and test that only a model labelled are left out.

    A model agrees with the labels of a model like it, so that its score would be better than it is.
    """
    return [member for member in chosen if not member.is_by_model or splits[member.digest] == "train"]


def n_trained_on(workspace: Workspace, snapshot_id: int) -> int:
    """Count the images of a snapshot whose label a model gave and no person has reviewed until now."""
    return _counts(workspace, snapshot_id, seed=0)[0]


def warning(workspace: Workspace, snapshot_id: int, seed: int) -> str:
    """Return a sentence about the labels of a snapshot that a model gave; '' without any."""
    n, n_left_out = _counts(workspace, snapshot_id, seed)
    if not n and not n_left_out:
        return ""
    were = "1 label in train was" if n == 1 else f"{n:,} labels in train were"
    text = f"{were} given by a model and not reviewed: trained on, never scored."
    if n_left_out:
        text += f" {n_left_out:,} in valid and test are left out until a person labels them."
    return text


def _counts(workspace: Workspace, snapshot_id: int, seed: int) -> tuple[int, int]:
    """Return how many images with a label by a model are in a snapshot, and left out of its scores."""
    row = workspace.query(
        "SELECT COALESCE(SUM(t.image_id IS NOT NULL), 0) AS n, COALESCE(SUM(t.image_id IS NULL"
        " AND a.split <> 'train'), 0) AS n_left_out FROM image_state s INDEXED BY image_state_by_models"
        " LEFT JOIN snapshot_item t ON t.image_id = s.image_id AND t.snapshot_id = :id"
        " LEFT JOIN split_assignment a ON a.image_id = s.image_id AND a.seed = :seed"
        " WHERE s.actor GLOB 'model:*' AND s.is_reviewed = 0 AND s.verdict = 'label'",
        {"id": snapshot_id, "seed": seed},
    )[0]
    return row["n"], row["n_left_out"]
