"""The command that proves every image to be what it was."""

import click

from peakid.cli.frame import actor_option, emit, json_option, pass_workspace
from peakid.cli.jobs import EXIT_CODES, follow, told
from peakid.jobs import submit
from peakid.workspace import Workspace


@click.command()
@actor_option
@json_option
@pass_workspace
def verify(workspace: Workspace, actor: str, as_json: bool) -> int:
    """Read every image and compare its bytes with its digest."""
    job = follow(workspace, submit.verify(workspace, actor=actor).job_id)
    result = {"n_images": None, "n_damaged": None, "damaged": [], **job.result}
    lines = [f"  {each['digest'][:12]}  {each['path']}  {each['reason']}" for each in result["damaged"]]
    text = "\n".join([f"{result['n_damaged']} of {result['n_images']} images are damaged.", *lines])
    emit(as_json, {"job_id": job.job_id, "state": job.state, "error": job.error, **result}, text if job.state == "done" else told(job))
    return EXIT_CODES[job.state] or bool(result["n_damaged"])
