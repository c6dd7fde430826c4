"""Commands for review: queues and filters, saved views, tags, notes and further classes of an image."""

import functools
from collections.abc import Callable
from dataclasses import asdict, fields
from typing import Any

import click

from peakid.cli import usage
from peakid.cli.frame import actor_option, emit, json_option, pass_workspace, table
from peakid.cli.history import emit_step
from peakid.curate import classes, remarks
from peakid.curate.queues import facets, pace, review_queue, saved_views, twins
from peakid.curate.queues.facets import Facets
from peakid.curate.queues.filters import Filters
from peakid.curate.queues.saved_views import SavedView
from peakid.errors import NotFound
from peakid.records import QueueItem
from peakid.store import images
from peakid.store.workspace import Workspace

_FILTERS = {
    "class": "Only images of this class.",
    "split": "Only images in train, valid or test of the newest snapshot.",
    "source": "Only images from this source: folder, zip, csv ...",
    "added": "Only images added in this year, month or day: 2026, 2026-11 or 2026-11-21.",
    "taken": "Only images taken in this year, month or day.",
    "issue": "Only images with this kind of issue.",
    "tag": "Only images with this tag.",
    "ranges": "Only images with measures in these ranges: sharpness=..0.3,brightness=0.2..0.5.",
    "text": "Only images with this text (three letters or more) in their path or note.",
}


def filter_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add one option for each filter. The command receives all of them as `filters`."""

    @functools.wraps(command)
    def with_filters(*args: Any, **kwargs: Any) -> Any:
        filters = Filters(**{each.name: kwargs.pop(each.name) for each in fields(Filters)})
        return command(*args, filters=filters, **kwargs)

    for name, help_ in reversed(_FILTERS.items()):
        parameter = "class_name" if name == "class" else name
        with_filters = click.option(f"--{name}", parameter, help=help_)(with_filters)
    return with_filters


@click.command()
@click.argument("name", default="")
@click.option("--view", help="A saved view, instead of NAME and filters.")
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1))
@click.option(
    "--after", metavar="CURSOR", help="Continue after the image with this cursor, as --json shows it."
)
@click.option(
    "--counts", "is_counted", is_flag=True, help="Count what the queue is made of instead of listing it."
)
@filter_options
@json_option
@pass_workspace
def queue(
    workspace: Workspace,
    name: str,
    view: str | None,
    limit: int,
    after: str | None,
    is_counted: bool,
    filters: Filters,
    as_json: bool,
) -> None:
    """List the images that wait in the queue NAME. Default: the images most worth reviewing.

    NAME is one of: worth, label-issues, suggestions, unreviewed, flagged, excluded, conflicts,
    model-disagrees, uncertain, recent, label-issues:all (also confirmed labels), suggestions:useful (most
    useful first), audit:labels:N, audit:STEP (random samples), sample[:SEED], all,
    class:NAME, issue:KIND, errors:RUN:SPLIT[:all] (also judged ones), confusion:RUN:SPLIT:GIVEN:PREDICTED,
    won:RUN:RUN:SPLIT (only the second run is right), selection:ID, image:ID, similar:DIGEST,
    outliers[:CLASS], alone, irrelevant.
    """
    if view:
        saved = saved_views.find(workspace, view)
        name, filters = saved.queue, saved.filters
    else:
        name = name or review_queue.first_offered(workspace)
    if (of_class := name.removeprefix("class:")) != name:
        classes.refuse_unknown(workspace, of_class)
    if is_counted:
        found = facets.of_queue(workspace, name, filters=filters)
        emit(as_json, asdict(found), _counts_text(found))
        return
    items = review_queue.page(workspace, name, limit=limit, after=after, filters=filters)
    beside = twins.of_images(workspace, [item.digest for item in items])
    documents = [{**_document(item), "twins": list(beside.get(item.digest, ()))} for item in items]
    rows = [{**document, "digest": document["digest"][:12]} for document in documents]
    text = table(rows, ["digest", "label", "reason", "path"], empty=f"Nothing waits in {name}.")
    emit(as_json, documents, text)


@click.command()
@actor_option
@json_option
@pass_workspace
def queues(workspace: Workspace, actor: str, as_json: bool) -> None:
    """List the queues that are not empty, with the minutes they take at your pace."""
    seconds = pace.seconds_an_image(workspace, actor=actor)
    found = review_queue.offered(workspace)
    documents = [{**asdict(each), "minutes": pace.minutes(each.n, seconds)} for each in found]
    rows = [{**row, "n": f"{row['n']}+" if row["is_more"] else row["n"]} for row in documents]
    emit(as_json, documents, table(rows, ["queue", "n", "minutes"], empty="Nothing waits."))


@click.group("views", cls=usage.Group)
def views_() -> None:
    """Save queues with their filters under a name."""


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
    empty = "There is no saved view. Save one with: peakid views save NAME QUEUE"
    emit(as_json, documents, table(rows, columns, empty=empty))


@views_.command("save")
@click.argument("name")
@click.argument("queue")
@filter_options
@actor_option
@json_option
@pass_workspace
def views_save(
    workspace: Workspace, name: str, queue: str, filters: Filters, actor: str, as_json: bool
) -> None:
    """Save QUEUE with these filters as NAME."""
    view = saved_views.save(workspace, name, queue, filters=filters, actor=actor)
    emit(as_json, _view(view), f"Saved view {view.name}. Open it with: peakid queue --view {view.name!r}")


@views_.command("remove")
@click.argument("name")
@json_option
@pass_workspace
def views_remove(workspace: Workspace, name: str, as_json: bool) -> None:
    """Remove the saved view NAME."""
    saved_views.remove(workspace, name)
    emit(as_json, {"name": name}, f"Removed view {name}.")


@click.command("tag")
@click.argument("digests", nargs=-1, required=True, metavar="DIGEST...")
@click.argument("name")
@click.option("--remove", is_flag=True, help="Remove the tag.")
@actor_option
@json_option
@pass_workspace
def tag(
    workspace: Workspace, digests: tuple[str, ...], name: str, remove: bool, actor: str, as_json: bool
) -> None:
    """Add the tag NAME to images. `undo` reverts it."""
    whole = [images.resolve(workspace, digest) for digest in digests]
    step = remarks.tag(workspace, whole, name, is_on=not remove, actor=actor)
    emit_step(as_json, step, "Removed the tag from" if remove else "Tagged")


@click.command("note")
@click.argument("digest")
@click.argument("text")
@actor_option
@json_option
@pass_workspace
def note(workspace: Workspace, digest: str, text: str, actor: str, as_json: bool) -> None:
    """Set the note of an image to TEXT. '' removes the note."""
    step = remarks.note(workspace, images.resolve(workspace, digest), text, actor=actor)
    emit_step(as_json, step, "Set the note of" if text else "Removed the note of")


@click.command("also")
@click.argument("digest")
@click.argument("class_name", metavar="CLASS")
@click.option("--remove", is_flag=True, help="Remove CLASS again.")
@actor_option
@json_option
@pass_workspace
def also(workspace: Workspace, digest: str, class_name: str, remove: bool, actor: str, as_json: bool) -> None:
    """Record that an image also shows CLASS. Snapshots leave it out, except with --with-several."""
    whole = resolved_for_class(workspace, digest, class_name)
    step = remarks.also(workspace, whole, class_name, is_on=not remove, actor=actor)
    emit_step(as_json, step, f"Removed {class_name} from" if remove else f"Added {class_name} to")


def resolved_for_class(workspace: Workspace, digest: str, class_name: str) -> str:
    """Return the whole digest of an image that is to get a class.

    Raises:
        NotFound: If there is no such image or no such class; the error names both.
    """
    try:
        found = images.resolve(workspace, digest)
    except NotFound as error:
        try:
            classes.refuse_unknown(workspace, class_name)
        except NotFound as other:
            raise NotFound(
                f"{error.message} {other.message}",
                f"{error.remedy} {other.remedy}",
                *error.actions,
                *other.actions,
            ) from other
        raise
    classes.refuse_unknown(workspace, class_name)
    return found


@click.command("typical")
@click.argument("digest")
@click.option("--remove", is_flag=True, help="Take the mark off.")
@actor_option
@json_option
@pass_workspace
def typical(workspace: Workspace, digest: str, remove: bool, actor: str, as_json: bool) -> None:
    """Mark the image DIGEST as typical of the class it is labelled as. `undo` reverts it.

    A class has three typical images at most: a fourth takes the place of the first.
    """
    whole = images.resolve(workspace, digest)
    step = remarks.typical(workspace, whole, is_on=not remove, actor=actor)
    emit_step(as_json, step, "No longer typical:" if remove else "Marked as typical:")


def _counts_text(found: Facets) -> str:
    rows = [{"filter": name, **asdict(each)} for name, values in found.values.items() for each in values]
    of_measures = [
        {"measure": each.measure, "from": each.edges[0], "to": each.edges[-1], "images": sum(each.counts)}
        for each in found.histograms
    ]
    first = f"The first {found.n_images:,} images:" if found.is_part else f"{found.n_images:,} images:"
    parts = [first, table(rows, ["filter", "value", "n"], empty="No image has a class, source or issue.")]
    parts += [table(of_measures, ["measure", "from", "to", "images"], empty="")] if of_measures else []
    return "\n".join(parts)


def _document(item: QueueItem) -> dict[str, Any]:
    names = ["digest", "path", "label", "reason", "score", "cursor", "tags", "note", "also_shows"]
    names += ["origin_url", "licence", "author", "is_typical", "predicted"]
    return {name: getattr(item, name) for name in names}


def _view(view: SavedView) -> dict[str, Any]:
    return {each.name: getattr(view, each.name) for each in fields(view)} | {"filters": view.filters.given()}
