"""Commands of reviewing: queue with its filters, saved views, tags, notes, and classes that an image also shows."""

from collections.abc import Callable
from dataclasses import asdict, fields
from typing import Any

import click

from peakid.cli.frame import actor_option, emit, json_option, pass_workspace, table
from peakid.cli.history import emit_step
from peakid.curate import remarks
from peakid.curate.queues import pace, review_queue, saved_views
from peakid.curate.queues.filters import Filters
from peakid.curate.queues.saved_views import SavedView
from peakid.records import QueueItem
from peakid.store import images
from peakid.store.workspace import Workspace

_FILTERS = {
    "class": "Only images of this class.",
    "split": "Only images of train, valid or test in the newest snapshot.",
    "source": "Only images from folder, zip, csv ...",
    "added": "Only images that arrived then: 2026, 2026-11 or 2026-11-21.",
    "taken": "Only images that were taken then, likewise.",
    "issue": "Only images with this kind of issue.",
    "tag": "Only images with this tag.",
    "text": "Only images with these letters (three or more) in a path or note.",
}


def filter_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add one option a filter; the command gets them by the names of `Filters`."""
    for name, help_ in reversed(_FILTERS.items()):
        command = click.option(f"--{name}", "class_name" if name == "class" else name, help=help_)(command)
    return command


@click.command()
@click.argument("name", default="")
@click.option("--view", help="A saved view instead of NAME and filters.")
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1))
@click.option("--after", metavar="CURSOR", help="Go on behind this image: its cursor, as --json shows it.")
@filter_options
@json_option
@pass_workspace
def queue(
    workspace: Workspace,
    name: str,
    view: str | None,
    limit: int,
    after: str | None,
    as_json: bool,
    **given: str | None,
) -> None:
    """List what waits in the queue NAME; without one, what is worth your time.

    NAME is one of: worth, unreviewed, flagged, excluded, conflicts, model-disagrees, uncertain, recent, sample[:SEED], all, class:NAME,
    issue:KIND, confusion:RUN:SPLIT:GIVEN:PREDICTED.
    """
    saved = saved_views.find(workspace, view) if view else None
    name, filters = (
        (saved.queue, saved.filters)
        if saved
        else (name or review_queue.first_offered(workspace), Filters(**given))
    )
    items = review_queue.page(workspace, name, limit=limit, after=after, filters=filters)
    rows = [{**_document(item), "digest": item.digest[:12]} for item in items]
    text = table(rows, ["digest", "label", "reason", "path"], empty=f"Nothing waits in {name}.")
    emit(as_json, [_document(item) for item in items], text)


@click.command()
@actor_option
@json_option
@pass_workspace
def queues(workspace: Workspace, actor: str, as_json: bool) -> None:
    """List the queues in which something waits, with the minutes they take at your pace."""
    seconds = pace.seconds_an_image(workspace, actor=actor)
    found = review_queue.offered(workspace)
    documents = [{**asdict(each), "minutes": pace.minutes(each.n, seconds)} for each in found]
    rows = [{**row, "n": f"{row['n']}+" if row["is_more"] else row["n"]} for row in documents]
    emit(as_json, documents, table(rows, ["queue", "n", "minutes"], empty="Nothing waits."))


@click.group("views")
def views_() -> None:
    """Queues with their filters under a name."""


@views_.command("list")
@json_option
@pass_workspace
def views_list(workspace: Workspace, as_json: bool) -> None:
    """List the saved views."""
    documents = [_view(each) for each in saved_views.list_views(workspace)]
    rows = [
        {**row, "filters": ", ".join(f"{name} {value}" for name, value in row["filters"].items())}
        for row in documents
    ]
    columns = ["name", "queue", "filters", "actor"]
    emit(
        as_json,
        documents,
        table(rows, columns, empty="No view is saved. Save one with: peakid views save NAME QUEUE"),
    )


@views_.command("save")
@click.argument("name")
@click.argument("queue")
@filter_options
@actor_option
@json_option
@pass_workspace
def views_save(
    workspace: Workspace, name: str, queue: str, actor: str, as_json: bool, **given: str | None
) -> None:
    """Keep QUEUE with these filters as NAME."""
    view = saved_views.save(workspace, name, queue, filters=Filters(**given), actor=actor)
    emit(as_json, _view(view), f"Saved view {view.name}. Open it with: peakid queue --view {view.name!r}")


@views_.command("remove")
@click.argument("name")
@json_option
@pass_workspace
def views_remove(workspace: Workspace, name: str, as_json: bool) -> None:
    """Forget the view NAME."""
    saved_views.remove(workspace, name)
    emit(as_json, {"name": name}, f"Removed view {name}.")


@click.command("tag")
@click.argument("digests", nargs=-1, required=True, metavar="DIGEST...")
@click.argument("name")
@click.option("--remove", is_flag=True, help="Take the tag off.")
@actor_option
@json_option
@pass_workspace
def tag(
    workspace: Workspace, digests: tuple[str, ...], name: str, remove: bool, actor: str, as_json: bool
) -> None:
    """Put the tag NAME on images; `undo` takes it back."""
    whole = [images.resolve(workspace, digest) for digest in digests]
    step = remarks.tag(workspace, whole, name, is_on=not remove, actor=actor)
    emit_step(as_json, step, f"{'Took tag off' if remove else 'Tagged'}")


@click.command("note")
@click.argument("digest")
@click.argument("text")
@actor_option
@json_option
@pass_workspace
def note(workspace: Workspace, digest: str, text: str, actor: str, as_json: bool) -> None:
    """Write TEXT as the note of an image; '' takes the note off."""
    emit_step(
        as_json, remarks.note(workspace, images.resolve(workspace, digest), text, actor=actor), "Noted on"
    )


@click.command("also")
@click.argument("digest")
@click.argument("class_name", metavar="CLASS")
@click.option("--remove", is_flag=True, help="It does not show it after all.")
@actor_option
@json_option
@pass_workspace
def also(workspace: Workspace, digest: str, class_name: str, remove: bool, actor: str, as_json: bool) -> None:
    """Say that an image also shows CLASS: it then stays out of snapshots made without --with-several."""
    step = remarks.also(
        workspace, images.resolve(workspace, digest), class_name, is_on=not remove, actor=actor
    )
    emit_step(as_json, step, f"{'Took back' if remove else 'Noted'} {class_name} on")


def _document(item: QueueItem) -> dict[str, Any]:
    names = (
        "digest",
        "path",
        "label",
        "reason",
        "score",
        "cursor",
        "tags",
        "note",
        "also_shows",
        "origin_url",
        "licence",
        "author",
    )
    return {name: getattr(item, name) for name in names}


def _view(view: SavedView) -> dict[str, Any]:
    return {each.name: getattr(view, each.name) for each in fields(view)} | {"filters": view.filters.given()}
