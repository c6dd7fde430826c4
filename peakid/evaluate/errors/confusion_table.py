"""A confusion matrix as CSV, in the order and with the values that a person chose."""

import csv
import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from peakid import files
from peakid.errors import BadInput
from peakid.evaluate.errors import matrix_order
from peakid.evaluate.errors.matrix_order import CellValue, MatrixOrder

CORNER = "given label / predicted label"


def csv_text(
    class_names: Sequence[str], matrix: np.ndarray, *, by: MatrixOrder = "class", shown: CellValue = "counts"
) -> str:
    """Return a matrix as CSV: a row for each given label, a column for each predicted label.

    Args:
        matrix: int64 of shape (K, K), row = given label, column = predicted label.
        by: The order of rows and columns.
        shown: Counts, or shares in 0..1 with six decimals.
    """
    order = matrix_order.positions(class_names, matrix, by)
    values = matrix_order.values(matrix, shown)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([CORNER, *(class_names[n] for n in order)])
    for row in order:
        cells = values[row, order].tolist()
        writer.writerow([class_names[row], *(cells if shown == "counts" else (f"{v:.6f}" for v in cells))])
    return text.getvalue()


def write(
    class_names: Sequence[str],
    matrix: np.ndarray,
    out: Path,
    *,
    by: MatrixOrder = "class",
    shown: CellValue = "counts",
) -> Path:
    """Write a matrix to a new CSV file and return its path.

    Raises:
        BadInput: If the file exists already.
    """
    path = files.expanded(out)
    if path.exists():
        raise BadInput(f"{path} exists already.", "Choose another name: nothing is overwritten.")
    files.write_text(path, csv_text(class_names, matrix, by=by, shown=shown))
    return path
