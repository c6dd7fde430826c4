"""Commands for classes: list, add, rename, retire, merge, order, describe, from a table of Wikipedia."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import click

from peakid.cli import usage
from peakid.cli.frame import actor_option, emit, json_option, pass_workspace, table
from peakid.cli.history import n_images
from peakid.curate import class_merges, classes, remarks, typical
from peakid.jobs.collecting import class_names
from peakid.jobs.collecting.class_names import FoundTable, NameList
from peakid.records import ClassRow
from peakid.settings import for_job
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


@classes_.command("from-wikipedia")
@click.argument("page")
@click.option("--column", help="The heading of the column with the names. Without it, the tables are listed.")
@click.option(
    "--table", metavar="N", type=click.IntRange(1), help="The table, where several have the column."
)
@click.option("--first", metavar="N", type=click.IntRange(1), help="At most so many names.")
@click.option(
    "--where",
    multiple=True,
    metavar="CONDITION",
    help='Only rows that fulfil it, such as "Height > 4000" or "Canton contains Valais".',
)
@click.option("--language", default="en", show_default=True, help="Of the Wikipedia.")
@click.option(
    "--languages", default="", metavar="LIST", help="Also find names to search for in these, such as de,fr."
)
@click.option(
    "--add", "is_adding", is_flag=True, help="Add the names as classes. Without it, only show them."
)
@json_option
@pass_workspace
def classes_from_wikipedia(
    workspace: Workspace,
    page: str,
    column: str | None,
    table: int | None,
    first: int | None,
    where: Sequence[str],
    language: str,
    languages: str,
    is_adding: bool,
    as_json: bool,
) -> None:
    """Make classes of a column of a table of Wikipedia. PAGE is a title or an address.

    With --languages, further names to search for are shown: other titles of the linked article, and those in
    these languages.
    """
    chosen = for_job()
    if column is None:
        found = class_names.tables(page, language=language, settings=chosen)
        emit(as_json, [asdict(each) for each in found], "\n".join(_table_line(each) for each in found))
        return
    names = class_names.read_table(
        page, column=column, language=language, table=table, first=first, where=where, settings=chosen
    )
    terms: Mapping[str, Sequence[str]] = {}
    if wanted := [each.strip() for each in languages.split(",") if each.strip()]:
        terms = class_names.synonyms(names.names, language=names.language, languages=wanted, settings=chosen)
    added, known = class_names.add(workspace, names.names) if is_adding else ([], [])
    document = {**asdict(names), "search_terms": terms, "added": added, "existing": known}
    done = (
        f"Added {len(added):,} classes; {len(known):,} exist." if is_adding else "Nothing was added (--add)."
    )
    emit(as_json, document, f"{_names_text(names, terms)}\n{done}")


def _table_line(found: FoundTable) -> str:
    title = f" ({found.caption})" if found.caption else ""
    n_rows = "1 row" if found.n_rows == 1 else f"{found.n_rows:,} rows"
    return f"{found.number}{title}, {n_rows}: {' | '.join(found.columns)}"


def _names_text(found: NameList, terms: Mapping[str, Sequence[str]]) -> str:
    rows = [
        {
            "row": each.row,
            "name": each.name,
            "article": each.article,
            "also": ", ".join(terms.get(each.name, ())),
        }
        for each in found.names
    ]
    columns = ["row", "name", "article", *(["also"] if terms else [])]
    counts = Counter(each.reason for each in found.omitted)
    lines = [
        f"{found.page}, table {found.table.number}: {len(rows):,} of {found.table.n_rows:,} rows.",
        table(rows, columns, empty="No row fits."),
        *(
            f"Left out: {', '.join(f'{n:,} {reason}' for reason, n in counts.items())}."
            for _ in found.omitted[:1]
        ),
    ]
    shown = [each for each in found.omitted if each.reason in ("repeated", "no_number")]
    return "\n".join([*lines, *(f"  Row {each.row}, {each.text!r}, {each.detail}." for each in shown)])


def _emit(as_json: bool, row: ClassRow, verb: str) -> None:
    emit(as_json, _document(row), f"{verb} class {row.class_name} ({n_images(row.n_images)}).")


def _document(row: ClassRow) -> dict[str, Any]:
    return {key: value for key, value in asdict(row).items() if key != "position"}
