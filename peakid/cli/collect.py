"""Commands that collect photos from the web."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, get_args

import click

from peakid.acquire.sources.url_list import ListSummary, UrlColumns
from peakid.cli import usage
from peakid.cli.collecting import browser, running
from peakid.cli.frame import (
    actor_option,
    emit,
    json_option,
    pass_workspace,
    table,
)
from peakid.jobs.collecting import lists as url_lists
from peakid.jobs.collecting import retraining, schedule
from peakid.records import RejectionReason
from peakid.store.collecting import collections
from peakid.store.collecting.collections import PASSING
from peakid.store.workspace import Workspace

N_SHOWN = 5

_background = click.option(
    "--background", is_flag=True, help="Collect in a job in the background, and return at once."
)
_name = click.option("--name", default=url_lists.DEFAULT_NAME, show_default=True, help="The collection.")


@click.group("collect", cls=usage.Group)
def collect_() -> None:
    """Collect photos from the web, with what became of every candidate."""


@collect_.command("urls")
@click.argument("lists", nargs=-1, required=True, metavar="LIST...", type=click.Path(path_type=Path))
@_name
@click.option("--label", "class_name", help="The class of the lists. Default: by the name of each file.")
@click.option("--url-column", help="The column of a table that has the URLs.")
@click.option("--label-column", help="The column of a table that has the classes.")
@click.option(
    "--max", "most_per_class", metavar="N", type=click.IntRange(1), help="At most so many for each class."
)
@click.option("--dry-run", is_flag=True, help="Only say what the lists contain.")
@_background
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
    background: bool,
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
    return running.run_collection(workspace, name, background=background, actor=actor, as_json=as_json)


collect_.add_command(browser.browser)
collect_.add_command(browser.adapters_)


@collect_.command()
@_name
@click.option("--due", "is_due", is_flag=True, help="Run the collections whose time has come, in jobs.")
@_background
@actor_option
@json_option
@pass_workspace
def run(workspace: Workspace, name: str, is_due: bool, background: bool, actor: str, as_json: bool) -> int:
    """Run a collection: continue it where it was stopped, or search again for what is new.

    With --due, for a line of cron: every collection that is to run again is queued, and a training if enough
    new images are reviewed.
    """
    if is_due:
        return _run_due(workspace, actor=actor, as_json=as_json)
    schedule.begin(workspace, collections.show(workspace, name))
    return running.run_collection(workspace, name, background=background, actor=actor, as_json=as_json)


@collect_.command()
@_name
@click.option(
    "--reason",
    "reasons",
    multiple=True,
    type=usage.Choice(get_args(RejectionReason)),
    help="Those rejected for this reason. Default: what may pass.",
)
@json_option
@pass_workspace
def retry(workspace: Workspace, name: str, reasons: Sequence[RejectionReason], as_json: bool) -> None:
    """Let rejected candidates of a collection wait again; `collect run` then fetches them."""
    collection = collections.show(workspace, name)
    n = collections.retry(workspace, collection.collection_id, reasons or PASSING)
    emit(as_json, {"name": name, "n_waiting": n}, f"{n:,} candidates wait again.")


@collect_.command("list")
@json_option
@pass_workspace
def list_(workspace: Workspace, as_json: bool) -> None:
    """List the collections, newest first."""
    found = collections.list_collections(workspace)
    documents = [asdict(each) for each in found]
    columns = ["name", "n_images", "n_rejected", "n_waiting", "created_at"]
    emit(as_json, documents, table(documents, columns, empty="There is no collection."))


@collect_.command()
@_name
@click.option("--limit", default=100, show_default=True, type=click.IntRange(1))
@json_option
@pass_workspace
def rejections(workspace: Workspace, name: str, limit: int, as_json: bool) -> None:
    """List the rejected candidates of a collection with their reasons, newest first."""
    collection = collections.show(workspace, name)
    rows = collections.rejections(workspace, collection.collection_id, limit=limit)
    documents: list[dict[str, Any]] = [
        {"url": url, "label": label, "reason": reason, "detail": detail}
        for url, label, reason, detail in rows
    ]
    columns = ["url", "label", "reason", "detail"]
    emit(as_json, documents, table(documents, columns, empty="Nothing was rejected."))


def _run_due(workspace: Workspace, *, actor: str, as_json: bool) -> int:
    jobs = {
        each.name: schedule.submit(workspace, each.name, actor=actor).job_id
        for each in schedule.due(workspace)
    }
    training = retraining.ensure(workspace, actor=actor)
    document = {"jobs": jobs, "training": training.job_id if training else None}
    lines = [f"Job {job_id} collects {name}." for name, job_id in jobs.items()]
    if training:
        lines.append(f"Job {training.job_id} trains again: enough new images are reviewed.")
    emit(as_json, document, "\n".join(lines) or "No collection is due.")
    return 0


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
