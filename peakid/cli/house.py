"""Commands about the whole workspace: make it, count it, open the app on it."""

import os
import sys
from dataclasses import asdict

import click

from peakid import settings
from peakid.cli.frame import emit, json_option, pass_new_workspace, pass_workspace
from peakid.resources import PROJECT_ROOT
from peakid.store import status as statuses
from peakid.store.workspace import Workspace


@click.command()
@json_option
@pass_new_workspace
def init(workspace: Workspace, as_json: bool) -> None:
    """Make the workspace, or bring an older one up to date."""
    n_images = statuses.read(workspace).n_images
    emit(
        as_json,
        {"workspace": str(workspace.path), "n_images": n_images},
        f"Workspace {workspace.path} is ready; it holds {n_images} images.",
    )


@click.command()
@json_option
@pass_workspace
def status(workspace: Workspace, as_json: bool) -> None:
    """Count what the workspace holds."""
    document = asdict(statuses.read(workspace))
    lines = [
        f"{name.removeprefix('n_'):<11} {value:>7,}" for name, value in document.items() if name != "classes"
    ]
    lines += (
        ["", *(f"  {name:<20} {n:>7,}" for name, n in document["classes"].items())]
        if document["classes"]
        else []
    )
    emit(as_json, document, "\n".join(lines))


@click.command()
@click.option("--port", default=8501, show_default=True, type=click.IntRange(1, 65535))
@pass_new_workspace
def app(workspace: Workspace, port: int) -> None:
    """Open the app in the browser on this workspace."""
    os.chdir(PROJECT_ROOT)  # Streamlit reads its theme from the folder it starts in.
    command = [sys.executable, "-m", "streamlit", "run", "streamlit_app.py", "--server.port", str(port)]
    os.execve(sys.executable, command, settings.environment(workspace=str(workspace.path)))
