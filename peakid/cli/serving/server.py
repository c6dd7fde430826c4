"""The command that serves an export over HTTP."""

import sys
from collections.abc import Callable

import click

from peakid import hosts, settings
from peakid.cli.frame import emit, json_option, workspace_path
from peakid.cli.serving.predict import export_folder
from peakid.cli.workspace import check_port
from peakid.curate import feedback as corrections
from peakid.serve.http.options import Correction, ServerOptions
from peakid.store import workspace as workspaces
from peakid.store.workspace import Workspace


@click.command()
@click.argument("export")
@click.option("--port", default=8600, show_default=True, type=click.IntRange(1, 65535))
@click.option("--address", default="127.0.0.1", show_default=True, help="Where the server listens.")
@click.option(
    "--host",
    "own_hosts",
    multiple=True,
    metavar="NAME",
    help="A name under which it may be reached, besides this machine's own. Without one, a server that"
    " listens beyond this machine accepts every name.",
)
@click.option(
    "--threshold",
    default=None,
    type=click.FloatRange(0, 1),
    help="Abstain below this confidence. Default: that of the export.",
)
@click.option(
    "--feedback",
    is_flag=True,
    help="Let people correct a prediction: the photo is stored in the workspace with the class they give.",
)
@json_option
def serve(
    export: str,
    port: int,
    address: str,
    own_hosts: tuple[str, ...],
    threshold: float | None,
    feedback: bool,
    as_json: bool,
) -> None:
    """Serve the predictions of EXPORT until Ctrl-C.

    EXPORT is the number of an export, `current`, a pulled model as `hub:OWNER/NAME`, or a folder.

    POST /predict takes photos, GET / is a page to drop them on, /openapi.json describes the rest. Uploads are
    neither stored nor logged, but for corrections with --feedback. The server has no password: whoever
    reaches its address can use the model, and with --feedback add photos to the workspace.
    """
    from peakid.serve.http import app, connections  # They load uvicorn, which only this command needs.

    check_port(address, port, "The server")
    is_local = hosts.is_loopback(address)
    names = None if not is_local and not own_hosts else tuple(hosts.parse(each).name for each in own_hosts)
    correct = _correct(workspaces.open_existing(workspace_path())) if feedback else None
    options = ServerOptions(threshold=threshold, own_hosts=names, correct=correct)
    opened = app.open_model(export_folder(export), options)
    shown = f"[{address}]" if ":" in address else address
    url = f"http://{shown}:{port}"
    document = {"address": address, "port": port, "url": url}
    emit(as_json, document, f"Predictions are served on {url}. Ctrl-C stops the server.")
    sys.stdout.flush()
    connections.run(opened.application, opened.stopping, address=address, port=port, limits=options.limits)


def _correct(workspace: Workspace) -> Callable[[object, Correction], int]:
    """Return what stores a correction, under the name of whoever runs the server."""
    actor = settings.current().actor_name()

    def correct(request: object, correction: Correction) -> int:
        return corrections.add_correction(
            workspace,
            correction.content,
            correction.class_name,
            source="predict page",
            predicted=correction.predicted,
            confidence=correction.confidence,
            actor=actor,
        )

    return correct
