"""Commands that add images: import, demo and scan."""

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from peakid.acquire import archive, demo_apart, demo_import, folder, history, preview, reading, table
from peakid.acquire.objects import importing
from peakid.acquire.tables.columns import ColumnChoice
from peakid.cli import frame, usage
from peakid.cli.engines.options import engine_document, engine_options, tell_death
from peakid.cli.evaluation.imported import import_predictions
from peakid.cli.frame import (
    actor_option,
    emit,
    json_option,
    pass_new_workspace,
    pass_workspace,
    terminal_report,
)
from peakid.cli.jobs import emit_queued, wait_option
from peakid.cli.output import import_text
from peakid.curate import classes
from peakid.curate import scan as scanning
from peakid.job_settings import JobSettings
from peakid.jobs import embedding, submit
from peakid.jobs.maps import measuring
from peakid.records import ImportReport, Source
from peakid.store import status
from peakid.store.folders import recent_workspaces
from peakid.store.workspace import Workspace
from peakid.store_urls import StoreUrl

_dry_run = click.option(
    "--dry-run", is_flag=True, help="Only say which classes and splits would be read, and what is skipped."
)


@click.group("import", cls=usage.Group)
def import_() -> None:
    """Import images from a folder, a zip archive or a table of labels, or the predictions of a model."""


@import_.command("folder")
@click.argument("path", type=usage.Place())
@click.option("--in-place", is_flag=True, help="Leave the files where they are instead of copying them.")
@click.option("--follow-links", is_flag=True, help="Follow links to folders that are inside PATH.")
@click.option(
    "--links-within",
    metavar="FOLDER",
    type=click.Path(path_type=Path),
    help="Follow links to files and folders in FOLDER, too.",
)
@_dry_run
@wait_option(by_default=True)
@actor_option
@json_option
@pass_workspace
def import_folder(
    workspace: Workspace,
    path: Path | StoreUrl,
    in_place: bool,
    follow_links: bool,
    links_within: Path | None,
    dry_run: bool,
    is_waiting: bool,
    actor: str,
    as_json: bool,
) -> None:
    """Import the images below PATH. Class and split are read from the names of its folders.

    Label files in it, and the tables of img2dataset, take precedence. The exit code is 1 if nothing was
    taken in.

    PATH may be a place in an image store, such as s3://bucket/photos or gs://bucket/photos. Its objects stay
    there, and importing it again reads only what is new or has changed. With --no-wait, a scan follows.
    """
    links = folder.Links(follow_links, None if links_within is None else reading.checked_folder(links_within))
    if dry_run:
        _emit_preview(as_json, workspace, "folder", path, links=links)
        return
    if not is_waiting:
        job = submit.import_images(
            workspace,
            "folder",
            path,
            in_place=in_place,
            follow_links=follow_links,
            links_within=links_within,
            actor=actor,
        )
        emit_queued(as_json, job)
        return
    with terminal_report() as report:
        if isinstance(path, StoreUrl):
            imported = importing.import_store(workspace, path, actor=actor, report=report)
        else:
            imported = folder.import_folder(
                workspace, path, in_place=in_place, links=links, actor=actor, report=report
            )
    _emit_import(as_json, workspace, imported, actor)


@import_.command("zip")
@click.argument("file", type=click.Path(path_type=Path))
@_dry_run
@wait_option(by_default=True)
@actor_option
@json_option
@pass_workspace
def import_zip(
    workspace: Workspace, file: Path, dry_run: bool, is_waiting: bool, actor: str, as_json: bool
) -> None:
    """Import the images of a zip archive. Class and split are read from the names of its folders."""
    if dry_run:
        _emit_preview(as_json, workspace, "zip", file)
        return
    if not is_waiting:
        emit_queued(as_json, submit.import_images(workspace, "zip", file, actor=actor))
        return
    with terminal_report() as report:
        imported = archive.import_zip(workspace, file, actor=actor, report=report)
    _emit_import(as_json, workspace, imported, actor)


_columns = (
    click.option("--path-column", help="The column with the path of the image. Default: by its name."),
    click.option("--label-column", help="The column with the class. Default: by its name."),
    click.option("--split-column", help="The column with train, valid or test. Default: by its name."),
)


def _column_options(command: Callable[..., None]) -> Callable[..., None]:
    for option in reversed(_columns):
        command = option(command)
    return command


@import_.command("table")
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--root",
    type=click.Path(path_type=Path),
    help="The folder that the paths in FILE are relative to. Default: the folder of FILE.",
)
@_column_options
@_dry_run
@wait_option(by_default=True)
@actor_option
@json_option
@pass_workspace
def import_table(
    workspace: Workspace,
    file: Path,
    root: Path | None,
    path_column: str | None,
    label_column: str | None,
    split_column: str | None,
    dry_run: bool,
    is_waiting: bool,
    actor: str,
    as_json: bool,
) -> None:
    """Import the images listed in FILE, with their labels.

    FILE is CSV, JSON Lines, Parquet, or a label file of Label Studio, FiftyOne, Roboflow or COCO with one
    class for each image. `peakid import columns FILE` shows how it is read.
    """
    columns = ColumnChoice(path_column, label_column, split_column)
    if dry_run:
        _emit_preview(as_json, workspace, "csv", file, root=root, columns=columns)
        return
    if not is_waiting:
        job = submit.import_images(workspace, "csv", file, root=root, columns=columns, actor=actor)
        emit_queued(as_json, job)
        return
    with terminal_report() as report:
        imported = table.import_csv(
            workspace, file, root=root or file.parent, columns=columns, actor=actor, report=report
        )
    _emit_import(as_json, workspace, imported, actor)


import_.add_command(import_predictions)
# The name of this command in earlier versions.
import_.add_command(
    click.Command(
        "csv", callback=import_table.callback, params=import_table.params, hidden=True, help=import_table.help
    )
)


@import_.command("columns")
@click.argument("file", type=click.Path(path_type=Path))
@_column_options
@json_option
def import_columns(
    file: Path, path_column: str | None, label_column: str | None, split_column: str | None, as_json: bool
) -> None:
    """Show the columns and first rows of a table, and how an import reads them. Nothing is imported."""
    preview = table.read_header(file, ColumnChoice(path_column, label_column, split_column))
    chosen = preview.chosen
    lines = [dict(zip(preview.columns, row, strict=True)) for row in preview.rows]
    classes = ", ".join(preview.one_hot)
    label = f"one of the columns {classes}" if classes else chosen.label or "(not recognised)"
    text = f"Path: {chosen.path or '(not recognised)'}. Class: {label}. Split: {chosen.split or '(none)'}."
    text += f"\n{preview.problem}" if preview.problem else ""
    rows = frame.table(lines, list(preview.columns), empty="It has no rows.")
    emit(as_json, asdict(preview), f"{text}\n{rows}")


@import_.command("list")
@click.option("--limit", default=20, show_default=True, type=click.IntRange(1))
@json_option
@pass_workspace
def import_list(workspace: Workspace, limit: int, as_json: bool) -> None:
    """List the newest imports with the number of images they added."""
    rows = [asdict(row) for row in history.list_acquisitions(workspace, limit=limit)]
    columns = ["started_at", "source", "n_added", "n_known", "n_rejected", "actor", "path"]
    emit(as_json, rows, frame.table(rows, columns, empty="Nothing has been imported yet."))


@import_.command("rejections")
@click.option("--limit", default=500, show_default=True, type=click.IntRange(1))
@json_option
@pass_workspace
def import_rejections(workspace: Workspace, limit: int, as_json: bool) -> None:
    """List the newest files that were rejected, with the reason."""
    rows = [asdict(row) for row in history.list_rejections(workspace, limit=limit)]
    emit(as_json, rows, frame.table(rows, ["path", "reason", "detail"], empty="Nothing has been rejected."))


@click.command()
@click.option("--images", "n_images", default=600, show_default=True, help="Number of files to draw.")
@click.option("--seed", default=0, show_default=True, help="The same seed draws the same bytes.")
@actor_option
@json_option
@pass_new_workspace
def demo(workspace: Workspace, n_images: int, seed: int, actor: str, as_json: bool) -> None:
    """Draw mountains with planted faults and import them. Create the workspace if there is none.

    A workspace that holds other images is refused: the demo has one of its own.
    """
    with terminal_report() as report:
        imported = demo_import.import_demo(
            workspace, n_images=n_images, seed=seed, actor=actor, report=report
        )
    recent_workspaces.note(workspace.path)
    started, note = _embedding(workspace, actor)
    document = {"workspace": str(workspace.path), "n_images": status.read(workspace).n_images, **started}
    truth = workspace.path / demo_import.DEMO_FOLDER / "truth.json"
    text = f"{import_text.of_report(imported)}{note}"
    emit(as_json, document, f"{text}\nThe true class and the faults of each file are in {truth}.")


@click.command()
@wait_option(by_default=True)
@engine_options
@actor_option
@json_option
@pass_workspace
def scan(
    workspace: Workspace, is_waiting: bool, job_settings: JobSettings, actor: str, as_json: bool
) -> None:
    """Find image issues and duplicates among the images that were not compared yet."""
    if not is_waiting:
        emit_queued(as_json, submit.scan(workspace, settings=job_settings, actor=actor))
        return
    with terminal_report() as report:
        used = measuring.before_scan(workspace, job_settings, report=report, on_death=tell_death)
        found = scanning.scan(workspace, report=report)
    groups = "1 group" if found.n_groups == 1 else f"{found.n_groups:,} groups"
    kinds = f"{found.n_exact_groups:,} exact, {found.n_near_groups:,} near, {found.n_copy_groups:,} copies"
    text = f"{found.n_scanned} scanned in {found.seconds:.1f} s. Duplicates: {groups} to decide on ({kinds}),"
    text += f" {found.n_conflicting_groups:,} with conflicting labels."
    issues = ", ".join(f"{n} {kind.replace('_', ' ')}" for kind, n in found.issues.items() if n)
    text += f"\nImage issues: {issues or 'none'}."
    text += f"\n{used.text()}" if used else ""
    started, note = _embedding(workspace, actor)
    document = asdict(found) | {"seconds": round(found.seconds, 3)} | engine_document(used)
    emit(as_json, document | started, text + note)


def _emit_import(as_json: bool, workspace: Workspace, imported: ImportReport, actor: str) -> None:
    """Print the result of an import. The exit code is 1 if nothing was taken in."""
    folder_option = click.get_current_context().find_root().obj
    started, note = _embedding(workspace, actor)
    document = asdict(imported) | {"seconds": round(imported.seconds, 3)} | started
    emit(as_json, document, import_text.of_report(imported, workspace=folder_option) + note)
    if not imported.n_added + imported.n_known:
        click.get_current_context().exit(1)


def _embedding(workspace: Workspace, actor: str) -> tuple[dict[str, Any], str]:
    """Start the job for embeddings of new images; return its id for `--json`, and a line for people."""
    job = embedding.embed_new(workspace, actor=actor)
    note = f"\nThe embeddings are computed in the background (job {job.job_id})." if job else ""
    return {"embed_job_id": job.job_id} if job else {}, note


def _emit_preview(
    as_json: bool, workspace: Workspace, source: Source, path: Path | StoreUrl, **options: Any
) -> None:
    demo_apart.refuse_mixture(workspace, source)
    found = preview.preview(source, path, known_classes=classes.names(workspace), **options)
    emit(as_json, asdict(found), import_text.of_preview(found))
