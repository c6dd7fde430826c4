"""Commands for previews of albums: predict a folder once, try rules, move photos, write, take back."""

from pathlib import Path
from typing import Any

import click

from peakid import files
from peakid.cli import usage
from peakid.cli.engines.options import engine_options
from peakid.cli.frame import actor_option, emit, json_option, pass_workspace, table
from peakid.cli.jobs import EXIT_CODES, emit_queued, ending, follow, job_text, request_option, wait_option
from peakid.cli.serving.sort import (
    group_of,
    groups_option,
    mode_option,
    nested_option,
    threshold_option,
    twins_option,
    unfamiliar_option,
)
from peakid.errors import BadInput
from peakid.job_settings import JobSettings
from peakid.jobs import results
from peakid.jobs.albums import sorting
from peakid.jobs.job import Job
from peakid.serve.albums import placing, previews
from peakid.serve.albums.journal import Mode
from peakid.serve.albums.plan import AlbumRules
from peakid.serve.albums.preview_file import Preview
from peakid.store.workspace import Workspace

COLUMNS = ["preview", "export_id", "n_photos", "n_unreadable", "is_complete", "folder"]


@click.group(cls=usage.Group, name="albums")
def albums_() -> None:
    """Preview the albums of a folder, correct them, write them. `peakid sort` does all in one step."""


@albums_.command("list")
@json_option
@pass_workspace
def albums_list(workspace: Workspace, as_json: bool) -> None:
    """List the previews, newest first."""
    found = [_document(each) for each in previews.list_previews(workspace)]
    emit(as_json, found, table(found, COLUMNS, empty="There are no previews."))


@albums_.command("preview")
@click.argument("export_id", metavar="EXPORT", type=int)
@click.argument("folder", type=click.Path(path_type=Path))
@wait_option(by_default=False)
@request_option
@engine_options
@actor_option
@json_option
@pass_workspace
def albums_preview(
    workspace: Workspace,
    export_id: int,
    folder: Path,
    is_waiting: bool,
    request_id: str | None,
    job_settings: JobSettings,
    actor: str,
    as_json: bool,
) -> int:
    """Predict the photos in FOLDER with EXPORT: those that are new or have changed since the last time."""
    path = files.expanded(folder)
    job = sorting.preview(
        workspace, export_id, path, settings=job_settings, request_id=request_id, actor=actor
    )
    return _followed(workspace, job, is_waiting=is_waiting, as_json=as_json)


@albums_.command("show")
@click.argument("preview")
@threshold_option
@groups_option
@nested_option
@twins_option
@unfamiliar_option
@json_option
@pass_workspace
def albums_show(
    workspace: Workspace,
    preview: str,
    threshold: float | None,
    groups: tuple[str, ...],
    is_nested: bool,
    split_twins: bool,
    others_unfamiliar: bool,
    as_json: bool,
) -> None:
    """Show how many photos each album of PREVIEW would get. Nothing is written."""
    found = sorting.checked_preview(workspace, preview)
    planned = sorting.planned(
        workspace, found, _rules(found, threshold, groups, is_nested, split_twins, others_unfamiliar)
    )
    document = {
        **_document(found),
        "albums": planned.counts(),
        "n_twins": planned.n_twins,
        "unreadable": [{"path": each.path, "reason": each.reason} for each in found.photos.unreadable],
    }
    lines = [f"{name}  {n:,}" for name, n in planned.counts().items()]
    emit(as_json, document, "\n".join(lines))


@albums_.command("place")
@click.argument("preview")
@click.argument("photos", nargs=-1, required=True, metavar="PHOTO...")
@click.option("--class", "class_name", help="The class whose album they go to, or `other`.")
@click.option("--back", "is_back", is_flag=True, help="Back to where the model puts them.")
@click.option("--learn", "learns", is_flag=True, help="Also add them to the workspace with that label.")
@actor_option
@json_option
@pass_workspace
def albums_place(
    workspace: Workspace,
    preview: str,
    photos: tuple[str, ...],
    class_name: str | None,
    is_back: bool,
    learns: bool,
    actor: str,
    as_json: bool,
) -> None:
    """Move each PHOTO, named as in its folder, to another album of PREVIEW."""
    if (class_name is None) != is_back:
        raise BadInput("It is not clear where the photos go.", "Give either --class or --back.")
    found = previews.show(workspace, preview)
    done = placing.place(workspace, found, photos, class_name, learns=learns, actor=actor)
    document = {
        "n_photos": done.n_photos,
        "image_ids": list(done.image_ids),
        "failed": [{"path": each.path, "reason": each.reason} for each in done.failed],
    }
    lines = [f"Moved {done.n_photos:,} photos."]
    lines += [f"Added {len(done.image_ids):,} images labelled {class_name}."] if learns else []
    lines += [f"{each.path} was not added: {each.reason}" for each in done.failed]
    emit(as_json, document, "\n".join(lines))


@albums_.command("write")
@click.argument("preview")
@click.argument("out", type=click.Path(path_type=Path))
@threshold_option
@mode_option
@groups_option
@nested_option
@twins_option
@unfamiliar_option
@wait_option(by_default=False)
@request_option
@actor_option
@json_option
@pass_workspace
def albums_write(
    workspace: Workspace,
    preview: str,
    out: Path,
    threshold: float | None,
    mode: Mode,
    groups: tuple[str, ...],
    is_nested: bool,
    split_twins: bool,
    others_unfamiliar: bool,
    is_waiting: bool,
    request_id: str | None,
    actor: str,
    as_json: bool,
) -> int:
    """Write the albums of PREVIEW into OUT."""
    found = previews.show(workspace, preview)
    rules = _rules(found, threshold, groups, is_nested, split_twins, others_unfamiliar)
    job = sorting.write(
        workspace, preview, files.expanded(out), rules, mode=mode, request_id=request_id, actor=actor
    )
    return _followed(workspace, job, is_waiting=is_waiting, as_json=as_json)


@albums_.command("undo")
@click.argument("out", type=click.Path(path_type=Path))
@wait_option(by_default=False)
@request_option
@actor_option
@json_option
@pass_workspace
def albums_undo(
    workspace: Workspace, out: Path, is_waiting: bool, request_id: str | None, actor: str, as_json: bool
) -> int:
    """Take back the albums in OUT, as `peakid unsort` does."""
    job = sorting.take_back(workspace, files.expanded(out), request_id=request_id, actor=actor)
    return _followed(workspace, job, is_waiting=is_waiting, as_json=as_json)


@albums_.command("remove")
@click.argument("preview")
@json_option
@pass_workspace
def albums_remove(workspace: Workspace, preview: str, as_json: bool) -> None:
    """Remove PREVIEW: predictions and thumbnails. Photos and albums stay."""
    previews.remove(workspace, preview)
    emit(as_json, {"preview": preview}, f"Removed the preview {preview}.")


def _rules(
    found: Preview,
    threshold: float | None,
    groups: tuple[str, ...],
    is_nested: bool,
    split_twins: bool,
    others_unfamiliar: bool,
) -> AlbumRules:
    least = found.threshold if threshold is None else threshold
    return AlbumRules(least, dict(map(group_of, groups)), is_nested, not split_twins, others_unfamiliar)


def _followed(workspace: Workspace, job: Job, *, is_waiting: bool, as_json: bool) -> int:
    if not is_waiting:
        return emit_queued(as_json, job)
    done = follow(workspace, job.job_id)
    document = {**ending(done), **(results.document(done.result) if done.result else {})}
    emit(as_json, document, job_text(done))
    return EXIT_CODES[done.state]


def _document(found: Preview) -> dict[str, Any]:
    return {
        "preview": found.key,
        "export_id": found.export_id,
        "folder": str(found.photos.folder),
        "n_photos": len(found.photos.paths),
        "n_unreadable": len(found.photos.unreadable),
        "is_complete": found.is_complete,
        "threshold": found.threshold,
        "made_at": found.made_at,
    }
