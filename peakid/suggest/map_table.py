"""Write a layout of the map as a table: where each image is, its label and its category."""

import csv
import importlib.util
import io
import json
from pathlib import Path

from peakid import files
from peakid.embed import layouts
from peakid.embed.layouts import Layout
from peakid.errors import BadInput, ExtraMissing
from peakid.store.origins import FIRST_PATH
from peakid.store.workspace import Workspace
from peakid.suggest import map_colours
from peakid.suggest.map_colours import ColourBy

FORMATS = (".csv", ".parquet")
COLUMNS = ("digest", "path", "label", "x", "y", "category")

Row = tuple[str, str, str, float, float, str]
"""The values of `COLUMNS` for one image; label '' = none. x and y are in -1 to 1."""


def check(out: Path) -> Path:
    """Return the path of a table that can be written.

    Raises:
        BadInput: If its ending is unknown or it exists already.
        ExtraMissing: If it is a Parquet file and pyarrow is not installed.
    """
    path = files.expanded(out)
    if path.suffix.lower() not in FORMATS:
        raise BadInput(f"{path.name!r} ends in neither .csv nor .parquet.", "Choose one of these formats.")
    if path.exists():
        raise BadInput(f"{path} exists already.", "Choose another name: nothing is overwritten.")
    if path.suffix.lower() == ".parquet" and importlib.util.find_spec("pyarrow") is None:
        raise ExtraMissing("Parquet files need pyarrow.", "Install it with: pip install pyarrow. Or use CSV.")
    return path


def write(workspace: Workspace, layout: Layout, out: Path, *, colour_by: ColourBy = "label") -> Path:
    """Write the points of a layout to a new CSV or Parquet file and return its path.

    Raises:
        BadInput, ExtraMissing: As `check` does.
    """
    path = check(out)
    found = rows(workspace, layout, colour_by)
    if path.suffix.lower() == ".csv":
        text = io.StringIO(newline="")
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows(found)
        files.write_text(path, text.getvalue())
        return path
    import pyarrow as pa
    from pyarrow import parquet

    columns = {name: [row[n] for row in found] for n, name in enumerate(COLUMNS)}
    with files.replacing(path) as temporary:
        parquet.write_table(pa.table(columns), temporary)
    return path


def rows(workspace: Workspace, layout: Layout, colour_by: ColourBy) -> list[Row]:
    """Return the places of the images of a layout as rows, by image id."""
    points = layouts.all_points(workspace, layout)
    ids = points.image_ids.tolist()
    coloured = map_colours.colouring(workspace, layout.layout_id, colour_by, image_ids=ids)
    images = workspace.query(
        f"SELECT i.digest, {FIRST_PATH} AS path, c.name AS label"
        " FROM (SELECT value AS image_id FROM json_each(?)) p"
        " JOIN image i ON i.id = p.image_id LEFT JOIN image_state s ON s.image_id = p.image_id"
        " LEFT JOIN class c ON c.id = s.class_id ORDER BY p.image_id",
        (json.dumps(ids),),
    )
    return [
        (
            each["digest"],
            each["path"],
            each["label"] or "",
            round(float(x), 6),
            round(float(y), 6),
            coloured.categories[code].name,
        )
        for each, (x, y), code in zip(images, points.xy, coloured.codes, strict=True)
    ]
