"""What the commands for credits print and write, of a snapshot and of an export."""

from pathlib import Path

import click

from peakid.cli.frame import emit, table
from peakid.dataset import credits
from peakid.dataset.credits import Credits

option = click.option(
    "--out",
    type=click.Path(path_type=Path),
    metavar="FOLDER",
    help=f"Write {credits.CSV_NAME} and {credits.PAGE_NAME} into FOLDER.",
)


def show(found: Credits, out: Path | None, as_json: bool) -> None:
    """Print the number of images by licence, and write the files where a folder is given."""
    written = credits.write(found, out) if out else []
    rows = [{"licence": name or "unknown", "n_images": n} for name, n in found.n_by_licence().items()]
    document = {
        "n_images": len(found.lines),
        "n_unknown": found.n_unknown,
        "licences": rows,
        "credits": [
            {
                "digest": line.digest,
                "label": found.labels.get(line.digest, ""),
                "title": line.title,
                "author": line.author,
                "licence": line.licence.name,
                "licence_url": line.licence.url,
                "page_url": line.page_url,
                "url": line.url,
                "source": line.source,
            }
            for line in found.lines
        ],
        "files": [str(path) for path in written],
    }
    text = table(rows, ["licence", "n_images"], empty="There is no image.")
    emit(as_json, document, "\n".join([text, *(f"Wrote {path}." for path in written)]))
