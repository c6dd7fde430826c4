"""The command that writes a model as one page that runs it in a browser."""

from pathlib import Path

import click

from peakid import files
from peakid.cli.frame import emit, json_option, pass_workspace
from peakid.jobs import bundling
from peakid.store import exports
from peakid.store.workspace import Workspace


@click.command()
@click.argument("export", metavar="EXPORT")
@click.option(
    "--out", required=True, type=click.Path(path_type=Path), metavar="FILE", help="A new HTML file."
)
@click.option(
    "--threshold",
    default=None,
    type=click.FloatRange(0, 1),
    help="Confidence below which the model abstains. Default: that of the export.",
)
@json_option
@pass_workspace
def page(workspace: Workspace, export: str, out: Path, threshold: float | None, as_json: bool) -> None:
    """Write EXPORT as one HTML file that classifies photos in a browser.

    It opens with a double click, without a server and without network: the model and its runtime are inside.
    Photos do not leave the device.
    """
    out = files.expanded(out)
    size = bundling.write_page(workspace, exports.find(workspace, export), out, threshold=threshold)
    emit(
        as_json, {"path": str(out), "bytes": size}, f"{out} has {size / 2**20:,.0f} MB. Open it in a browser."
    )
