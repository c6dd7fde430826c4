"""Resolve duplicates: keep one and exclude the others, keep all, or record that they are not duplicates."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from peakid.curate import decisions
from peakid.curate.duplicates import duplicate_groups, pair_judgements, proposals, proposed_groups
from peakid.curate.duplicates.duplicate_groups import DuplicateGroup, DuplicateImage, KeepRule
from peakid.curate.duplicates.pair_judgements import IdPair
from peakid.errors import BadInput
from peakid.records import Choice, DuplicateKind, PairVerdict, StepResult
from peakid.remedies import action
from peakid.store.workspace import Workspace


@dataclass(frozen=True)
class KeepPlan:
    """What a rule would do: keep one image of each group and exclude the others.

    Attributes:
        excluded: Pairs of (excluded image, kept image).
        skipped: Groups with conflicting labels; a rule about pixels cannot tell which label is right.
    """

    rule: KeepRule
    kept: list[DuplicateImage]
    excluded: list[tuple[DuplicateImage, DuplicateImage]]
    skipped: list[DuplicateGroup]


def plan(
    workspace: Workspace,
    *,
    rule: KeepRule = "largest",
    kinds: Collection[DuplicateKind] = ("exact",),
    keys: Collection[str] = (),
) -> KeepPlan:
    """Return what keeping the best image of every open group would do; nothing is written.

    Args:
        kinds: Kinds of groups. Byte copies are one image and need no choice.
        keys: Only these groups, of any kind but "proposed"; empty = all. With "proposed" among `kinds`, only
            proposed groups: a group that hashes found may have the same key.
    """
    if "proposed" in kinds:
        groups = proposed_groups.list_groups(workspace)
    else:
        groups = duplicate_groups.list_groups(workspace, rule=rule)
    unresolved = [group for group in groups if not group.is_settled and group.kind != "copy"]
    chosen = [group for group in unresolved if (group.group_key in keys if keys else group.kind in kinds)]
    sure = [group for group in chosen if not group.is_conflicting]
    return KeepPlan(
        rule,
        [group.images[0] for group in sure],
        [(image, group.images[0]) for group in sure for image in group.images[1:]],
        [group for group in chosen if group.is_conflicting],
    )


def keep_best(
    workspace: Workspace,
    *,
    rule: KeepRule = "largest",
    kinds: Collection[DuplicateKind] = ("exact",),
    keys: Collection[str] = (),
    actor: str,
    event_id: str = "",
) -> StepResult:
    """Carry out what `plan` returns, as one step that one undo reverses."""
    planned = plan(workspace, rule=rule, kinds=kinds, keys=keys)
    basis = {"view": "duplicates", "rule": rule}
    choices = [
        _exclusion(image.digest, best.digest, image.decision_id, event_id, basis)
        for image, best in planned.excluded
    ]
    return decisions.decide(workspace, choices, actor=actor)


def keep(
    workspace: Workspace,
    digest: str,
    others: Mapping[str, int | None],
    *,
    label: str | None = None,
    actor: str,
    event_id: str = "",
) -> StepResult:
    """Keep one image and exclude the others as its duplicates, in one step.

    Args:
        others: The newest decision that the actor saw of each other image (-1: unknown).
        label: Also give the kept image this label, which resolves conflicting labels.

    Raises:
        NotFound: If an image is unknown.
        BadInput: If the image to keep is itself excluded, so that none would be left, or there is nothing to
            do.
    """
    if digest in others:
        raise BadInput(f"Image {digest[:12]} cannot be both kept and excluded.", "Name it once.")
    if _is_excluded(workspace, digest):
        raise BadInput(
            f"Image {digest[:12]} is excluded; keeping only it would leave no image.",
            "Label it again first, or keep another image.",
        )
    basis = {"view": "duplicates"}
    choices = (
        [Choice(digest, "label", label, event_id=event_id and f"{event_id}:kept", basis=basis)]
        if label
        else []
    )
    choices += [_exclusion(other, digest, base, event_id, basis) for other, base in others.items()]
    if not choices:
        raise BadInput(f"There is no other image to exclude for image {digest[:12]}.", "Name its duplicates.")
    return decisions.decide(workspace, choices, actor=actor)


def keep_all(workspace: Workspace, digests: Sequence[str], *, actor: str, event_id: str = "") -> int | None:
    """Keep all images of a group although they are duplicates; they still share a split.

    Returns:
        The id of the step, as `pair_judgements.judge`.

    Raises:
        BadInput: If their labels conflict: one of them must be wrong, and training would learn both.
    """
    wanted = set(digests)
    for group in [*duplicate_groups.list_groups(workspace), *proposed_groups.list_groups(workspace)]:
        if (
            group.is_conflicting
            and not group.is_settled
            and wanted & {image.digest for image in group.images}
        ):
            raise BadInput(
                f"The images of group {group.group_key[:12]} are duplicates with different labels.",
                "Keep the image with the right label, or mark them as not duplicates.",
            )
    return _judge(workspace, digests, "both", actor, event_id)


def not_duplicates(
    workspace: Workspace, digests: Sequence[str], *, actor: str, event_id: str = ""
) -> int | None:
    """Record that these images are not the same picture, so that they are not proposed again.

    Returns:
        The id of the step, as `pair_judgements.judge`.

    Raises:
        BadInput: If they have the same pixels.
    """
    ids = _pairs_among(workspace, digests)
    if duplicate_groups.exact_among(workspace, ids):
        raise BadInput(
            "These images have the same pixels, so they are duplicates.",
            "Keep one of them, or keep all.",
        )
    return _judge(workspace, digests, "different", actor, event_id)


def _pairs_among(workspace: Workspace, digests: Sequence[str]) -> list[IdPair]:
    """Return the pairs that hashes or a model found among these images."""
    found = duplicate_groups.open_pairs(workspace, digests)
    return sorted({*found, *proposals.pairs_among(workspace, digests)})


def _is_excluded(workspace: Workspace, digest: str) -> bool:
    row = workspace.one(
        "SELECT verdict FROM image_state JOIN image ON image.id = image_id WHERE digest = ?", (digest,)
    )
    return row is not None and row["verdict"] == "exclude"


def _judge(
    workspace: Workspace, digests: Sequence[str], verdict: PairVerdict, actor: str, event_id: str
) -> int | None:
    pairs = _pairs_among(workspace, digests)
    if not pairs:
        raise BadInput(
            "These images were not found to be duplicates of each other.",
            "Choose images of one group.",
            action("list_duplicates", is_all=False),
        )
    return pair_judgements.judge(workspace, pairs, verdict, actor=actor, event_id=event_id)


def _exclusion(digest: str, kept: str, base: int | None, event_id: str, basis: Mapping[str, str]) -> Choice:
    name = f"{event_id}:{digest[:16]}" if event_id else ""
    return Choice(
        digest,
        "exclude",
        reason=f"duplicate of {kept[:12]}",
        base_decision_id=base,
        event_id=name,
        basis={**basis, "kept": kept},
    )
