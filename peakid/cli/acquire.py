"""Commands that add images: import, demo and scan."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from peakid.acquire import archive, demo_import, folder, history, table
from peakid.cli import frame
from peakid.cli.frame import (
    actor_option,
    emit,
    json_option,
    pass_new_workspace,
    pass_workspace,
    terminal_report,
)
from peakid.cli.jobs import emit_queued
from peakid.curate import scan as scanning
from peakid.jobs import submit
from peakid.records import ImportReport
from peakid.store import status
from peakid.store.workspace import Workspace

SHOWN_REJECTIONS = 20  # Lines in the terminal. `--json` has all of them.

_background = click.option(
    "--background", is_flag=True, help="Queue the import and a scan as a job, and return at once."
)


@click.group("import")
def import_() -> None:
    """Import images from a folder, a zip archive or a table of labels."""


@import_.command("folder")
@click.argument("path", type=click.Path(path_type=Path))
@click.option("--in-place", is_flag=True, help="Leave the files where they are instead of copying them.")
@_background
@actor_option
@json_option
@pass_workspace
def import_folder(
    workspace: Workspace, path: Path, in_place: bool, background: bool, actor: str, as_json: bool
) -> None:
    """Import the images below PATH. Class and split are read from the names of its folders."""
    if background:
        emit_queued(as_json, submit.import_images(workspace, "folder", path, in_place=in_place, actor=actor))
        return
    with terminal_report() as report:
        imported = folder.import_folder(workspace, path, in_place=in_place, actor=actor, report=report)
    emit(as_json, _document(imported), _text(imported))


@import_.command("zip")
@click.argument("file", type=click.Path(path_type=Path))
@_background
@actor_option
@json_option
@pass_workspace
def import_zip(workspace: Workspace, file: Path, background: bool, actor: str, as_json: bool) -> None:
    """Import the images of a zip archive. Class and split are read from the names of its folders."""
    if background:
        emit_queued(as_json, submit.import_images(workspace, "zip", file, actor=actor))
        return
    with terminal_report() as report:
        imported = archive.import_zip(workspace, file, actor=actor, report=report)
    emit(as_json, _document(imported), _text(imported))


@import_.command("csv")
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--root",
    required=True,
    type=click.Path(path_type=Path),
    help="The folder that the paths in FILE are relative to.",
)
@_background
@actor_option
@json_option
@pass_workspace
def import_csv(
    workspace: Workspace, file: Path, root: Path, background: bool, actor: str, as_json: bool
) -> None:
    """Import the images listed in a CSV, JSON Lines or Parquet FILE, with their labels."""
    if background:
        emit_queued(as_json, submit.import_images(workspace, "csv", file, root=root, actor=actor))
        return
    with terminal_report() as report:
        imported = table.import_csv(workspace, file, root=root, actor=actor, report=report)
    emit(as_json, _document(imported), _text(imported))


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
    """Draw mountains with planted faults and import them. Create the workspace if there is none."""
    with terminal_report() as report:
        imported = demo_import.import_demo(
            workspace, n_images=n_images, seed=seed, actor=actor, report=report
        )
    document = {"workspace": str(workspace.path), "n_images": status.read(workspace).n_images}
    truth = workspace.path / demo_import.DEMO_FOLDER / "truth.json"
    emit(as_json, document, f"{_text(imported)}\nThe true class and the faults of each file are in {truth}.")


@click.command()
@json_option
@pass_workspace
def scan(workspace: Workspace, as_json: bool) -> None:
    """Find image issues and duplicates among the images that were added since the last scan."""
    with terminal_report() as report:
        found = scanning.scan(workspace, report=report)
    text = f"{found.n_scanned} scanned in {found.seconds:.1f} s. Duplicates: {found.n_exact_groups} exact and"
    text += f" {found.n_near_groups} near groups, {found.n_conflicting_groups} with conflicting labels."
    issues = ", ".join(f"{n} {kind.replace('_', ' ')}" for kind, n in found.issues.items() if n)
    text += f"\nImage issues: {issues or 'none'}."
    emit(as_json, asdict(found) | {"seconds": round(found.seconds, 3)}, text)


def _document(imported: ImportReport) -> dict[str, Any]:
    return asdict(imported) | {"seconds": round(imported.seconds, 3)}


def _text(imported: ImportReport) -> str:
    counts = f"{imported.n_added} added, {imported.n_known} already known, {imported.n_rejected} rejected"
    lines = [f"{counts}, in {imported.seconds:.1f} s."]
    mended = "1 stored image was" if imported.n_mended == 1 else f"{imported.n_mended} stored images were"
    lines += [f"{mended} damaged or missing and written again."] if imported.n_mended else []
    lines += [f"  {row.path}: {row.reason}, {row.detail}" for row in imported.rejections[:SHOWN_REJECTIONS]]
    more = imported.n_rejected - SHOWN_REJECTIONS
    return "\n".join(lines + ([f"  ... and {more} more. --json lists all of them."] if more > 0 else []))
