"""The command that writes a model as one page that runs it in a browser."""

from pathlib import Path

import click

from peakid import files
from peakid.cli.frame import actor_option, emit, json_option, pass_workspace
from peakid.cli.jobs import EXIT_CODES, emit_queued, ending, follow, job_text, request_option, wait_option
from peakid.jobs import bundling
from peakid.jobs.job import Job
from peakid.jobs.results import BundleResult
from peakid.store import exports
from peakid.store.workspace import Workspace


@click.command()
@click.argument("export", metavar="EXPORT")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="A new HTML file, written at once. Default: a job writes one into the workspace's exports.",
)
@click.option(
    "--threshold",
    default=None,
    type=click.FloatRange(0, 1),
    help="Confidence below which the model abstains. Default: that of the export.",
)
@wait_option(by_default=True, only="without --out")
@request_option
@actor_option
@json_option
@pass_workspace
def page(
    workspace: Workspace,
    export: str,
    out: Path | None,
    threshold: float | None,
    is_waiting: bool,
    request_id: str | None,
    actor: str,
    as_json: bool,
) -> int:
    """Write EXPORT as one HTML file that classifies photos in a browser.

    It opens with a double click, without a server and without network: the model and its runtime are inside.
    Photos do not leave the device.
    """
    found = exports.find(workspace, export)
    if out is None:
        job = bundling.submit_page(
            workspace, found.export_id, threshold=threshold, request_id=request_id, actor=actor
        )
        if not is_waiting:
            return emit_queued(as_json, job)
        return _emit_ended(as_json, follow(workspace, job.job_id))
    out = files.expanded(out)
    size = bundling.write_page(workspace, found, out, threshold=threshold)
    emit(as_json, {"path": str(out), "bytes": size}, _text(str(out), size))
    return 0


def _emit_ended(as_json: bool, job: Job) -> int:
    found = job.result_as(BundleResult) or BundleResult()
    document = {**ending(job), "path": found.path, "bytes": found.bytes}
    emit(as_json, document, _text(found.path, found.bytes) if found.path else job_text(job))
    return EXIT_CODES[job.state]


def _text(path: str, size: int) -> str:
    return f"{path} has {size / 2**20:,.0f} MB. Open it in a browser."
