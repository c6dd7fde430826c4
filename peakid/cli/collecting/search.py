"""`peakid collect search`: photos of classes from services, estimated or fetched."""

from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import get_args

import click

from peakid.acquire.sources import services
from peakid.acquire.sources.photo_source import Licences
from peakid.cli import usage
from peakid.cli.collecting.running import run_collection
from peakid.cli.frame import actor_option, emit, json_option, pass_workspace
from peakid.cli.jobs import wait_option
from peakid.errors import BadInput
from peakid.jobs.collecting import job as collecting
from peakid.jobs.collecting import plans, wanted
from peakid.jobs.collecting.plans import Estimate, Plan
from peakid.jobs.collecting.wanted import Wanted
from peakid.settings import for_job
from peakid.store.workspace import Workspace

DEFAULT_NAME = "search"


@click.command()
@click.option(
    "--source",
    "names",
    multiple=True,
    type=usage.Choice(list(services.OPENERS)),
    help="A service; give several to search each. With --last-pages the default is flickr.",
)
@click.option("--class", "classes", multiple=True, metavar="NAME", help="A class; give several for more.")
@click.option(
    "--classes",
    "file",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="A class on each line of a file.",
)
@click.option(
    "--text",
    metavar="TEMPLATE",
    help="What is searched for, with the name of the class in the place of {class}. Default: {class}.",
)
@click.option(
    "--max",
    "n_wanted",
    metavar="N",
    default=200,
    show_default=True,
    type=click.IntRange(1, plans.MAX_WANTED),
    help="New photos of each class from each service.",
)
@click.option(
    "--licences",
    default="open",
    show_default=True,
    type=usage.Choice(get_args(Licences)),
    help="open: Creative Commons and public domain. any: all that is listed.",
)
@click.option("--option", "options", multiple=True, metavar="NAME=VALUE", help="More that a service knows.")
@click.option(
    "--last-pages",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="JSON {class: last page}: continue an older collection of Flickr after these pages of 100 photos.",
)
@click.option("--name", default=DEFAULT_NAME, show_default=True, help="The collection.")
@click.option(
    "--every-days",
    metavar="DAYS",
    type=click.FloatRange(0, min_open=True),
    help="How often it is to run again.",
)
@click.option(
    "--retrain-after",
    metavar="N",
    type=click.IntRange(1),
    help="Train again when so many of its new images are reviewed.",
)
@click.option("--dry-run", is_flag=True, help="Only ask how many photos there are, and under which licences.")
@wait_option(by_default=True)
@actor_option
@json_option
@pass_workspace
def search(
    workspace: Workspace,
    names: tuple[str, ...],
    classes: tuple[str, ...],
    file: Path | None,
    text: str | None,
    n_wanted: int,
    licences: Licences,
    options: tuple[str, ...],
    last_pages: Path | None,
    name: str,
    every_days: float | None,
    retrain_after: int | None,
    dry_run: bool,
    is_waiting: bool,
    actor: str,
    as_json: bool,
) -> int:
    """Search services for photos of classes, fetch and import them.

    The photos come with licence, author and page. What is known is not fetched again. The searches replace
    those that the collection had; its images stay, and a search that it had continues. The exit code is 1 if
    nothing became an image.
    """
    chosen = for_job()
    sources = collecting.sources(chosen)
    pages = wanted.read_last_pages(last_pages) if last_pages else {}
    labels = (*classes, *(wanted.read_classes(file) if file else ())) or tuple(pages)
    if not labels:
        raise BadInput("There is no class to search for.", "Give --class NAME, or --classes FILE.")
    names = names or (("flickr",) if pages else ())
    if not names:
        raise BadInput("No service was chosen.", f"Give --source with one of {', '.join(sources)}.")
    each = Wanted(names, text or wanted.CLASS, licences, n_wanted, dict(map(_option, options)))
    each = wanted.continuing(each, has_text=text is not None) if pages else each
    plan = Plan(name, wanted.searches_for(labels, each, sources), every_days, retrain_after)
    if dry_run:
        found = plans.estimate(plan, sources, options=collecting.options(chosen))
        emit(as_json, [asdict(one) for one in found], "\n".join(map(_estimate_text, found)))
        return 1 if all(one.problem for one in found) else 0
    wanted.save(workspace, plan, sources, last_pages=pages, actor=actor)
    return run_collection(workspace, plan.name, is_waiting=is_waiting, actor=actor, as_json=as_json)


def _option(text: str) -> tuple[str, str]:
    name, sign, value = text.partition("=")
    if not sign or not name.strip() or not value.strip():
        raise BadInput(f"{text[:60]!r} is no option of a service.", "Give --option NAME=VALUE.")
    return name.strip(), value.strip()


def _estimate_text(found: Estimate) -> str:
    head = f"{found.search.source}, {found.search.label}:"
    if found.problem:
        return f"{head} {found.problem}"
    n = "an unknown number of" if found.n_available is None else f"{found.n_available:,}"
    licences = Counter(each.credit.licence or "unknown licence" for each in found.samples)
    shown = ", ".join(f"{n_of} {name}" for name, n_of in licences.most_common())
    return f"{head} {n} photos" + (f"; the first {len(found.samples)}: {shown}." if shown else ".")
