"""The command that writes a model with all that is needed to use it elsewhere into one zip."""

from pathlib import Path

import click

from peakid import files
from peakid.cli.frame import actor_option, emit, json_option, pass_workspace
from peakid.jobs import bundling
from peakid.store import exports
from peakid.store.workspace import Workspace


@click.command()
@click.argument("export", metavar="EXPORT")
@click.option("--out", required=True, type=click.Path(path_type=Path), metavar="FILE", help="A new zip file.")
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
@actor_option
@json_option
@pass_workspace
def bundle(
    workspace: Workspace,
    export: str,
    out: Path,
    threshold: float | None,
    intended_use: str,
    names_people: bool,
    key: Path | None,
    actor: str,
    as_json: bool,
) -> None:
    """Write EXPORT as one zip that runs without Peakid.

    It has the model, a model card, preprocessing in Python and JavaScript, a small server, a page that runs
    the model in a browser, a Dockerfile, and verify.py, which proves on any machine that the model answers as
    it did here. Opening the model executes no code.

    To make a key: openssl ecparam -name prime256v1 -genkey -noout -out KEY. To give others what checks it:
    openssl ec -in KEY -pubout -out KEY.pub
    """
    out = files.expanded(out)
    names = bundling.write(
        workspace,
        exports.find(workspace, export),
        out,
        threshold=threshold,
        names_people=names_people,
        intended_use=intended_use,
        key=files.expanded(key) if key else None,
        actor=actor,
    )
    text = f"{out} has {len(names)} files. On another machine: unzip it and run python verify.py"
    emit(as_json, {"path": str(out), "files": names, "bytes": out.stat().st_size}, text)
