"""Store what the live head found: a row for each image, and one row about the fit itself."""

import sqlite3
import time
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from peakid.store.workspace import Workspace, now

N_ROWS = 1000  # Written in one transaction of about 10 ms: a key waits no longer than that to be saved.
PAUSE_S = 0.005  # Between two transactions, so that others can write in between.
NO_CLASS = -1
LEAST_CHANGE = 0.02  # Of log-odds: a smaller one is not written, because no one could see it.
_SMALLEST = 1e-9  # Probabilities are kept from 0 and 1, where log-odds are infinite.


@dataclass(frozen=True)
class HeadFit:
    """The newest fit of the live head.

    Attributes:
        number: Grows with every fit.
        basis: What it was fitted on, as text: another text means that it is outdated.
        decision_id: The newest decision it knows.
        seconds: From reading the labels to the last row written.
    """

    number: int
    basis: str
    set_id: int
    decision_id: int
    n_images: int
    n_labelled: int
    n_classes: int
    n_issues: int
    seconds: float
    fitted_at: str


@dataclass
class Rows:
    """What is said about N images, as arrays of shape (N,) in the order of `image_ids`.

    Attributes:
        is_present: False for images that get no row: excluded or forgotten.
        given: Class ids, `NO_CLASS` without a label.
        suggested: Class ids.
        confidence: Probability of the suggested class, 0..1.
        quality: Label quality, 0..1, low = doubtful; NaN without a label.
        usefulness: Of a label for the image, 0..1, 1 = label it first; NaN but for the first ones.
        n_near: How many of the nearest labelled images were counted; `NOT_COUNTED` if none were.
        n_near_suggested: How many of those have the suggested class.
    """

    image_ids: np.ndarray
    is_present: np.ndarray
    given: np.ndarray
    suggested: np.ndarray
    confidence: np.ndarray
    quality: np.ndarray
    is_issue: np.ndarray
    usefulness: np.ndarray
    n_near: np.ndarray
    n_near_suggested: np.ndarray

    @classmethod
    def none_of(cls, image_ids: np.ndarray) -> "Rows":
        """Return rows that say nothing about any image."""
        n = len(image_ids)
        return cls(
            image_ids,
            is_present=np.zeros(n, dtype=bool),
            given=np.full(n, NO_CLASS, dtype=np.int64),
            suggested=np.full(n, NO_CLASS, dtype=np.int64),
            confidence=np.zeros(n),
            quality=np.full(n, np.nan),
            is_issue=np.zeros(n, dtype=bool),
            usefulness=np.full(n, np.nan),
            n_near=np.zeros(n, dtype=np.int64),
            n_near_suggested=np.zeros(n, dtype=np.int64),
        )


def read_fit(workspace: Workspace) -> HeadFit | None:
    """Return the newest fit, None before the first."""
    row = workspace.one(
        "SELECT number, basis, set_id, decision_id, n_images, n_labelled, n_classes, n_issues, seconds,"
        " fitted_at FROM head_fit"
    )
    return None if row is None else HeadFit(*row)


def read_rows(workspace: Workspace, image_ids: np.ndarray) -> Rows:
    """Return what is stored about these images.

    Args:
        image_ids: int64 of shape (N,), ascending.
    """
    found = workspace.query(
        "SELECT image_id, COALESCE(given_class_id, -1), suggested_class_id, confidence, label_quality,"
        " is_issue, usefulness, COALESCE(n_near, 0), COALESCE(n_near_suggested, 0) FROM suggestion"
        " ORDER BY image_id"
    )
    rows = Rows.none_of(image_ids)
    if not found or not len(image_ids):
        return rows
    table = np.array([tuple(row) for row in found], dtype=np.float64)  # None becomes NaN.
    at = np.searchsorted(image_ids, table[:, 0].astype(np.int64))
    is_known = image_ids[np.minimum(at, len(image_ids) - 1)] == table[:, 0]
    at, table = at[is_known], table[is_known]
    rows.is_present[at] = True
    names = (
        "given",
        "suggested",
        "confidence",
        "quality",
        "is_issue",
        "usefulness",
        "n_near",
        "n_near_suggested",
    )
    for column, name in enumerate(names, 1):
        getattr(rows, name)[at] = table[:, column]
    return rows


def write(workspace: Workspace, rows: Rows, written: Rows, fit: HeadFit) -> None:
    """Write the rows that differ from `written`, in short transactions, and then the fit.

    `written` follows, so that it always has what is stored. Images that were forgotten meanwhile get no row.
    """
    for some in _chunks(np.flatnonzero(_is_changed(rows, written))):
        with workspace.transaction() as connection:
            _write_some(connection, rows, some)
        for name in vars(rows):
            getattr(written, name)[some] = getattr(rows, name)[some]
        time.sleep(PAUSE_S)
    with workspace.transaction() as connection:
        _write_fit(connection, fit)


def clear(workspace: Workspace) -> None:
    """Remove everything that the live head found: it cannot be fitted any more."""
    if read_fit(workspace) is None and workspace.one("SELECT 1 FROM suggestion LIMIT 1") is None:
        return
    with workspace.transaction() as connection:
        connection.execute("DELETE FROM suggestion")
        connection.execute("DELETE FROM head_fit")


def keep_only(workspace: Workspace, image_ids: np.ndarray) -> None:
    """Delete the rows of images that the head does not know: of another set of embeddings or another sample.

    Args:
        image_ids: int64 of shape (N,), ascending.
    """
    stored = [row["image_id"] for row in workspace.query("SELECT image_id FROM suggestion")]
    gone = np.setdiff1d(np.array(stored, dtype=np.int64), image_ids)
    for some in _chunks(gone):
        with workspace.transaction() as connection:
            connection.executemany("DELETE FROM suggestion WHERE image_id = ?", [(i,) for i in some.tolist()])
        time.sleep(PAUSE_S)


def _is_changed(rows: Rows, written: Rows) -> np.ndarray:
    """Return which rows differ from the stored ones so much that someone could see it: bool of shape (N,)."""
    same = rows.is_present == written.is_present
    for name in ("given", "suggested", "is_issue", "n_near", "n_near_suggested"):
        same &= getattr(rows, name) == getattr(written, name)
    for name in ("confidence", "quality"):
        change = np.abs(_log_odds(getattr(rows, name)) - _log_odds(getattr(written, name)))
        same &= ~(change > LEAST_CHANGE)  # NaN: no label before and now.
    same &= np.isnan(rows.quality) == np.isnan(written.quality)
    same &= np.nan_to_num(rows.usefulness) == np.nan_to_num(written.usefulness)
    return ~same & (rows.is_present | written.is_present)


def _log_odds(shares: np.ndarray) -> np.ndarray:
    kept = np.clip(shares, _SMALLEST, 1 - _SMALLEST)
    return np.log(kept) - np.log1p(-kept)


def _chunks(indices: np.ndarray) -> Iterator[np.ndarray]:
    return (indices[begin : begin + N_ROWS] for begin in range(0, len(indices), N_ROWS))


def _write_some(connection: sqlite3.Connection, rows: Rows, some: np.ndarray) -> None:
    gone = some[~rows.is_present[some]]
    connection.executemany(
        "DELETE FROM suggestion WHERE image_id = ?", [(each,) for each in rows.image_ids[gone].tolist()]
    )
    kept = some[rows.is_present[some]]
    is_labelled = ~np.isnan(rows.quality[kept])
    columns = (
        rows.given[kept],
        rows.suggested[kept],
        rows.confidence[kept],
        rows.quality[kept],
        rows.is_issue[kept].astype(int),
        _or_none(rows.usefulness[kept]),
        rows.n_near[kept],
        rows.n_near_suggested[kept],
        rows.image_ids[kept],
    )
    values = [
        (*((row[0], row[1], row[2], row[3]) if labelled else (None, row[1], row[2], None)), *row[4:])
        for row, labelled in zip(
            zip(*(each.tolist() for each in columns), strict=True), is_labelled, strict=True
        )
    ]
    # The image may have been forgotten since its embedding was read.
    connection.executemany(
        "INSERT INTO suggestion (given_class_id, suggested_class_id, confidence, label_quality, is_issue,"
        " usefulness, n_near, n_near_suggested, image_id) SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9"
        " WHERE EXISTS (SELECT 1 FROM image_state WHERE image_id = ?9)"
        " ON CONFLICT (image_id) DO UPDATE SET given_class_id = excluded.given_class_id,"
        " suggested_class_id = excluded.suggested_class_id, confidence = excluded.confidence,"
        " label_quality = excluded.label_quality, is_issue = excluded.is_issue,"
        " usefulness = excluded.usefulness, n_near = excluded.n_near,"
        " n_near_suggested = excluded.n_near_suggested",
        values,
    )


def _or_none(values: np.ndarray) -> np.ndarray:
    """Return numbers as Python objects with None instead of NaN: SQLite stores both as NULL."""
    found = values.astype(object)
    found[np.isnan(values)] = None
    return found


def _write_fit(connection: sqlite3.Connection, fit: HeadFit) -> None:
    connection.execute(
        "INSERT INTO head_fit (id, number, basis, set_id, decision_id, n_images, n_labelled, n_classes,"
        " n_issues, seconds, fitted_at) VALUES (1, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
        " ON CONFLICT (id) DO UPDATE SET number = excluded.number, basis = excluded.basis,"
        " set_id = excluded.set_id, decision_id = excluded.decision_id, n_images = excluded.n_images,"
        " n_labelled = excluded.n_labelled, n_classes = excluded.n_classes, n_issues = excluded.n_issues,"
        " seconds = excluded.seconds, fitted_at = excluded.fitted_at",
        (
            *(fit.number, fit.basis, fit.set_id, fit.decision_id, fit.n_images, fit.n_labelled),
            *(fit.n_classes, fit.n_issues, fit.seconds, now()),
        ),
    )
