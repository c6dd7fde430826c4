"""`peakid collect urls`: lists of URLs to images."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import click

from peakid.acquire.sources.url_list import ListSummary, UrlColumns
from peakid.cli.collecting.running import name_option, run_collection
from peakid.cli.frame import actor_option, emit, json_option, pass_workspace
from peakid.cli.jobs import wait_option
from peakid.jobs.collecting import lists as url_lists
from peakid.store.workspace import Workspace

N_SHOWN = 5


@click.command()
@click.argument("lists", nargs=-1, required=True, metavar="LIST...", type=click.Path(path_type=Path))
@name_option
@click.option("--label", "class_name", help="The class of the lists. Default: by the name of each file.")
@click.option("--url-column", help="The column of a table that has the URLs.")
@click.option("--label-column", help="The column of a table that has the classes; '' = none.")
@click.option(
    "--max", "most_per_class", metavar="N", type=click.IntRange(1), help="At most so many for each class."
)
@click.option("--dry-run", is_flag=True, help="Only say what the lists contain.")
@wait_option(by_default=True)
@actor_option
@json_option
@pass_workspace
def urls(
    workspace: Workspace,
    lists: Sequence[Path],
    name: str,
    class_name: str | None,
    url_column: str | None,
    label_column: str | None,
    most_per_class: int | None,
    dry_run: bool,
    is_waiting: bool,
    actor: str,
    as_json: bool,
) -> int:
    """Fetch and import the pictures at the URLs of each LIST.

    A list is text with a URL on each line, or a table (CSV, JSON lines, Parquet) with a column of them. What
    is known is not fetched again. The exit code is 1 if nothing became an image.
    """
    columns = UrlColumns(url_column, label_column)
    if dry_run:
        found = url_lists.summarise(lists, class_name=class_name, columns=columns)
        emit(as_json, asdict(found), _summary_text(found))
        return 0
    url_lists.add_lists(
        workspace,
        name,
        lists,
        class_name=class_name,
        columns=columns,
        most_per_class=most_per_class,
        actor=actor,
    )
    return run_collection(workspace, name, is_waiting=is_waiting, actor=actor, as_json=as_json)


def _summary_text(found: ListSummary) -> str:
    classes = ", ".join(f"{name or '(no class)'} {n:,}" for name, n in found.n_by_class.items())
    lines = [
        f"{found.n_rows:,} lines with {found.n_unique:,} different URLs: {classes}.",
        f"{found.n_repeated:,} are listed twice in their class, {found.n_bad:,} cannot be fetched,"
        f" {len(found.conflicts):,} are listed with several classes.",
    ]
    for url, names in list(found.conflicts.items())[:N_SHOWN]:
        lines.append(f"  {url[:80]}: {', '.join(names)}")
    return "\n".join(lines)
