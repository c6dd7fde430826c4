"""The command that imports the predictions of another program as a run."""

from pathlib import Path

import click

from peakid.cli.frame import actor_option, emit, json_option, pass_workspace
from peakid.dataset import snapshot as snapshots
from peakid.evaluate import predictions_import
from peakid.store.workspace import Workspace


@click.command("predictions")
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--snapshot", help="Name or digest of the snapshot whose splits are predicted. Default: the newest."
)
@click.option("--name", help="What to call the model. Default: the name of FILE.")
@click.option(
    "--partial",
    "is_partial",
    is_flag=True,
    help="Import although rows belong to no image, or images of a split have no row.",
)
@actor_option
@json_option
@pass_workspace
def import_predictions(
    workspace: Workspace,
    file: Path,
    snapshot: str | None,
    name: str | None,
    is_partial: bool,
    actor: str,
    as_json: bool,
) -> None:
    """Import the predictions of another program, to evaluate and compare them like a run.

    FILE is CSV, JSON lines or Parquet with a column `path` or `digest`, and either a column for each class
    with its probability, or the columns `predicted_label` and `confidence`.
    """
    frozen = snapshots.show(workspace, snapshot)
    found = predictions_import.import_predictions(
        workspace, file, frozen, name=name, is_partial=is_partial, actor=actor
    )
    split = "valid" if "valid" in found.n_images else next(iter(found.n_images))
    following = f"Evaluate it with: peakid evaluate {found.run_id}" + (
        "" if split == "valid" else f" --split {split}"
    )
    emit(as_json, found.to_json(), f"{found.text()}\n{following}")
