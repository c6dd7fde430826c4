"""Commands for snapshots: create, list, show, diff, verify, leaks, write."""

from dataclasses import asdict
from pathlib import Path
from typing import Any, get_args

import click

from peakid import licences as known_licences
from peakid.cli import usage
from peakid.cli.frame import actor_option, emit, json_option, pass_workspace, table, terminal_report
from peakid.cli.output import credits_out, terminal
from peakid.curate.duplicates import proposals
from peakid.dataset import credits, snapshot, split, write
from peakid.errors import BadFractions
from peakid.records import Snapshot, Split
from peakid.store.workspace import Workspace


def _fractions(
    _context: click.Context, _parameter: click.Parameter, value: str | None
) -> dict[Split, float] | None:
    if value is None:
        return None
    parts = value.split(",")
    try:
        return dict(zip(split.SPLITS, [float(part) for part in parts], strict=True))
    except ValueError as error:
        remedy = "Give the shares of train, valid and test, such as --fractions 0.7,0.15,0.15."
        raise BadFractions(f"{value!r} is not three numbers separated by commas.", remedy) from error


@click.group("snapshot", cls=usage.Group)
def snapshot_() -> None:
    """Freeze labelled images into snapshots. SNAPSHOT is a name, a digest or the start of a digest."""


@snapshot_.command("create")
@click.option("--name", default="", help="A name for the snapshot.")
@click.option(
    "--fractions",
    callback=_fractions,
    help="Shares of train,valid,test for images without a split. Default: 0.7,0.15,0.15.",
)
@click.option(
    "--seed",
    default=0,
    show_default=True,
    help="Seed of the partition. Images keep their split within one seed.",
)
@click.option(
    "--reviewed-only",
    "is_reviewed_only",
    is_flag=True,
    help="Leave out images whose label has not been reviewed.",
)
@click.option(
    "--with-several", "has_several", is_flag=True, help="Include images that also show another class."
)
@click.option(
    "--licences",
    metavar="LIST",
    default="",
    help="Only images with one of these licences, separated by commas: "
    + ", ".join((*known_licences.GROUPS, *known_licences.CODES))
    + ". Default: any.",
)
@click.option(
    "--no-scan",
    is_flag=True,
    help="Do not compare images that were not compared yet. Their near duplicates may be in several splits.",
)
@actor_option
@json_option
@pass_workspace
def create(
    workspace: Workspace,
    name: str,
    fractions: dict[Split, float] | None,
    seed: int,
    is_reviewed_only: bool,
    has_several: bool,
    licences: str,
    no_scan: bool,
    actor: str,
    as_json: bool,
) -> None:
    """Freeze every labelled image of a class in use, with its label, split and group.

    Images that were not compared with the others yet are compared first, so that near duplicates share a
    split.
    """
    with terminal_report() as report:
        made = snapshot.create(
            workspace,
            name=name,
            fractions=fractions,
            seed=seed,
            is_reviewed_only=is_reviewed_only,
            has_several=has_several,
            of_licences=[each for each in licences.split(",") if each.strip()],
            is_scanned_first=not no_scan,
            actor=actor,
            report=report,
        )
    _emit_snapshot(workspace, made, as_json, with_items=False)
    n_left = proposals.n_not_searched(workspace)
    if n_left and not as_json:
        terminal.say(
            f"Note: {proposals.not_searched_text(n_left)} Search with: peakid duplicates find --wait"
        )


@snapshot_.command("list")
@json_option
@pass_workspace
def list_(workspace: Workspace, as_json: bool) -> None:
    """List all snapshots, newest first."""
    document = [_document(each) for each in snapshot.list_snapshots(workspace)]
    rows = [
        {**each, **each["splits"], "digest": each["digest"][:12], "n_classes": len(each["class_names"])}
        for each in document
    ]
    columns = ["digest", "name", "n_images", "n_classes", *split.SPLITS, "n_groups", "n_leaks"]
    columns += ["n_not_compared", "seed", "created_at"]
    empty = "There is no snapshot yet. Freeze one with: peakid snapshot create"
    emit(as_json, document, table(rows, columns, empty=empty))


@snapshot_.command("show")
@click.argument("reference", metavar="[SNAPSHOT]", required=False)
@json_option
@pass_workspace
def show(workspace: Workspace, reference: str | None, as_json: bool) -> None:
    """Show SNAPSHOT with its images. Default: the newest."""
    _emit_snapshot(workspace, snapshot.show(workspace, reference), as_json, with_items=True)


@snapshot_.command("diff")
@click.argument("a")
@click.argument("b")
@json_option
@pass_workspace
def diff(workspace: Workspace, a: str, b: str, as_json: bool) -> None:
    """List what changed from snapshot A to snapshot B."""
    document = snapshot.diff(workspace, a, b)
    lines = [", ".join(f"{len(rows)} {kind}" for kind, rows in document.items())]
    for kind, rows in document.items():
        lines += [f"{kind:<10}  {row['digest'][:12]}  {_change(row)}  {row['path']}" for row in rows]
    emit(as_json, document, "\n".join(lines))


@snapshot_.command("verify")
@click.argument("reference", metavar="[SNAPSHOT]", required=False)
@json_option
@pass_workspace
def verify(workspace: Workspace, reference: str | None, as_json: bool) -> None:
    """Check that the rows and image files still match SNAPSHOT. Default: the newest."""
    digest = snapshot.resolve(workspace, reference)
    n_images, frozen = snapshot.verify(workspace, digest), snapshot.show(workspace, digest)
    emit(
        as_json,
        {"digest": digest, "n_images": n_images, "is_sound": True} | _compared_document(frozen),
        f"{digest[:12]} is intact: {n_images} images were read and match it."
        f" {snapshot.compared(frozen).finding}",
    )


@snapshot_.command("leaks")
@click.argument("reference", metavar="[SNAPSHOT]", required=False)
@json_option
@pass_workspace
def leaks(workspace: Workspace, reference: str | None, as_json: bool) -> None:
    """List groups of near duplicates that are in more than one split.

    Says on stderr how many images were compared, and how many never were.
    """
    compared = snapshot.compared(snapshot.show(workspace, reference))
    document = snapshot.leaks(workspace, reference)
    rows = [
        {**image, "group": group["group_key"][:12], "digest": image["digest"][:12]}
        for group in document
        for image in group["images"]
    ]
    columns = ["group", "digest", "split", "label", "path"]
    if as_json and compared.warning:  # The document is a list and has no place for it.
        terminal.say(compared.warning, err=True)
    emit(
        as_json, document, "\n".join([*([table(rows, columns, empty="")] if rows else []), compared.finding])
    )


@snapshot_.command("write")
@click.argument("fmt", metavar="FORMAT", type=usage.Choice(get_args(write.WriteFormat)))
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--snapshot", "reference", help="Name or digest. Default: the newest.")
@click.option("--keep-position", is_flag=True, help="Keep the photos' metadata, with the GPS position.")
@json_option
@pass_workspace
def write_(
    workspace: Workspace,
    fmt: write.WriteFormat,
    folder: Path,
    reference: str | None,
    keep_position: bool,
    as_json: bool,
) -> None:
    """Write images and labels into the new FOLDER. FORMAT is imagefolder or csv."""
    frozen = snapshot.show(workspace, reference)
    with terminal_report() as report:
        written = write.write(workspace, frozen, fmt, folder, keep_position=keep_position, report=report)
    text = f"Wrote {written.n_images} images to {written.path}."
    emit(as_json, asdict(written), " ".join([text, *write.sentences(written)]))


@snapshot_.command("credits")
@click.argument("reference", metavar="[SNAPSHOT]", required=False)
@credits_out.option
@json_option
@pass_workspace
def credits_(workspace: Workspace, reference: str | None, out: Path | None, as_json: bool) -> None:
    """Say whose the images of SNAPSHOT are: their number by licence, and files with every credit.

    Default: the newest snapshot.
    """
    credits_out.show(credits.of_snapshot(workspace, snapshot.show(workspace, reference)), out, as_json)


def _emit_snapshot(workspace: Workspace, made: Snapshot, as_json: bool, *, with_items: bool) -> None:
    warnings = snapshot.warnings(workspace, made)
    document = _document(made) | {"warnings": warnings}
    if with_items:
        document["items"] = [asdict(item) for item in snapshot.items(workspace, made.digest)]
    counts = table(
        [dict(row) for row in snapshot.table(workspace, made.digest)],
        ["class_name", *split.SPLITS, "n_images"],
        empty="",
    )
    head = f"{made.digest[:12]} {made.name}".rstrip()
    summary = f"{head}: {made.n_images} images in {made.n_groups} groups"
    summary += f", {made.n_unreviewed} not reviewed, seed {made.seed}"
    summary += f". {snapshot.compared(made).finding}"
    emit(as_json, document, "\n".join([summary, counts, *(f"Warning: {each}" for each in warnings)]))


def _document(made: Snapshot) -> dict[str, Any]:
    document = asdict(made)
    del document["snapshot_id"]
    return document | _compared_document(made)


def _compared_document(made: Snapshot) -> dict[str, int | None]:
    """Return how many images were compared when it was frozen, and were not; None where it is not known."""
    return {"n_compared": made.n_compared, "n_not_compared": snapshot.compared(made).n_missing}


def _change(row: dict[str, Any]) -> str:
    return f"{row['from']} -> {row['to']}" if "from" in row else f"{row['label']} ({row['split']})"
