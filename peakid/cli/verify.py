"""Commands that prove every image to be what it was, and say where its folder has gone."""

from dataclasses import asdict
from pathlib import Path

import click

from peakid.acquire import roots
from peakid.cli import frame
from peakid.cli.frame import actor_option, emit, json_option, pass_workspace
from peakid.cli.jobs import EXIT_CODES, follow, told
from peakid.jobs import submit
from peakid.store.workspace import Workspace

SHOWN_MOVES = 20  # Lines in the terminal; `--json` has a hundred.


@click.command()
@actor_option
@json_option
@pass_workspace
def verify(workspace: Workspace, actor: str, as_json: bool) -> int:
    """Read every image and compare its bytes with its digest; find moved files of folders imported in place."""
    job = follow(workspace, submit.verify(workspace, actor=actor).job_id)
    result = {
        "n_images": None,
        "n_damaged": None,
        "damaged": [],
        "n_moved": 0,
        "moved": [],
        "n_redrawn": 0,
        **job.result,
    }
    lines = [f"{result['n_damaged']} of {result['n_images']} images are damaged."]
    lines += [f"  {each['digest'][:12]}  {each['path']}  {each['reason']}" for each in result["damaged"]]
    lines += [f"{result['n_moved']} files were found at another place."] if result["n_moved"] else []
    lines += [f"  {each['path']} -> {each['new_path']}" for each in result["moved"][:SHOWN_MOVES]]
    lines += [f"{result['n_redrawn']} lost thumbnails were drawn again."] if result["n_redrawn"] else []
    text = "\n".join(lines) if job.state == "done" else told(job)
    emit(as_json, {"job_id": job.job_id, "state": job.state, "error": job.error, **result}, text)
    return EXIT_CODES[job.state] or bool(result["n_damaged"])


@click.group("roots")
def roots_() -> None:
    """See and relink the folders that images were imported from."""


@roots_.command("list")
@json_option
@pass_workspace
def roots_list(workspace: Workspace, as_json: bool) -> None:
    """List the folders and archives, whether they are there, and what `verify` did not find in them."""
    rows = [asdict(row) for row in roots.list_roots(workspace)]
    columns = ["root_id", "n_images", "n_missing", "is_in_place", "is_there", "verified_at", "path"]
    emit(as_json, rows, frame.table(rows, columns, empty="Nothing has been imported yet."))


@roots_.command("relink")
@click.argument("old", type=click.Path(path_type=Path))
@click.argument("new", type=click.Path(path_type=Path))
@click.option("--partial", "is_partial", is_flag=True, help="Also where some of its files are missing there.")
@actor_option
@json_option
@pass_workspace
def roots_relink(
    workspace: Workspace, old: Path, new: Path, is_partial: bool, actor: str, as_json: bool
) -> None:
    """Say that the folder OLD lies at NEW now; nothing changes unless its files are there."""
    found = roots.relink(workspace, old, new, is_partial=is_partial, actor=actor)
    text = f"{found.n_found:,} files found in {found.path}, {found.n_missing:,} missing. They are read from there now."
    emit(as_json, asdict(found), text)
