"""Run a collection in the terminal or as a job, and print what became of its candidates."""

from dataclasses import asdict

from peakid.acquire.collecting import collect
from peakid.cli.frame import emit, terminal_report
from peakid.cli.jobs import emit_queued
from peakid.curate import scan as scanning
from peakid.jobs import embedding
from peakid.jobs.collecting import job as collecting
from peakid.settings import for_job
from peakid.store.collecting import collections
from peakid.store.collecting.collections import Collection
from peakid.store.workspace import Workspace


def run_collection(workspace: Workspace, name: str, *, background: bool, actor: str, as_json: bool) -> int:
    """Fetch what waits in a collection; return the exit code: 1 if nothing became an image."""
    if background:
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
    document = {**asdict(found), "collection": asdict(shown)}
    emit(as_json, document, _run_text(found, shown))
    return 0 if found.n_images or not found.n_rejected else 1


def _run_text(found: collect.CollectReport, collection: Collection) -> str:
    lines = [
        f"{found.n_images:,} candidates became images ({found.n_new:,} new), {found.n_rejected:,} were"
        f" rejected in {found.seconds:.0f} s."
    ]
    if collection.by_reason:
        reasons = ", ".join(f"{n:,} {reason}" for reason, n in collection.by_reason.items())
        lines.append(f"Rejected in all: {reasons}.")
    if found.n_waiting:
        lines.append(f"{found.n_waiting:,} candidates still wait.")
    return "\n".join(lines)
