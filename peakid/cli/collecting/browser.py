"""Commands that gather the URLs of pictures from pages in a browser."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import click

from peakid.acquire.sources import url_list
from peakid.acquire.sources.browsing import adapter as adapters
from peakid.acquire.sources.browsing import gathering
from peakid.acquire.sources.browsing.records import DEFAULT_PICTURES, Gathered, Wanted
from peakid.cli.collecting.running import run_collection
from peakid.cli.frame import actor_option, emit, json_option, pass_workspace, table, terminal_report
from peakid.cli.jobs import emit_queued, wait_option
from peakid.errors import BadInput
from peakid.jobs.collecting import browsing, lists
from peakid.jobs.collecting import job as collecting
from peakid.settings import for_job
from peakid.store.workspace import Workspace


@click.command("browser")
@click.argument("adapter_name", metavar="ADAPTER")
@click.option("--class", "classes", multiple=True, required=True, help="A class; repeat it for several.")
@click.option(
    "--url", "template", default="", help="The page, with {class} where the name of the class goes."
)
@click.option("--item", help="The CSS selector of the pictures, in place of that of the adapter.")
@click.option(
    "--max",
    "n_most",
    metavar="N",
    default=DEFAULT_PICTURES,
    show_default=True,
    type=click.IntRange(1, gathering.MAX_PICTURES),
    help="At most so many for each class.",
)
@click.option("--out", type=click.Path(path_type=Path), help="The new CSV file with the list.")
@click.option("--import", "is_import", is_flag=True, help="Also fetch and import what the list has.")
@click.option("--name", default=lists.DEFAULT_NAME, show_default=True, help="The collection of --import.")
@wait_option(by_default=True)
@actor_option
@json_option
@pass_workspace
def browser(
    workspace: Workspace,
    adapter_name: str,
    classes: Sequence[str],
    template: str,
    item: str | None,
    n_most: int,
    out: Path | None,
    is_import: bool,
    name: str,
    is_waiting: bool,
    actor: str,
    as_json: bool,
) -> int:
    """Gather the URLs of pictures from a page in Chromium, and write them as a list.

    ADAPTER is one of `collect adapters`, or your own TOML file. The page is scrolled until nothing new comes.
    Pages that robots.txt refuses, logins and captchas are not passed. Look into the terms of the site: many
    forbid to copy its pictures. Needs the extra `browser`, Chromium and ChromeDriver. The exit code is 1 if
    no picture was found.
    """
    adapter = adapters.named(adapter_name)
    wanted = Wanted(adapters.with_item(adapter, item), tuple(classes), template, n_most)
    if not is_waiting:
        if out is not None:
            raise BadInput("A job writes its list into the workspace.", "Leave out the file of the list.")
        collection = name if is_import else ""
        emit_queued(as_json, browsing.submit(workspace, wanted, collection=collection, actor=actor))
        return 0
    file = _new_file(out or Path(browsing.list_name(wanted)))
    with terminal_report() as report:
        found = browsing.gather(wanted, collecting.options(for_job()), report=report)
    if found.found:
        gathering.write_list(found.found, file)
    was_stopped = any(each.ended == "stopped" for each in found.pages)
    if is_import and found.found and not was_stopped:
        lists.add_lists(workspace, name, [file], actor=actor)
        return run_collection(workspace, name, is_waiting=True, actor=actor, as_json=as_json)
    emit(as_json, _document(found, file), _text(wanted, found, file))
    return 0 if found.found else 1


@click.command("adapters")
@json_option
def adapters_(as_json: bool) -> None:
    """List the adapters that come with Peakid; each says how a page of pictures is read."""
    documents = [asdict(each) for each in adapters.shipped()]
    emit(as_json, documents, table(documents, ["name", "about"], empty="There is no adapter."))


def _new_file(file: Path) -> Path:
    if file.exists():
        raise BadInput(f"{file} exists already.", "Give a new file for the list.")
    return file


def _document(found: Gathered, file: Path) -> dict[str, object]:
    summary = url_list.summary(url_list.read(file)) if found.found else url_list.ListSummary()
    return {
        "list": str(file) if found.found else None,
        "pages": [asdict(each) for each in found.pages],
        "summary": asdict(summary),
    }


def _text(wanted: Wanted, found: Gathered, file: Path) -> str:
    lines = [
        f"{each.class_name}: {each.n_urls:,} pictures ({each.ended}). {each.problem}".strip()
        for each in found.pages
    ]
    if found.found:
        lines.append(
            f"Wrote {len(found.found):,} URLs to {file}. Collect them with: peakid collect urls {file}"
        )
    if wanted.adapter.terms:
        lines.append(wanted.adapter.terms)
    return "\n".join(lines)
