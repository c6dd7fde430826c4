"""What the commands that collect share: options, and a run with what it says."""

from dataclasses import asdict

import click

from peakid.acquire.collecting import collect
from peakid.cli.frame import emit, terminal_report
from peakid.cli.jobs import emit_queued
from peakid.curate import scan as scanning
from peakid.jobs import embedding
from peakid.jobs.collecting import job as collecting
from peakid.jobs.collecting import lists as url_lists
from peakid.settings import for_job
from peakid.store.collecting import collections, searches
from peakid.store.collecting.collections import Collection
from peakid.store.collecting.searches import Search
from peakid.store.workspace import Workspace

name_option = click.option(
    "--name", default=url_lists.DEFAULT_NAME, show_default=True, help="The collection."
)


def run_collection(workspace: Workspace, name: str, *, is_waiting: bool, actor: str, as_json: bool) -> int:
    """Collect here or in a job, say what became of the candidates, and return the exit code."""
    if not is_waiting:
        emit_queued(as_json, collecting.submit(workspace, name, actor=actor))
        return 0
    with terminal_report() as report:
        chosen = for_job()
        found = collect.collect(
            workspace,
            name,
            options=collecting.options(chosen),
            sources=collecting.sources(chosen),
            actor=actor,
            report=report,
        )
        if found.n_new:
            scanning.scan(workspace, report=report)
    if found.n_new:
        embedding.embed_new(workspace, actor=actor)
    shown = collections.show(workspace, name)
    asked = searches.of_collection(workspace, shown.collection_id)
    document = {**asdict(found), "collection": asdict(shown), "searches": [asdict(each) for each in asked]}
    emit(as_json, document, _run_text(found, shown, asked))
    has_failed = found.n_rejected or any(each.problem for each in asked)
    return 0 if found.n_images or not has_failed else 1


def _run_text(found: collect.CollectReport, collection: Collection, asked: list[Search]) -> str:
    lines = [
        f"{found.n_images:,} candidates became images ({found.n_new:,} new), {found.n_rejected:,} were"
        f" rejected in {found.seconds:.0f} s."
    ]
    if collection.by_reason:
        reasons = ", ".join(f"{n:,} {reason}" for reason, n in collection.by_reason.items())
        lines.append(f"Rejected in all: {reasons}.")
    if found.n_waiting:
        lines.append(f"{found.n_waiting:,} candidates still wait.")
    lines += problem_lines(asked)
    if asked and all(each.is_ended for each in asked) and not found.n_images:
        lines.append(
            "All searches have ended. `collect run` looks for what is new, a larger --max takes more."
        )
    return "\n".join(lines)


def problem_lines(asked: list[Search]) -> list[str]:
    """Return why searches failed, each reason once with its classes."""
    classes: dict[str, list[str]] = {}
    for each in asked:
        if each.problem:
            classes.setdefault(f"{each.source}: {each.problem}", []).append(each.label)
    return [f"{problem} ({', '.join(labels)})" for problem, labels in classes.items()]
