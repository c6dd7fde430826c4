"""Commands for the pretrained weights on this machine: list them, add a file."""

from pathlib import Path
from typing import Any

import click

from peakid import settings
from peakid.cli import usage
from peakid.cli.frame import emit, json_option, table
from peakid.jobs import added_weights
from peakid.recipe import weight_files
from peakid.recipe.weight_files import WeightsRow

_check_option = click.option(
    "--check",
    "reads_files",
    is_flag=True,
    help="Read every file and compare its SHA-256 with the hash in its name.",
)


@click.group(cls=usage.Group, invoke_without_command=True)
@_check_option
@json_option
@click.pass_context
def weights(context: click.Context, reads_files: bool, as_json: bool) -> None:
    """List the pretrained weights on this machine, and which files to download for the others."""
    if context.invoked_subcommand is None:
        _list(reads_files, as_json)


@weights.command("list")
@_check_option
@json_option
def weights_list(reads_files: bool, as_json: bool) -> None:
    """List the pretrained weights on this machine, and which files to download for the others."""
    _list(reads_files, as_json)


@weights.command("add")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--arch", required=True, help="The architecture that the weights are of.")
@click.option("--sha256", default="", help="What its SHA-256 must begin with, as published beside the file.")
@json_option
def weights_add(file: Path, arch: str, sha256: str, as_json: bool) -> None:
    """Copy FILE, a state_dict, into the folder of weights under the name that trainings look for.

    Its tensors are compared with those of the architecture first. The folder is PEAKID_WEIGHTS, or without it
    that of torch.
    """
    found = added_weights.add(file, arch, sha256=sha256)
    document = {
        "arch": found.arch,
        "path": str(found.path),
        "sha256": found.sha256,
        "bytes": found.n_bytes,
        "is_published": found.is_published,
    }
    emit(as_json, document, found.text())


def _list(reads_files: bool, as_json: bool) -> None:
    rows = weight_files.listed(settings.for_job(), reads_files=reads_files)
    documents = [document(row) for row in rows]
    cells = [{"arch": row.arch, "weights": _text(row), "check": row.check, "MB": _mb(row)} for row in rows]
    text = table(cells, ["arch", "weights", "check", "MB"], empty="")
    where = f"{weight_files.ORDER}\nPut downloaded files into {rows[0].put_in}."
    emit(as_json, documents, f"{text}\n{where}")


def document(row: WeightsRow) -> dict[str, Any]:
    """Return the weights of one architecture as `--json` prints them."""
    return {
        "arch": row.arch,
        "is_here": row.file is not None,
        "path": None if row.file is None else str(row.file),
        "bytes": row.n_bytes,
        "check": row.check,
        "file_name": row.file_name,
        "download_mb": row.download_mb,
        "put_in": str(row.put_in),
    }


def _text(row: WeightsRow) -> str:
    if row.file is not None:
        return f"here: {row.file.name}"
    return f"not here: {row.file_name}" if row.file_name else "no published weights"


def _mb(row: WeightsRow) -> float | None:
    return round(row.n_bytes / 1e6, 1) if row.file else row.download_mb or None
