"""Commands that keep and remove: backup, restore, forget."""

from dataclasses import asdict
from pathlib import Path

import click

from peakid.cli.frame import actor_option, emit, json_option, pass_workspace, terminal_report, workspace_path
from peakid.cli.history import n_images
from peakid.keep import backup as backups
from peakid.keep import forget as forgetting
from peakid.store.workspace import Workspace


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@json_option
@pass_workspace
def backup(workspace: Workspace, file: Path, as_json: bool) -> None:
    """Write database, images, runs and exports into one FILE, or into a folder under the day's name."""
    with terminal_report() as report:
        done = backups.backup(workspace, file, report=report)
    emit(
        as_json,
        asdict(done),
        f"Backed up {n_images(done.n_images)} to {done.path} ({done.n_bytes / 2**20:,.1f} MB).",
    )


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--replace", is_flag=True, help="Move the present workspace aside first; stop the app on it before."
)
@json_option
def restore(file: Path, replace: bool, as_json: bool) -> None:
    """Make the workspace from a backup FILE, checking every image; refuses a folder that is not empty."""
    with terminal_report() as report:
        done = backups.restore(file, workspace_path(), replace=replace, report=report)
    text = f"Restored {n_images(done.n_images)} to {done.workspace}."
    text += f" {n_images(done.n_missing)} lie in folders that are not here now." if done.n_missing else ""
    text += f" The workspace of before is kept at {done.replaced}." if done.replaced else ""
    emit(as_json, asdict(done), text)


@click.command()
@click.argument("what", metavar="DIGEST|SOURCE")
@click.option("--dry-run", is_flag=True, help="Tell what it would remove, remove nothing.")
@click.option("--reason", default="", help="Kept with the digest; name no person in it.")
@actor_option
@json_option
@pass_workspace
def forget(workspace: Workspace, what: str, dry_run: bool, reason: str, actor: str, as_json: bool) -> None:
    """Remove an image, or all seen at a folder or address, for good. There is no undo."""
    if dry_run:
        done, said = forgetting.plan(workspace, what), "Would forget"
    else:
        with terminal_report() as report:
            done, said = (
                forgetting.forget(workspace, what, reason=reason, actor=actor, report=report),
                "Forgot",
            )
    emit(
        as_json,
        {**done.to_json(), "is_dry_run": dry_run},
        f"{said} {n_images(len(done.digests))}.\n{_held(done)}".strip(),
    )


def _held(done: forgetting.Forgetting) -> str:
    lines = [f"  held by snapshot {each['digest'][:12]} {each['name']}" for each in done.snapshots]
    lines += [f"  studied or scored by run {each['run_id']}" for each in done.runs]
    lines += [f"  in the model of export {each['export_id']} at {each['path']}" for each in done.exports]
    return "\n".join(lines + [f"  not Peakid's to remove: {path}" for path in done.left_in_place])
