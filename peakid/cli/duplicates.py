"""Commands for duplicates: list, resolve, keep-all, not, and search by an image file."""

from pathlib import Path
from typing import Any, get_args

import click

from peakid.cli import usage
from peakid.cli.frame import actor_option, emit, json_option, pass_workspace, table
from peakid.curate.duplicates import duplicate_groups, image_search, resolve
from peakid.curate.duplicates.duplicate_groups import DuplicateGroup, KeepRule
from peakid.records import DuplicateKind, StepResult
from peakid.store import comparisons, images
from peakid.store.workspace import Workspace

KINDS: dict[str, tuple[DuplicateKind, ...]] = {
    "exact": ("exact",),
    "near": ("near",),
    "all": ("exact", "near"),
}


@click.group("duplicates", cls=usage.Group)
def duplicates_() -> None:
    """Find and resolve duplicate images. GROUP is the key of a group and may be shortened."""


@duplicates_.command("list")
@click.option("--all", "with_settled", is_flag=True, help="Include settled groups.")
@json_option
@pass_workspace
def duplicates_list(workspace: Workspace, with_settled: bool, as_json: bool) -> None:
    """List the groups to decide on, most urgent first, and the byte copies."""
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
    found = f"{_n_groups(counts.n_open)} to decide on, {settled}."
    lines = table(rows, columns, empty=empty)
    emit(as_json, [_document(group) for group in shown], f"{lines}\n{found}" if shown else lines)


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
    keys = [duplicate_groups.find(workspace, key).group_key for key in groups]
    if kept:
        _emit_step(as_json, _keep(workspace, keys, images.resolve(workspace, kept), label, actor), [])
        return
    planned = resolve.plan(workspace, rule=rule, kinds=KINDS[kind], keys=keys)
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
    step = resolve.keep_best(workspace, rule=rule, kinds=KINDS[kind], keys=keys, actor=actor)
    _emit_step(as_json, step, skipped)


@duplicates_.command("keep-all")
@click.argument("group")
@actor_option
@json_option
@pass_workspace
def duplicates_keep_all(workspace: Workspace, group: str, actor: str, as_json: bool) -> None:
    """Keep all images of GROUP. They remain in one split."""
    found = duplicate_groups.find(workspace, group)
    _emit_settled(as_json, resolve.keep_all(workspace, _digests(found), actor=actor), found, "Kept all")


@duplicates_.command("not")
@click.argument("group")
@actor_option
@json_option
@pass_workspace
def duplicates_not(workspace: Workspace, group: str, actor: str, as_json: bool) -> None:
    """Record that the images of GROUP are different pictures. They are not grouped again."""
    found = duplicate_groups.find(workspace, group)
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


def _keep(workspace: Workspace, keys: list[str], digest: str, label: str | None, actor: str) -> StepResult:
    if len(keys) != 1:
        raise click.UsageError("--keep needs exactly one GROUP.")
    group = duplicate_groups.find(workspace, keys[0])
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
