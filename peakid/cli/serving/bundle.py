"""The command that writes a model with all that is needed to use it elsewhere into one zip."""

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
    help="A new zip file, written at once. Default: a job writes one into the workspace's exports.",
)
@click.option(
    "--threshold",
    default=None,
    type=click.FloatRange(0, 1),
    help="Confidence below which the model abstains. Default: that of the export.",
)
@click.option("--use", "intended_use", default="", help="What the model is for, for its card.")
@click.option("--people", "names_people", is_flag=True, help="The classes name people: the card warns of it.")
@click.option(
    "--sign",
    "key",
    type=click.Path(path_type=Path),
    metavar="KEY",
    help="Sign it with this private key (PEM). Needs the extra `sign`.",
)
@wait_option(by_default=True, only="without --out")
@request_option
@actor_option
@json_option
@pass_workspace
def bundle(
    workspace: Workspace,
    export: str,
    out: Path | None,
    threshold: float | None,
    intended_use: str,
    names_people: bool,
    key: Path | None,
    is_waiting: bool,
    request_id: str | None,
    actor: str,
    as_json: bool,
) -> int:
    """Write EXPORT as one zip that runs without Peakid.

    It has the model, a model card, preprocessing in Python and JavaScript, a small server, a page that runs
    the model in a browser, a Dockerfile, and verify.py, which proves on any machine that the model answers as
    it did here. Opening the model executes no code.

    To make a key: openssl ecparam -name prime256v1 -genkey -noout -out KEY. To give others what checks it:
    openssl ec -in KEY -pubout -out KEY.pub
    """
    found = exports.find(workspace, export)
    key = files.expanded(key) if key else None
    if out is None:
        job = bundling.submit(
            workspace,
            found.export_id,
            threshold=threshold,
            names_people=names_people,
            intended_use=intended_use,
            key=key,
            request_id=request_id,
            actor=actor,
        )
        if not is_waiting:
            return emit_queued(as_json, job)
        return _emit_ended(as_json, follow(workspace, job.job_id))
    out = files.expanded(out)
    names = bundling.write(
        workspace,
        found,
        out,
        threshold=threshold,
        names_people=names_people,
        intended_use=intended_use,
        key=key,
        actor=actor,
    )
    emit(
        as_json, {"path": str(out), "files": names, "bytes": out.stat().st_size}, _text(str(out), len(names))
    )
    return 0


def _emit_ended(as_json: bool, job: Job) -> int:
    found = job.result_as(BundleResult) or BundleResult()
    document = {**ending(job), "path": found.path, "files": list(found.files), "bytes": found.bytes}
    emit(as_json, document, _text(found.path, len(found.files)) if found.path else job_text(job))
    return EXIT_CODES[job.state]


def _text(path: str, n_files: int) -> str:
    return f"{path} has {n_files} files. On another machine: unzip it and run python verify.py"
