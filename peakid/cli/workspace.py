"""Commands for the whole workspace: create it, count what it holds, serve the app for it."""

import os
import socket
import sys
from dataclasses import asdict
from pathlib import Path

import click

from peakid import files, hosts, resources, settings
from peakid.cli.frame import emit, json_option, pass_new_workspace, pass_workspace, workspace_path
from peakid.cli.output import remedies, terminal
from peakid.curate import waiting
from peakid.curate.queues.review_queue import QueueCount
from peakid.embed import stored
from peakid.errors import BadInput, WorkspaceDamaged
from peakid.store import status as statuses
from peakid.store import workspace as workspaces
from peakid.store.folders import recent_workspaces
from peakid.store.status import Status
from peakid.store.workspace import Workspace


@click.command()
@json_option
@pass_new_workspace
def init(workspace: Workspace, as_json: bool) -> None:
    """Create the workspace, or update one that an older version wrote."""
    n_images = statuses.read(workspace).n_images
    recent_workspaces.note(workspace.path)
    text = f"Workspace {workspace.path} is ready. It holds {n_images} images."
    emit(as_json, {"workspace": str(workspace.path), "n_images": n_images}, text)


@click.command()
@json_option
@pass_workspace
def status(workspace: Workspace, as_json: bool) -> None:
    """Count the images, decisions, snapshots and runs of the workspace, and what waits for a person.

    `worth` are the images that are worth your time, and `duplicates` the groups to settle: the numbers beside
    Review and Duplicates in the app. Images are counted once, whatever their number of files.
    """
    counts, worth, groups = statuses.read(workspace), waiting.worth(workspace), waiting.duplicates(workspace)
    n_embedded = next((each.n_images for each in stored.sets(workspace)), 0)
    left = {"n_worth": worth.n, "is_more_worth": worth.is_more, "n_duplicate_groups": groups.n}
    document = asdict(counts) | {"n_embedded": n_embedded} | left
    emit(as_json, document, _status_text(counts, n_embedded, worth, groups))


@click.command()
@click.option("--port", default=8501, show_default=True, type=click.IntRange(1, 65535))
@click.option(
    "--address",
    default="127.0.0.1",
    show_default=True,
    help="Where the app listens. Any but this machine's own needs a password, in PEAKID_PASSWORD.",
)
@json_option
def app(port: int, address: str, as_json: bool) -> None:
    """Serve the app for this workspace until Ctrl-C. Running jobs continue after that.

    If its database is damaged or missing, the page offers to restore a backup. With --json, the first line
    says where it will listen; the lines after it are those of the server.
    """
    password = settings.current().password.get_secret_value()
    if not password and not hosts.is_loopback(address):
        raise settings.password_needed(address)
    check_port(address, port)
    folder = _checked_workspace()
    # Streamlit reads its settings and theme from the folder of the script: the working folder stays as it is.
    # -P: files in the working folder must not replace modules of the same name.
    script = str(resources.path("streamlit_app.py"))
    options = ["--server.port", str(port), "--server.address", address]
    command = [sys.executable, "-P", "-m", "streamlit", "run", script, *options]
    secret = {**({"password": password} if password else {}), **settings.service_keys()}
    environment = settings.environment(workspace=str(folder), config=str(settings.config_file()), **secret)
    environment |= settings.credentials()
    if as_json:
        host = f"[{address}]" if ":" in address else address
        url = f"http://{host}:{port}"
        emit(as_json, {"workspace": str(folder), "address": address, "port": port, "url": url}, "")
        sys.stdout.flush()
    os.execve(sys.executable, command, environment)


def _checked_workspace() -> Path:
    """Create the workspace if there is none; report a damaged one, which the page can restore.

    Raises:
        WorkspaceError: If it cannot be served.
    """
    folder = files.expanded(workspace_path())
    try:
        workspaces.create(folder).close()
    except WorkspaceDamaged as error:
        terminal.say(remedies.line(error, workspace=folder), err=True)
        terminal.say("The app starts anyway: its page restores a backup, too.", err=True)
    return folder


def check_port(address: str, port: int, what: str = "The app") -> None:
    """Try to listen, as the server will.

    Raises:
        BadInput: If another program listens there already, or the system does not allow it.
    """
    try:
        family = socket.getaddrinfo(address, port, type=socket.SOCK_STREAM)[0][0]
        with socket.socket(family) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # A port that was just left is free.
            probe.bind((address, port))
    except OSError as error:
        raise BadInput(
            f"{what} cannot listen on {address} port {port}: {error.strerror}.",
            f"Choose another port with --port, such as --port {port + 1}.",
        ) from error


def _status_text(counts: Status, n_embedded: int, worth: QueueCount, groups: QueueCount) -> str:
    rows = {name: n for name, n in asdict(counts).items() if name != "classes"}
    n_lost = rows.pop("n_lost_decisions")
    rows["n_embedded"] = n_embedded
    lines = [f"{name.removeprefix('n_'):<11} {n:>7,}" for name, n in rows.items()]
    lines += ["", f"{'worth':<11} {worth.n:>7,}{'+' if worth.is_more else ''}"]
    lines += [f"{'duplicates':<11} {groups.n:>7,}"]
    lines += [f"{n_lost:,} saved decisions are missing; see verify."] if n_lost else []
    if counts.classes:
        lines += ["", *(f"  {name:<20} {n:>7,}" for name, n in counts.classes.items())]
    return "\n".join(lines)
