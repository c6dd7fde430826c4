"""`peakid collect`: photos from the web, with what became of every candidate."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, get_args

import click

from peakid.cli import usage
from peakid.cli.collecting import browser, lists, search
from peakid.cli.collecting.running import name_option, problem_lines, run_collection
from peakid.cli.frame import actor_option, emit, json_option, pass_workspace, table
from peakid.cli.jobs import wait_option
from peakid.jobs.collecting import retraining, schedule
from peakid.records import RejectionReason
from peakid.store.collecting import collections, searches
from peakid.store.collecting.collections import PASSING, Collection
from peakid.store.collecting.searches import Search
from peakid.store.workspace import Workspace


@click.group("collect", cls=usage.Group)
def collect_() -> None:
    """Collect photos from the web, with what became of every candidate."""


collect_.add_command(lists.urls)
collect_.add_command(search.search)
collect_.add_command(browser.browser)
collect_.add_command(browser.adapters_)


@collect_.command()
@name_option
@click.option("--due", "is_due", is_flag=True, help="Run the collections whose time has come, in jobs.")
@wait_option(by_default=True)
@actor_option
@json_option
@pass_workspace
def run(workspace: Workspace, name: str, is_due: bool, is_waiting: bool, actor: str, as_json: bool) -> int:
    """Run a collection: continue it where it was stopped, or search again for what is new.

    With --due, for a line of cron: every collection that is to run again is queued, and a training if enough
    new images are reviewed.
    """
    if is_due:
        return _run_due(workspace, actor=actor, as_json=as_json)
    schedule.begin(workspace, collections.show(workspace, name))
    return run_collection(workspace, name, is_waiting=is_waiting, actor=actor, as_json=as_json)


@collect_.command()
@name_option
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
@name_option
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


@collect_.command()
@name_option
@json_option
@pass_workspace
def show(workspace: Workspace, name: str, as_json: bool) -> None:
    """Show what a collection searches for, and how far each search has come."""
    collection = collections.show(workspace, name)
    found = searches.of_collection(workspace, collection.collection_id)
    documents = [asdict(each) for each in found]
    rows = [{**each, "state": _state(search)} for each, search in zip(documents, found, strict=True)]
    columns = ["source", "label", "text", "licences", "n_found", "n_wanted", "n_available", "state"]
    text = table(rows, columns, empty="It searches for nothing.")
    lines = [_collection_text(collection), text, *problem_lines(found)]
    emit(as_json, {**asdict(collection), "searches": documents}, "\n".join(lines))


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


def _collection_text(collection: Collection) -> str:
    again = f"It runs every {collection.every_days:g} days." if collection.every_days else ""
    return (
        f"{collection.name}: {collection.n_images:,} images, {collection.n_rejected:,} rejected,"
        f" {collection.n_waiting:,} wait. {again}"
    ).strip()


def _state(search: Search) -> str:
    return "failed" if search.problem else "ended" if search.is_ended else "not ended"
