"""The command that lists the pretrained weights on this machine."""

from typing import Any

import click

from peakid import settings
from peakid.cli.frame import emit, json_option, table
from peakid.recipe import weight_files
from peakid.recipe.weight_files import WeightsRow


@click.command()
@click.option(
    "--check",
    "reads_files",
    is_flag=True,
    help="Read every file and compare its SHA-256 with the hash in its name.",
)
@json_option
def weights(reads_files: bool, as_json: bool) -> None:
    """List the pretrained weights on this machine, and which files to download for the others."""
    rows = weight_files.listed(settings.for_job(), reads_files=reads_files)
    documents = [document(row) for row in rows]
    cells = [{"arch": row.arch, "weights": _text(row), "check": row.check, "MB": _mb(row)} for row in rows]
    text = table(cells, ["arch", "weights", "check", "MB"], empty="")
    emit(as_json, documents, f"{text}\nPut downloaded files into {rows[0].put_in}.")


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
