"""Two snapshots that differ by some decisions: one as of now, one as it would be without them.

Both have the same images in validation and test, with the newest labels, so that models trained on them are
scored against the same truth. Only the training images differ.
"""

import json
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from peakid.curate import replay
from peakid.dataset import frozen_rows, members, model_labels, snapshot, split
from peakid.dataset.members import Member
from peakid.errors import BadInput, EmptySnapshot
from peakid.records import Group, Snapshot, SnapshotItem, Split
from peakid.remedies import action
from peakid.store.workspace import Workspace


@dataclass(frozen=True)
class Arms:
    """The two snapshots, and how their training images differ.

    Attributes:
        n_relabelled: Training images of both with another label.
        n_added: Training images that the decisions brought.
        n_removed: Training images that the decisions took out.
        dropped_classes: Classes without a training image in one of them: their images are in neither.
    """

    with_them: Snapshot
    without: Snapshot
    n_relabelled: int
    n_added: int
    n_removed: int
    dropped_classes: tuple[str, ...] = ()


def freeze(workspace: Workspace, step_ids: Collection[int], *, like: Snapshot, name: str, actor: str) -> Arms:
    """Freeze both snapshots. Neither is the newest or listed, unless a person froze the same content.

    Args:
        step_ids: The steps to leave out.
        like: The snapshot whose seed and shares decide the splits: its images keep theirs.
        name: What is left out, for the names of the snapshots.

    Raises:
        EmptySnapshot: If no image is labelled now.
        BadInput: If the training images are the same without these steps.
    """
    shares = _shares(workspace, like)
    with workspace.transaction() as connection:  # No one can judge an image between reading and writing.
        drawn = _drawn(workspace, step_ids, seed=like.seed, shares=shares)
        changes = _changes(drawn.train_with, drawn.train_without)
        if not any(changes.values()):
            raise _nothing_changed(drawn.dropped)
        digests = [
            frozen_rows.write(
                connection,
                *_items([*train, *drawn.scored], drawn.splits, drawn.groups),
                name=title,
                seed=like.seed,
                shares=shares,
                actor=actor,
                is_newest=False,
            )
            for train, title in (
                (drawn.train_with, f"with {name}"),
                (drawn.train_without, f"without {name}"),
            )
        ]
    return Arms(
        snapshot.show(workspace, digests[0]),
        snapshot.show(workspace, digests[1]),
        n_relabelled=changes["relabelled"],
        n_added=changes["added"],
        n_removed=changes["removed"],
        dropped_classes=tuple(sorted(drawn.dropped)),
    )


@dataclass(frozen=True)
class _Drawn:
    """The members of both snapshots, with split and group of each by digest."""

    scored: list[Member]
    train_with: list[Member]
    train_without: list[Member]
    splits: Mapping[str, Split]
    groups: Mapping[str, str]
    dropped: set[str]


def _drawn(
    workspace: Workspace, step_ids: Collection[int], *, seed: int, shares: Mapping[Split, float]
) -> _Drawn:
    today = members.gather(workspace)
    if not today:
        raise EmptySnapshot("No image is labelled and of a class in use.", "Label images first.")
    assigned = members.assigned_splits(workspace, seed)
    now = _partitioned(workspace, today, members.in_groups(workspace, today), assigned, seed, shares)
    kept = model_labels.without_unscored(today, now)
    scored = [each for each in kept if now[each.digest] != "train"]
    train_with = [each for each in kept if now[each.digest] == "train"]

    before = _without(workspace, today, step_ids)
    either = list({each.digest: each for each in (*before, *today)}.values())
    both = members.in_groups(workspace, either)
    groups = {digest: group.key for group in both for digest in group.digests}
    splits = _partitioned(workspace, either, both, {**assigned, **now}, seed, shares) | now
    tested = {groups[each.digest] for each in scored}  # A training image like one of these would be a leak.
    train_without = [
        each for each in before if splits[each.digest] == "train" and groups[each.digest] not in tested
    ]
    of_with, of_without = ({each.label for each in train} for train in (train_with, train_without))
    dropped = ({each.label for each in scored} | of_with | of_without) - (of_with & of_without)
    lists = (
        [each for each in part if each.label not in dropped] for part in (scored, train_with, train_without)
    )
    return _Drawn(*lists, splits=splits, groups=groups, dropped=dropped)


def _partitioned(
    workspace: Workspace,
    chosen: Sequence[Member],
    groups: Sequence[Group],
    assigned: Mapping[str, Split],
    seed: int,
    shares: Mapping[Split, float],
) -> dict[str, Split]:
    imported = members.imported_splits(workspace, chosen)
    return model_labels.partition(chosen, groups, assigned, imported, fractions=shares, seed=seed)


def _nothing_changed(dropped: set[str]) -> BadInput:
    if dropped:
        names = ", ".join(sorted(dropped))
        return BadInput(
            f"Only these decisions give {names} training images: without them there is nothing to compare.",
            "Choose fewer decisions.",
            action("show_log"),
        )
    return BadInput(
        "The training images and their labels are the same without these decisions.",
        "Choose decisions about training images.",
        action("show_log"),
    )


def _without(workspace: Workspace, today: Sequence[Member], step_ids: Collection[int]) -> list[Member]:
    """Return the members of a snapshot taken now, as if the steps had not been made."""
    states = replay.states_without(workspace, step_ids)
    remarked = replay.remarked_in(workspace, step_ids)
    several = replay.also_shown_without(workspace, step_ids)
    changed = {*states, *remarked}
    present = members.gather(workspace, has_several=True)
    labelled = {each.image_id: each for each in members.described(workspace, changed)}
    names = members.classes_in_use(workspace)
    shows_several = {each.image_id for each in present} - {each.image_id for each in today}
    found = [each for each in today if each.image_id not in changed]
    for image_id in changed:
        if image_id in (several if image_id in remarked else shows_several):
            continue
        state = states.get(image_id)
        member = labelled.get(image_id)
        if state is None:  # Only its further classes change.
            found += [each for each in present if each.image_id == image_id]
        elif member is not None and state.verdict == "label" and state.class_id in names:
            is_by_model = not state.is_reviewed and state.actor.startswith("model:")
            found.append(
                replace(
                    member,
                    label=names[state.class_id],
                    is_reviewed=state.is_reviewed,
                    is_by_model=is_by_model,
                )
            )
    return sorted(found, key=lambda each: each.digest)


def _changes(with_them: Sequence[Member], without: Sequence[Member]) -> Counter[str]:
    """Count how the training images of the first list differ from those of the second."""
    after, before = ({each.digest: each.label for each in train} for train in (with_them, without))
    relabelled = sum(label != before[digest] for digest, label in after.items() if digest in before)
    n_added, n_removed = len(after.keys() - before.keys()), len(before.keys() - after.keys())
    return Counter({"relabelled": relabelled, "added": n_added, "removed": n_removed})


def _items(
    chosen: Sequence[Member], splits: Mapping[str, Split], groups: Mapping[str, str]
) -> tuple[list[Member], list[SnapshotItem]]:
    ordered = sorted(chosen, key=lambda each: each.digest)
    return ordered, [
        SnapshotItem(each.digest, each.path, each.label, splits[each.digest], groups[each.digest])
        for each in ordered
    ]


def _shares(workspace: Workspace, like: Snapshot) -> Mapping[Split, float]:
    row = workspace.one("SELECT fractions FROM snapshot WHERE id = ?", (like.snapshot_id,))
    return split.checked_fractions(json.loads(row["fractions"])) if row else split.DEFAULT_FRACTIONS
