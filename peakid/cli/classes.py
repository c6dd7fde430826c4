"""Commands for classes: list, add, rename, retire, merge, order, describe."""

from dataclasses import asdict
from typing import Any

import click

from peakid.cli import usage
from peakid.cli.frame import actor_option, emit, json_option, pass_workspace, table
from peakid.cli.history import n_images
from peakid.curate import class_merges, classes, remarks, typical
from peakid.records import ClassRow
from peakid.store import images
from peakid.store.workspace import Workspace


@click.group("classes", cls=usage.Group)
def classes_() -> None:
    """List, add and change the classes."""


@classes_.command("list")
@json_option
@pass_workspace
def classes_list(workspace: Workspace, as_json: bool) -> None:
    """List the classes with their number of images, in the order of their keys."""
    documents = [_document(row) for row in classes.list_classes(workspace)]
    columns = ["class_name", "n_images", "n_reviewed", "is_retired", "colour", "merged_into"]
    empty = "There is no class yet. Add one with: peakid classes add NAME"
    emit(as_json, documents, table(documents, columns, empty=empty))


@classes_.command("add")
@click.argument("name")
@json_option
@pass_workspace
def classes_add(workspace: Workspace, name: str, as_json: bool) -> None:
    """Add the class NAME, or use a retired class again."""
    _emit(as_json, classes.add(workspace, name), "Added")


@classes_.command("rename")
@click.argument("name")
@click.argument("new_name")
@json_option
@pass_workspace
def classes_rename(workspace: Workspace, name: str, new_name: str, as_json: bool) -> None:
    """Rename the class NAME to NEW_NAME. Existing snapshots keep the old name."""
    _emit(as_json, classes.rename(workspace, name, new_name), "Renamed to")


@classes_.command("retire")
@click.argument("name")
@json_option
@pass_workspace
def classes_retire(workspace: Workspace, name: str, as_json: bool) -> None:
    """Leave the class NAME and its images out of new snapshots, until `classes add NAME`."""
    _emit(as_json, classes.retire(workspace, name), "Retired")


@classes_.command("merge")
@click.argument("name")
@click.argument("into")
@click.option("--dry-run", is_flag=True, help="Only count the images that would move.")
@actor_option
@json_option
@pass_workspace
def classes_merge(
    workspace: Workspace, name: str, into: str, dry_run: bool, actor: str, as_json: bool
) -> None:
    """Give all images of the class NAME the label INTO. One `undo` reverts it."""
    if dry_run:
        done, verb = class_merges.plan(workspace, name, into), "Would move"
    else:
        done, verb = class_merges.merge(workspace, name, into, actor=actor), "Moved"
    text = f"{verb} {n_images(done.n_images)} from {name} to {into}, {done.n_reviewed} of them reviewed."
    emit(as_json, {**asdict(done), "is_dry_run": dry_run}, text)


@classes_.command("order")
@click.argument("names", nargs=-1, required=True)
@json_option
@pass_workspace
def classes_order(workspace: Workspace, names: tuple[str, ...], as_json: bool) -> None:
    """Assign the keys from 1 on to the classes NAMES. The other classes follow in their order."""
    rows = [row for row in classes.order(workspace, names) if not row.is_retired]
    lines = [f"{n if n <= classes.N_KEYS else '-'}  {row.class_name}" for n, row in enumerate(rows, 1)]
    emit(as_json, [_document(row) for row in rows], "\n".join(lines))


@classes_.command("describe")
@click.argument("name")
@click.option("--note", help="How to recognise the class, shown during review.")
@click.option("--colour", help="#RRGGBB. An empty value restores the built-in colour.")
@click.option(
    "--example",
    "examples",
    multiple=True,
    metavar="DIGEST",
    help="A typical image. Up to three; they replace the former ones.",
)
@click.option("--no-examples", is_flag=True, help="Remove the examples.")
@actor_option
@json_option
@pass_workspace
def classes_describe(
    workspace: Workspace,
    name: str,
    note: str | None,
    colour: str | None,
    examples: tuple[str, ...],
    no_examples: bool,
    actor: str,
    as_json: bool,
) -> None:
    """Set the note, colour and examples of the class NAME. Without options, show them.

    Where it has no example, the images that the newest run recognises best are shown.
    """
    digests = [images.resolve(workspace, each) for each in examples]
    row = classes.describe(workspace, name, note=note, colour=colour)
    if examples or no_examples:
        remarks.set_typical(workspace, name, digests, actor=actor)
    shown = next((each for each in classes.guide(workspace) if each.class_name == name), None)
    shown_examples = shown.examples if shown else []
    best = [] if shown_examples else typical.best_recognised(workspace, [name]).get(name, [])
    key = shown.key if shown else ""
    document = {**_document(row), "key": key, "examples": shown_examples, "best_recognised": best}
    lines = [f"{row.class_name} ({n_images(row.n_images)})", row.note]
    lines += [digest[:12] for digest in shown_examples]
    lines += ["Best recognised by the newest run:", *(digest[:12] for digest in best)] if best else []
    emit(as_json, document, "\n".join(line for line in lines if line))


def _emit(as_json: bool, row: ClassRow, verb: str) -> None:
    emit(as_json, _document(row), f"{verb} class {row.class_name} ({n_images(row.n_images)}).")


def _document(row: ClassRow) -> dict[str, Any]:
    return {key: value for key, value in asdict(row).items() if key != "position"}
