"""Commands on look-alikes: list, resolve, keep all, not duplicates, and search by a picture."""

from pathlib import Path
from typing import Any, get_args

import click

from peakid.cli.frame import actor_option, emit, json_option, pass_workspace, table
from peakid.curate.duplicates import duplicate_groups, image_search, resolve
from peakid.curate.duplicates.duplicate_groups import DuplicateGroup, KeepRule
from peakid.records import DuplicateKind, StepResult
from peakid.store import images
from peakid.store.workspace import Workspace

KINDS: dict[str, tuple[DuplicateKind, ...]] = {
    "exact": ("exact",),
    "near": ("near",),
    "all": ("exact", "near"),
}


@click.group("duplicates")
def duplicates_() -> None:
    """Images that are the same picture. GROUP is a group's key and may be shortened."""


@duplicates_.command("list")
@click.option("--all", "with_settled", is_flag=True, help="Also the groups that are settled.")
@json_option
@pass_workspace
def duplicates_list(workspace: Workspace, with_settled: bool, as_json: bool) -> None:
    """List the groups that wait, most urgent first, and the byte copies."""
    groups = duplicate_groups.list_groups(workspace)
    shown = [group for group in groups if with_settled or not group.is_settled or group.kind == "copy"]
    rows = [_row(group, n) for group in shown for n in range(len(group.images))]
    columns = ["group", "kind", "labels", "best", "distance", "size", "label", "path"]
    emit(
        as_json,
        [_document(group) for group in shown],
        table(rows, columns, empty="There are no duplicates. Look for them with: peakid scan"),
    )


@duplicates_.command("resolve")
@click.argument("groups", nargs=-1, metavar="[GROUP]...")
@click.option(
    "--rule",
    type=click.Choice(get_args(KeepRule)),
    default="largest",
    show_default=True,
    help="Which image of a group is the best.",
)
@click.option(
    "--kind",
    type=click.Choice(list(KINDS)),
    default="exact",
    show_default=True,
    help="Without GROUP: all groups of this kind.",
)
@click.option("--keep", "kept", metavar="DIGEST", help="Keep this image of the one GROUP.")
@click.option("--label", help="With --keep: the label that is right.")
@click.option("--dry-run", is_flag=True, help="Only say what would be done.")
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
    """Keep the best image of each group and exclude the others, as one step that `peakid undo` takes back."""
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
        emit(
            as_json, document, f"Keeps {len(planned.kept)}, excludes {len(excluded)}.{_told_skipped(skipped)}"
        )
        return
    _emit_step(
        as_json, resolve.keep_best(workspace, rule=rule, kinds=KINDS[kind], keys=keys, actor=actor), skipped
    )


@duplicates_.command("keep-all")
@click.argument("group")
@actor_option
@json_option
@pass_workspace
def duplicates_keep_all(workspace: Workspace, group: str, actor: str, as_json: bool) -> None:
    """Keep all images of GROUP; they go on sharing a split."""
    found = duplicate_groups.find(workspace, group)
    _emit_judged(as_json, resolve.keep_all(workspace, _digests(found), actor=actor), found, "Kept all of")


@duplicates_.command("not")
@click.argument("group")
@actor_option
@json_option
@pass_workspace
def duplicates_not(workspace: Workspace, group: str, actor: str, as_json: bool) -> None:
    """Remember for ever that the images of GROUP are different pictures."""
    found = duplicate_groups.find(workspace, group)
    _emit_judged(
        as_json, resolve.not_duplicates(workspace, _digests(found), actor=actor), found, "No duplicates:"
    )


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@json_option
@pass_workspace
def search(workspace: Workspace, file: Path, as_json: bool) -> None:
    """Find the picture in FILE among the images, whatever became of it: smaller, turned, cropped."""
    twins = image_search.search(workspace, file.read_bytes())
    documents = [
        {key: getattr(twin, key) for key in ("digest", "path", "label", "verdict", "kind", "distance")}
        for twin in twins
    ]
    rows = [{**document, "digest": document["digest"][:12]} for document in documents]
    emit(
        as_json,
        documents,
        table(rows, ["digest", "kind", "distance", "label", "path"], empty="No image here looks like it."),
    )


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


def _digests(group: DuplicateGroup) -> list[str]:
    return sorted({image.digest for image in group.images})


def _document(group: DuplicateGroup) -> dict[str, Any]:
    shown = (
        "digest",
        "path",
        "label",
        "is_best",
        "distance",
        "verdict",
        "width_px",
        "height_px",
        "n_bytes",
        "format",
        "source",
        "splits",
    )
    flags = {
        name: getattr(group, name)
        for name in ("group_key", "kind", "is_conflicting", "is_across_splits", "is_settled")
    }
    return {**flags, "images": [{name: getattr(image, name) for name in shown} for image in group.images]}


def _row(group: DuplicateGroup, n: int) -> dict[str, Any]:
    image = group.images[n]
    first = (
        {
            "group": group.group_key[:12],
            "kind": group.kind,
            "labels": "differ" if group.is_conflicting else "",
        }
        if n == 0
        else {}
    )
    size = f"{image.width_px}x{image.height_px}"
    best = "best" if image.is_best else ""
    own = {"best": best, "distance": image.distance, "size": size, "label": image.label, "path": image.path}
    return {"group": "", "kind": "", "labels": "", **first, **own}


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
    emit(as_json, document, f"Excluded {many}. Take it back with: peakid undo{_told_skipped(skipped)}")


def _told_skipped(skipped: list[str]) -> str:
    if not skipped:
        return ""
    many = "1 group is" if len(skipped) == 1 else f"{len(skipped)} groups are"
    return f"\n{many} left as they are: their labels differ. Decide each with: peakid duplicates resolve GROUP --keep DIGEST"


def _emit_judged(as_json: bool, step_id: int | None, group: DuplicateGroup, said: str) -> None:
    digests = _digests(group)
    document = {"step_id": step_id, "group_key": group.group_key, "digests": digests}
    emit(
        as_json,
        document,
        f"{said} {len(digests)} images of group {group.group_key[:12]}. Take it back with: peakid undo",
    )
