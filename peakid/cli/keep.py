"""Commands for a whole collection: backup, restore, clean, forget."""

from dataclasses import asdict
from pathlib import Path

import click

from peakid.cli import usage
from peakid.cli.frame import actor_option, emit, json_option, pass_workspace, terminal_report, workspace_path
from peakid.cli.history import n_images
from peakid.cli.output import remedies
from peakid.keep import backup as backups
from peakid.keep import clean as cleaning
from peakid.keep import forget as forgetting
from peakid.keep import past_uses, report_text
from peakid.keep import restore as restoring
from peakid.keep.past_uses import HeldPush, HeldRun
from peakid.remedies import action
from peakid.store.workspace import Workspace


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--with-checkpoints",
    is_flag=True,
    help="Include the checkpoints of interrupted trainings. Without them, such a training starts anew.",
)
@json_option
@pass_workspace
def backup(workspace: Workspace, file: Path, with_checkpoints: bool, as_json: bool) -> None:
    """Write database, images, runs and exports into FILE, or into a dated file if FILE is a folder.

    What can be made again is left out, and named with its size.
    """
    with terminal_report() as report:
        done = backups.backup(workspace, file, with_checkpoints=with_checkpoints, report=report)
    text = f"Backed up {n_images(done.n_images)} to {done.path} ({done.n_bytes / 2**20:,.1f} MB)."
    emit(as_json, asdict(done), "\n".join([text, *report_text.left_out(done), *report_text.of_backup(done)]))


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--replace",
    is_flag=True,
    help="Replace the existing workspace, which is renamed and kept. Refused while a job runs in it.",
)
@click.option(
    "--accept-roots",
    is_flag=True,
    help="Read images that were left in their folders where the backup says they are. For your own backups.",
)
@json_option
def restore(file: Path, replace: bool, accept_roots: bool, as_json: bool) -> None:
    """Create the workspace from a backup FILE and check every image. The folder must be empty."""
    with terminal_report() as report:
        done = restoring.restore(
            file, workspace_path(), replace=replace, accept_roots=accept_roots, report=report
        )
    text = f"Restored {n_images(done.n_images)} to {done.workspace}."
    text += f" The former workspace is at {done.replaced}." if done.replaced else ""
    lines = [text, *report_text.of_restore(done)]
    if done.foreign_roots:
        accept = [action("accept_root", path=path) for path in done.foreign_roots[: report_text.SHOWN]]
        lines.append("Use: " + " or ".join(remedies.commands(accept, workspace=workspace_path())))
    emit(as_json, asdict(done), "\n".join(lines))


@click.command()
@click.argument("kinds", metavar="[KIND]...", nargs=-1, type=usage.Choice(cleaning.KINDS))
@click.option("--dry-run", is_flag=True, help="Only list what would be removed, with its size.")
@json_option
@pass_workspace
def clean(workspace: Workspace, kinds: tuple[str, ...], dry_run: bool, as_json: bool) -> None:
    """Remove what can be made again: pixels, previews, thumbnails, used_checkpoints and unfinished files.

    With KIND, remove only these. The kinds checkpoints, uploads and old_databases are removed only if they
    are named: a resumed training or an import may still need them. What a job uses stays.
    """
    if dry_run:
        done = cleaning.plan(workspace, kinds)
    else:
        with terminal_report() as report:
            done = cleaning.clean(workspace, kinds, report=report)
    document = {**asdict(done), "n_bytes": done.n_bytes}
    emit(as_json, document, "\n".join(report_text.of_cleaning(done)))


@click.command()
@click.argument("what", metavar="DIGEST|SOURCE")
@click.option("--dry-run", is_flag=True, help="Only list what would be removed.")
@click.option("--reason", default="", help="Stored with the digest. Do not name a person in it.")
@actor_option
@json_option
@pass_workspace
def forget(workspace: Workspace, what: str, dry_run: bool, reason: str, actor: str, as_json: bool) -> None:
    """Remove an image, or all images from a folder or address, permanently. There is no undo."""
    if dry_run:
        done, verb = forgetting.plan(workspace, what), "Would remove"
    else:
        with terminal_report() as report:
            done = forgetting.forget(workspace, what, reason=reason, actor=actor, report=report)
        verb = "Removed"
    text = "\n".join([f"{verb} {n_images(len(done.digests))}.", *_remaining(done)])
    emit(as_json, {**done.to_json(), "is_dry_run": dry_run}, text)


def _remaining(done: forgetting.Forgetting) -> list[str]:
    """Return where the images were used, and the files that are not Peakid's to delete."""
    lines = [f"  in snapshot {each['digest'][:12]} {each['name']}" for each in done.snapshots]
    lines += [f"  used by run {each['run_id']}{_by_way_of(each)}" for each in done.runs]
    for export in done.exports:
        where = f"{export['stage']}, at {export['path']}"
        lines.append(f"  in the model of export {export['export_id']} ({where})")
        lines += [f"    pushed to {_pushed(each)}" for each in export["pushed"]]
    lines += [f"  original file, not removed: {path}" for path in done.left_in_place]
    return lines + ([past_uses.MODELS_KEEP] if done.exports else [])


def _by_way_of(run: HeldRun) -> str:
    return (
        "" if run["started_from"] is None else f", which started from the model of run {run['started_from']}"
    )


def _pushed(push: HeldPush) -> str:
    return f"{push['repository']} ({'public' if push['is_public'] else 'private'}): {push['url']}"
