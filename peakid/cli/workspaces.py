"""Commands for the list of recent workspaces."""

from dataclasses import asdict
from pathlib import Path

import click

from peakid import files, settings
from peakid.cli import usage
from peakid.cli.frame import emit, json_option, table
from peakid.errors import NotFound
from peakid.evaluate import score_text
from peakid.store.folders import holdings, recent_workspaces
from peakid.store.folders.holdings import Holdings


@click.group("workspaces", cls=usage.Group)
def workspaces_() -> None:
    """List the workspaces that were opened last, with what each holds."""


@workspaces_.command("list")
@json_option
def list_(as_json: bool) -> None:
    """List the workspaces that were opened last, newest first, with images, classes and last score.

    The app, `init` and `demo` put a workspace on the list. PEAKID_RECENT_WORKSPACES says how many it has.
    """
    found = [(each.opened_at, holdings.read(each.path)) for each in recent_workspaces.listed()]
    rows = [asdict(held) | {"path": str(held.path), "opened_at": opened} for opened, held in found]
    shown = [_row(opened, held) for opened, held in found]
    columns = ["opened_at", "n_images", "n_classes", "last_score", "path", "problem"]
    columns = columns if any(held.problem for _, held in found) else columns[:-1]
    empty = "No workspace was opened yet."
    if not settings.Settings().recent_workspaces:
        empty = "No list is kept: PEAKID_RECENT_WORKSPACES is 0."
    emit(as_json, rows, table(shown, columns, empty=empty))


@workspaces_.command()
@click.argument("path", type=click.Path(path_type=Path))
@json_option
def remove(path: Path, as_json: bool) -> None:
    """Take the workspace in PATH off the list. Its folder is not changed."""
    folder = files.expanded(path)
    if not recent_workspaces.remove(folder):
        raise NotFound(f"{folder} is not on the list of workspaces.", "List it to see what is.")
    emit(as_json, {"removed": str(folder)}, f"{folder} is off the list. The folder is as it was.")


def _row(opened_at: str, held: Holdings) -> dict[str, object]:
    score = score_text.score(held.accuracy, held.accuracy_interval, held.n_scored)
    row: dict[str, object] = {"opened_at": opened_at, "last_score": score, "path": str(held.path)}
    if not held.problem:
        row |= {"n_images": held.n_images, "n_classes": held.n_classes}
    return row | {"problem": held.problem}
