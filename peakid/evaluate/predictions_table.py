"""Read the predictions of another program from a table: which image each row is, and its probabilities.

Everything that does not fit is counted, so that one message says all of it. Nothing is stored here.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from peakid import documents, files
from peakid.acquire.tables import reader
from peakid.acquire.tables.sheet import Sheet
from peakid.embed.importing import NAME_COLUMNS
from peakid.errors import BadInput

LABEL_COLUMNS = ("predicted_label", "predicted", "prediction", "pred", "label", "class", "class_name")
CONFIDENCE_COLUMNS = ("confidence", "probability", "prob", "score")
PREFIXES = ("prob_", "probability_", "p_")  # Before the class in the name of a column.
SUM_TOLERANCE = 0.01  # Probabilities rounded to three digits, of a hundred classes.
N_SHOWN = 3  # Examples in a message.


@dataclass(frozen=True)
class PredictionsTable:
    """The rows of a table.

    Attributes:
        names: The digest or path of each row.
        places: Where each row is in the file, such as `line 2`.
        pred_probs: float32 of shape (rows, K); rows sum to 1.
        has_all_probabilities: False where only the predicted class had one: the rest is spread evenly.
    """

    names: tuple[str, ...]
    places: tuple[str, ...]
    pred_probs: np.ndarray
    has_all_probabilities: bool


def read(file: Path, class_of: Mapping[str, int], class_names: Sequence[str]) -> PredictionsTable:
    """Read a CSV, JSON lines or Parquet file with a column `path` or `digest`.

    It also has a column for each class with its probability, or the columns `predicted_label` and
    `confidence`.

    Args:
        class_of: The column of each class, also by its earlier names.
        class_names: The K classes.

    Raises:
        BadInput: With all that does not fit.
        ExtraMissing: If it is a Parquet file and pyarrow is not installed.
    """
    try:
        with files.open_regular(file, files.ANY_SIZE) as opened:
            sheet = reader.read(file.name, opened)
            named = next((each for each in sheet.columns if each.lower() in NAME_COLUMNS), None)
            if named is None:
                raise _unfit(
                    file,
                    f"it has no column path or digest (it has {_some(sheet.columns)})",
                    "Rename the column.",
                )
            found = _columns_of_classes(sheet.columns, class_of)
            if len(found) > 1:
                return _all_probabilities(file, sheet, named, found, class_names)
            return _predicted_alone(file, sheet, named, class_of, class_names)
    except OSError as error:
        raise _unfit(file, error.strerror or str(error), "Check its path.") from error


def _all_probabilities(
    file: Path, sheet: Sheet, named: str, columns: Mapping[int, str], class_names: Sequence[str]
) -> PredictionsTable:
    missing = [name for n, name in enumerate(class_names) if n not in columns]
    if missing:
        raise _unfit(
            file,
            f"it has a column of probabilities for {len(columns):,} of {len(class_names):,} classes; missing"
            f" {'is' if len(missing) == 1 else 'are'} {_some(missing)}",
            "Add a column of zeros for a class that the model does not know.",
        )
    names, places, cells = _cells(file, sheet, [named, *(columns[n] for n in range(len(class_names)))])
    values = _numbers([row[1:] for row in cells], len(class_names))
    _refuse_rows(file, places, values)
    sums = values.sum(axis=1)
    is_off: np.ndarray = np.abs(sums - 1) > SUM_TOLERANCE
    if is_off.any():
        row = int(np.flatnonzero(is_off)[0])
        others = [each for each in sheet.columns if each not in (named, *columns.values())]
        unknown = f"; columns that are no class of the snapshot: {_some(others)}" if others else ""
        raise _unfit(
            file,
            f"the probabilities of {_n(is_off)} do not sum to 1 ({places[row]}: {sums[row]:.4g}){unknown}",
            "Give probabilities, not scores: apply the softmax first.",
        )
    pred_probs = (values / sums[:, None]).astype(np.float32)
    return PredictionsTable(names, places, pred_probs, has_all_probabilities=True)


def _predicted_alone(
    file: Path, sheet: Sheet, named: str, class_of: Mapping[str, int], class_names: Sequence[str]
) -> PredictionsTable:
    lower = {each.lower(): each for each in reversed(sheet.columns)}
    label = next((lower[each] for each in LABEL_COLUMNS if each in lower), None)
    sure = next((lower[each] for each in CONFIDENCE_COLUMNS if each in lower), None)
    if label is None or sure is None:
        lacking = "predicted_label" if label is None else "confidence"
        raise _unfit(
            file,
            f"it has neither a column of probabilities for each class nor a column {lacking}"
            f" (it has {_some(sheet.columns)}; the classes are {_some(class_names)})",
            "Name the columns after the classes, or write predicted_label and confidence.",
        )
    names, places, cells = _cells(file, sheet, [named, label, sure])
    unknown = Counter(_text(row[1]) for row in cells if _text(row[1]) not in class_of)
    if unknown:
        counts = _some([f"{name or '(empty)'} ({n:,})" for name, n in unknown.most_common()])
        n_rows = sum(unknown.values())
        rows = "1 row predicts" if n_rows == 1 else f"{n_rows:,} rows predict"
        raise _unfit(
            file,
            f"{rows} a class that the snapshot does not have: {counts}",
            f"Its classes are {_some(class_names)}.",
        )
    confidence = _numbers([row[2:] for row in cells], 1)
    _refuse_rows(file, places, confidence)
    confidence = np.minimum(confidence, 1.0)
    n_classes = len(class_names)
    is_low: np.ndarray = confidence[:, 0] < 1 / n_classes - 1e-6
    if is_low.any():
        row = int(np.flatnonzero(is_low)[0])
        raise _unfit(
            file,
            f"the confidence of {_n(is_low)} is below 1/{n_classes} ({places[row]}:"
            f" {confidence[row, 0]:.4g}), which the most probable of {n_classes} classes cannot have",
            "Give the probability of every class.",
        )
    pred_probs = np.repeat((1 - confidence) / max(1, n_classes - 1), n_classes, axis=1)
    pred_probs[np.arange(len(cells)), [class_of[_text(row[1])] for row in cells]] = confidence[:, 0]
    return PredictionsTable(
        names, places, pred_probs.astype(np.float32), has_all_probabilities=n_classes == 2
    )


def _columns_of_classes(columns: Sequence[str], class_of: Mapping[str, int]) -> dict[int, str]:
    """Return the column of the table for each class that has one."""
    found: dict[int, str] = {}
    for each in columns:
        prefix = next((word for word in PREFIXES if each.lower().startswith(word)), "")
        number = class_of.get(each, class_of.get(each[len(prefix) :]))
        if number is not None:
            found.setdefault(number, each)
    return found


def _cells(
    file: Path, sheet: Sheet, columns: Sequence[str]
) -> tuple[tuple[str, ...], tuple[str, ...], list[tuple[object, ...]]]:
    """Return the name, the place and the values of these columns of each row."""
    at = [sheet.columns.index(each) for each in columns]
    names, places, cells = [], [], []
    for row in sheet.rows(columns):
        values = tuple(row.values[n] if n < len(row.values) else None for n in at)
        if row.problem or not _text(values[0]):
            why = row.problem or f"{columns[0]} is empty"
            raise _unfit(file, f"{row.place}: {documents.shown(why.rstrip('.'))}", "Correct that row.")
        names.append(_text(values[0]))
        places.append(row.place)
        cells.append(values)
    if not cells:
        raise _unfit(file, "it has no rows", "Write one row for each image.")
    return tuple(names), tuple(places), cells


def _numbers(rows: Sequence[Sequence[object]], n_columns: int) -> np.ndarray:
    """Return cells as float64 of shape (rows, n_columns), NaN where a cell is not a number."""
    try:
        return np.array(rows, dtype=np.float64).reshape(len(rows), n_columns)
    except (TypeError, ValueError):
        return np.array([[_number(cell) for cell in row] for row in rows], dtype=np.float64)


def _number(cell: object) -> float:
    try:
        return float(str(cell))
    except ValueError:
        return float("nan")


def _refuse_rows(file: Path, places: Sequence[str], values: np.ndarray) -> None:
    """Refuse values that are no probabilities, with all counts in one message.

    Raises:
        BadInput: If a value is NaN, infinite, negative or above 1.
    """
    is_number = np.isfinite(values)
    numbers = np.where(is_number, values, 0.0)
    is_bad: dict[str, np.ndarray] = {
        "have a value that is empty, NaN, infinite or no number": np.asarray(~is_number.all(axis=1)),
        "have a negative probability": numbers.min(axis=1) < 0,
        "have a probability above 1": numbers.max(axis=1) > 1 + SUM_TOLERANCE,
    }
    said = []
    for what, rows in is_bad.items():
        if rows.any():
            verb = what.replace("have", "has", 1) if rows.sum() == 1 else what
            said.append(f"{_n(rows)} {verb} (first {places[int(np.flatnonzero(rows)[0])]})")
    if said:
        raise _unfit(file, "; ".join(said), "Give a probability in 0..1 for every image.")


def _n(rows: np.ndarray) -> str:
    n = int(rows.sum())
    return "1 row" if n == 1 else f"{n:,} rows"


def _text(value: object) -> str:
    return "" if value is None else str(value).strip()


def _some(names: Sequence[str]) -> str:
    shown = ", ".join(documents.shown(each) for each in names[:N_SHOWN])
    return f"{shown} and {len(names) - N_SHOWN:,} more" if len(names) > N_SHOWN else shown


def _unfit(file: Path, why: str, remedy: str) -> BadInput:
    message = f"The predictions in {documents.shown_path(file.name)} cannot be imported: {why}."
    return BadInput(message, remedy)
