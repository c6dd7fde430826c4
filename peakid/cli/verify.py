"""Commands that check the image files and relink folders that have moved."""

from dataclasses import asdict
from pathlib import Path

import click

from peakid.acquire import roots
from peakid.cli import frame, usage
from peakid.cli.frame import actor_option, emit, json_option, pass_workspace
from peakid.cli.history import n_images
from peakid.cli.jobs import EXIT_CODES, ending, follow, job_text
from peakid.cli.output import remedies
from peakid.jobs import results, submit
from peakid.jobs.results import VerifyResult
from peakid.store.database_errors import damaged
from peakid.store.workspace import Workspace
from peakid.store_urls import StoreUrl

SHOWN_MOVES = 20  # Lines in the terminal; `--json` has a hundred.


@click.command()
@actor_option
@json_option
@pass_workspace
def verify(workspace: Workspace, actor: str, as_json: bool) -> int:
    """Check the database and every image file, and find moved files of folders imported in place."""
    job = follow(workspace, submit.verify(workspace, actor=actor).job_id)
    found = job.result_as(VerifyResult) or VerifyResult()
    lines = [f"{found.n_damaged} of {found.n_images} images are damaged."]
    lines += [f"The database is not sound: {each}." for each in found.database]
    lines += [remedies.line(damaged(workspace.path, found.database))] if found.database else []
    lines += [*found.losses, *found.notes]
    lines += [f"  {each.digest[:12]}  {each.path}  {each.reason}" for each in found.damaged]
    lines += [f"{found.n_moved} files were found in another place."] if found.n_moved else []
    lines += [f"  {each.path} -> {each.new_path}" for each in found.moved[:SHOWN_MOVES]]
    lines += [f"{n_images(found.n_unknown)} in the folder images that the database does not have."] * bool(
        found.n_unknown
    )
    lines += [f"{found.n_redrawn} missing thumbnails were made again."] if found.n_redrawn else []
    text = "\n".join(lines) if job.state == "done" else job_text(job)
    emit(as_json, {**ending(job), **results.document(found)}, text)
    return EXIT_CODES[job.state] or bool(found.n_damaged or found.database)


@click.group("roots", cls=usage.Group)
def roots_() -> None:
    """List and relink the folders that images were imported from."""


@roots_.command("list")
@json_option
@pass_workspace
def roots_list(workspace: Workspace, as_json: bool) -> None:
    """List the folders and archives, whether they exist, and how many files `verify` did not find."""
    rows = [asdict(row) for row in roots.list_roots(workspace)]
    columns = [
        "root_id",
        "n_images",
        "n_missing",
        "is_in_place",
        "is_foreign",
        "is_there",
        "verified_at",
        "path",
    ]
    emit(as_json, rows, frame.table(rows, columns, empty="Nothing has been imported yet."))


@roots_.command("accept")
@click.argument("path", type=usage.Place())
@json_option
@pass_workspace
def roots_accept(workspace: Workspace, path: Path | StoreUrl, as_json: bool) -> None:
    """Read the images in PATH, a folder or a place in a store that a restored backup names."""
    roots.accept(workspace, path)
    emit(as_json, {"path": str(path)}, f"Images are read from {path} now.")


@roots_.command("relink")
@click.argument("old", type=usage.Place())
@click.argument("new", type=usage.Place())
@click.option(
    "--partial", "is_partial", is_flag=True, help="Relink even if some of the files are missing in NEW."
)
@actor_option
@json_option
@pass_workspace
def roots_relink(
    workspace: Workspace,
    old: Path | StoreUrl,
    new: Path | StoreUrl,
    is_partial: bool,
    actor: str,
    as_json: bool,
) -> None:
    """Read the images of the folder OLD from NEW. Nothing changes if the files are not there."""
    found = roots.relink(workspace, old, new, is_partial=is_partial, actor=actor)
    text = f"{found.n_found:,} files found in {found.path}, {found.n_missing:,} missing."
    text += " Images are read from there now."
    emit(as_json, asdict(found), text)
