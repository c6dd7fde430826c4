"""Commands for duplicates: list, find, resolve, keep-all, not, and search by an image file."""

from dataclasses import asdict
from pathlib import Path
from typing import Any, get_args

import click

from peakid.cli import usage
from peakid.cli.frame import actor_option, emit, json_option, pass_workspace, table
from peakid.cli.jobs import EXIT_CODES, emit_queued, ending, follow, job_text, wait_option
from peakid.curate.duplicates import duplicate_groups, image_search, proposals, proposed_groups, resolve
from peakid.curate.duplicates.duplicate_groups import DuplicateGroup, DuplicateImage, KeepRule
from peakid.jobs import results
from peakid.jobs.from_embeddings import copies
from peakid.jobs.results import ChangedCopiesResult
from peakid.records import DuplicateKind, StepResult
from peakid.store import comparisons, images, status
from peakid.store.workspace import Workspace

KINDS: dict[str, tuple[DuplicateKind, ...]] = {
    "exact": ("exact",),
    "near": ("near",),
    "all": ("exact", "near"),
    "proposed": ("proposed",),
}


@click.group("duplicates", cls=usage.Group)
def duplicates_() -> None:
    """Find and resolve duplicate images. GROUP is the key of a group and may be shortened."""


@duplicates_.command("list")
@click.option("--all", "with_settled", is_flag=True, help="Include settled groups.")
@click.option("--proposed", "is_proposed", is_flag=True, help="The groups that a model proposes instead.")
@json_option
@pass_workspace
def duplicates_list(workspace: Workspace, with_settled: bool, is_proposed: bool, as_json: bool) -> None:
    """List the groups to decide on, most urgent first, and the byte copies."""
    if is_proposed:
        _list_proposed(workspace, with_settled, as_json)
        return
    groups = duplicate_groups.list_groups(workspace)
    shown = [group for group in groups if with_settled or not group.is_settled or group.kind == "copy"]
    rows = [_row(group, n) for group in shown for n in range(len(group.images))]
    columns = ["group", "kind", "labels", "best", "distance", "size", "label", "path"]
    n_missing = comparisons.n_missing(workspace)
    empty = "There are no duplicates among the images, which were all compared."
    if n_missing:
        empty = f"No duplicates were found; {n_missing:,} images were not compared yet. Use: peakid scan"
    counts = duplicate_groups.counts(workspace)
    settled = f"{_n_groups(counts.n_settled)} settled or copies of one file"
    lines = [table(rows, columns, empty=empty)]
    lines += [f"{_n_groups(counts.n_open)} to decide on, {settled}."] if shown else []
    if n_proposed := proposed_groups.n_waiting(workspace):
        lines.append(f"A model proposes {_n_groups(n_proposed)}: peakid duplicates list --proposed")
    emit(as_json, [_document(group) for group in shown], "\n".join(lines))


@duplicates_.command("find")
@wait_option(by_default=False)
@actor_option
@json_option
@pass_workspace
def duplicates_find(workspace: Workspace, is_waiting: bool, actor: str, as_json: bool) -> int:
    """Find copies that `scan` misses: turned, cropped, sheared, in other colours. A job looks at each image.

    `duplicates list --proposed` shows them. Strong ones share a split at once; none is excluded by itself.
    """
    job = copies.find_copies(workspace, actor=actor)
    if not is_waiting:
        return emit_queued(as_json, job)
    job = follow(workspace, job.job_id)
    found = job.result_as(ChangedCopiesResult) or ChangedCopiesResult()
    text = "No duplicates are proposed."
    if found.n_groups:
        text = f"{_n_groups(found.n_groups)} proposed. Show them with: peakid duplicates list --proposed"
    emit(as_json, results.document(found) | ending(job), text if job.state == "done" else job_text(job))
    return EXIT_CODES[job.state]


@duplicates_.command("resolve")
@click.argument("groups", nargs=-1, metavar="[GROUP]...")
@click.option(
    "--rule",
    type=usage.Choice(get_args(KeepRule)),
    default="largest",
    show_default=True,
    help="How the best image of a group is chosen.",
)
@click.option(
    "--kind",
    type=usage.Choice(list(KINDS)),
    default="exact",
    show_default=True,
    help="Without GROUP: resolve all groups of this kind.",
)
@click.option("--keep", "kept", metavar="DIGEST", help="Keep this image of GROUP.")
@click.option("--label", help="With --keep: the correct label.")
@click.option("--dry-run", is_flag=True, help="Only show what would be done.")
@actor_option
@json_option
@pass_workspace
def duplicates_resolve(
    workspace: Workspace,
    groups: tuple[str, ...],
    rule: KeepRule,
    kind: str,
    kept: str | None,
    label: str | None,
    dry_run: bool,
    actor: str,
    as_json: bool,
) -> None:
    """Keep the best image of each group and exclude the others. One `undo` reverts all of it."""
    found = [_find(workspace, key, is_proposed=kind == "proposed") for key in groups]
    keys, kinds = [group.group_key for group in found], KINDS[kind]
    if len({group.kind == "proposed" for group in found}) > 1:
        raise click.UsageError("Resolve the groups that a model proposes apart from the others.")
    if found and found[0].kind == "proposed":
        kinds = KINDS["proposed"]
    if kept:
        _emit_step(as_json, _keep(workspace, found, images.resolve(workspace, kept), label, actor), [])
        return
    planned = resolve.plan(workspace, rule=rule, kinds=kinds, keys=keys)
    skipped = [group.group_key for group in planned.skipped]
    if dry_run:
        excluded = [
            {"digest": image.digest, "path": image.path, "kept": best.digest}
            for image, best in planned.excluded
        ]
        document = {
            "n_kept": len(planned.kept),
            "n_excluded": len(excluded),
            "excluded": excluded,
            "skipped": skipped,
        }
        text = f"Would keep {len(planned.kept)} and exclude {len(excluded)}.{_skipped_text(skipped)}"
        emit(as_json, document, text)
        return
    step = resolve.keep_best(workspace, rule=rule, kinds=kinds, keys=keys, actor=actor)
    _emit_step(as_json, step, skipped)


@duplicates_.command("keep-all")
@click.argument("group")
@actor_option
@json_option
@pass_workspace
def duplicates_keep_all(workspace: Workspace, group: str, actor: str, as_json: bool) -> None:
    """Keep all images of GROUP. They remain in one split."""
    found = _find(workspace, group)
    _emit_settled(as_json, resolve.keep_all(workspace, _digests(found), actor=actor), found, "Kept all")


@duplicates_.command("not")
@click.argument("group")
@actor_option
@json_option
@pass_workspace
def duplicates_not(workspace: Workspace, group: str, actor: str, as_json: bool) -> None:
    """Record that the images of GROUP are different pictures. They are not grouped again."""
    found = _find(workspace, group)
    step_id = resolve.not_duplicates(workspace, _digests(found), actor=actor)
    _emit_settled(as_json, step_id, found, "Recorded as different:")


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@json_option
@pass_workspace
def search(workspace: Workspace, file: Path, as_json: bool) -> None:
    """Find images that show the same picture as FILE, even if resized, rotated or cropped."""
    twins = image_search.search(workspace, file.read_bytes())
    documents = [
        {key: getattr(twin, key) for key in ("digest", "path", "label", "verdict", "kind", "distance")}
        for twin in twins
    ]
    rows = [{**document, "digest": document["digest"][:12]} for document in documents]
    columns = ["digest", "kind", "distance", "label", "path"]
    emit(as_json, documents, table(rows, columns, empty="No image shows the same picture."))


def _find(workspace: Workspace, key: str, *, is_proposed: bool = False) -> DuplicateGroup:
    """Return the group with this key: one that hashes found before one that a model proposes."""
    groups = [] if is_proposed else duplicate_groups.list_groups(workspace)
    return duplicate_groups.named([*groups, *proposed_groups.list_groups(workspace)], key)


def _list_proposed(workspace: Workspace, with_settled: bool, as_json: bool) -> None:
    groups = proposed_groups.list_groups(workspace)
    shown = [group for group in groups if with_settled or not group.is_settled]
    rows = [_row(group, n) | _likeness(group.images[n]) for group in shown for n in range(len(group.images))]
    columns = ["group", "labels", "best", "strength", "agreement", "similarity", "label", "path"]
    empty = "A model proposes no duplicates."
    n_left = status.read(workspace).n_images - proposals.n_compared(workspace)
    left = f"{n_left:,} images were not compared with changed copies yet. Use: peakid duplicates find"
    lines = table(rows, columns, empty=empty)
    text = f"{lines}\n{left}" if n_left > 0 else lines
    emit(as_json, [_proposed_document(group) for group in shown], text)


def _likeness(image: DuplicateImage) -> dict[str, Any]:
    likeness = image.likeness
    if likeness is None:
        return dict.fromkeys(("strength", "agreement", "similarity"), "")
    return {
        "strength": likeness.strength,
        "agreement": f"{likeness.agreement:.2f}",
        "similarity": f"{likeness.similarity:.2f}",
    }


def _proposed_document(group: DuplicateGroup) -> dict[str, Any]:
    document = _document(group)
    for image, shown in zip(group.images, document["images"], strict=True):
        shown["proposal"] = None if image.likeness is None else asdict(image.likeness)
    return document


def _keep(
    workspace: Workspace, groups: list[DuplicateGroup], digest: str, label: str | None, actor: str
) -> StepResult:
    if len(groups) != 1:
        raise click.UsageError("--keep needs exactly one GROUP.")
    (group,) = groups
    members = {image.digest: image for image in group.images}
    if digest not in members:
        raise click.UsageError(f"Image {digest[:12]} is not in group {group.group_key[:12]}.")
    others = {other: -1 for other, image in members.items() if other != digest and image.verdict != "exclude"}
    wanted = label or (members[digest].label if group.is_conflicting else None)
    return resolve.keep(workspace, digest, others, label=wanted, actor=actor)


def _n_groups(n: int) -> str:
    return "1 group" if n == 1 else f"{n:,} groups"


def _digests(group: DuplicateGroup) -> list[str]:
    return sorted({image.digest for image in group.images})


def _document(group: DuplicateGroup) -> dict[str, Any]:
    shown = ["digest", "path", "label", "is_best", "distance", "verdict", "width_px", "height_px"]
    shown += ["n_bytes", "format", "source", "splits"]
    flags = ["group_key", "kind", "is_conflicting", "is_across_splits", "is_settled"]
    return {name: getattr(group, name) for name in flags} | {
        "images": [{name: getattr(image, name) for name in shown} for image in group.images]
    }


def _row(group: DuplicateGroup, n: int) -> dict[str, Any]:
    """Return a line of the table for image `n`. Only the first one names the group."""
    image = group.images[n]
    labels = "differ" if group.is_conflicting else ""
    head = {"group": group.group_key[:12], "kind": group.kind, "labels": labels}
    size = f"{image.width_px}x{image.height_px}"
    best = "best" if image.is_best else ""
    own = {"best": best, "distance": image.distance, "size": size, "label": image.label, "path": image.path}
    return (head if n == 0 else dict.fromkeys(head, "")) | own


def _emit_step(as_json: bool, step: StepResult, skipped: list[str]) -> None:
    excluded = [decision.digest for decision in step.decisions if decision.verdict == "exclude"]
    document = {
        "step_id": step.step_id,
        "n_excluded": len(excluded),
        "excluded": excluded,
        "conflicts": step.conflicts,
        "skipped": skipped,
    }
    many = "1 duplicate" if len(excluded) == 1 else f"{len(excluded)} duplicates"
    emit(as_json, document, f"Excluded {many}. To revert: peakid undo{_skipped_text(skipped)}")


def _skipped_text(skipped: list[str]) -> str:
    if not skipped:
        return ""
    groups = "1 group was" if len(skipped) == 1 else f"{len(skipped)} groups were"
    command = "peakid duplicates resolve GROUP --keep DIGEST"
    return f"\n{groups} skipped because the labels differ. Decide on each with: {command}"


def _emit_settled(as_json: bool, step_id: int | None, group: DuplicateGroup, verb: str) -> None:
    digests = _digests(group)
    document = {"step_id": step_id, "group_key": group.group_key, "digests": digests}
    text = f"{verb} {len(digests)} images of group {group.group_key[:12]}. To revert: peakid undo"
    emit(as_json, document, text)
