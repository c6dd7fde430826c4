"""Score image issues: each image once from its measures, odd sizes against all other images."""

import os
import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from peakid import progress_text
from peakid.curate.image_issues import RULES, IssueKind
from peakid.errors import NotFound, UnreadableImage
from peakid.imaging import gate, inspection
from peakid.imaging.records import Inspection
from peakid.records import Report, no_report
from peakid.store import images
from peakid.store.workspace import Workspace

# Increased when the same measures give other scores; the next scan then scores all images again.
VERSION = 1

BATCH_SIZE = 200  # Images measured per transaction: the most that a killed scan repeats.
SCORED_AT_ONCE = 20_000  # Rows, about 10 MB.
BITS = 8.0  # Entropy of 256 equally frequent grey values.
USUAL_PX = 256.0  # Short side that training needs at its usual image sizes.
# Contrast of a barely visible picture; sensor noise on a single colour has a twentieth of it.
FAINT = 20 / 255
GARISH = 100.0  # Colourfulness of the most colourful photos, after Hasler and Suesstrunk.
# In octaves of image size: an image is odd from three interquartile ranges outside the quartiles, as far
# outliers in a box plot, and from at least one octave, for collections in which all images have one size.
FAR, LEAST_SPREAD = 3.0, 1 / 3


def scan(workspace: Workspace, *, report: Report = no_report) -> int:
    """Measure and score the images without scores. Return their number.

    A killed scan continues where it stopped.

    Images measured on import are not decoded again; those imported by an older Peakid are decoded once. An
    image whose bytes are gone is skipped and tried again by the next scan.

    Raises:
        WorkspaceNotWritable: If the workspace cannot be written.
    """
    _measure_missing(workspace, report)
    n_scored = 0
    while n_now := _score_some(workspace):
        n_scored += n_now
        report("Finding image issues", n_scored, 0, f"{n_scored:,} images")
    if n_scored:
        _score_sizes(workspace)
    return n_scored


def scores(row: sqlite3.Row) -> dict[IssueKind, float]:
    """Return the scores that the measures of one image give, 0..1, low = severe.

    An image with hardly any tones gets no score for grayscale: one cause is reported under one name.

    Args:
        row: A row of image_measure, with width_px and height_px.
    """
    short, long = sorted((row["width_px"], row["height_px"]))
    information = row["entropy_bits"] / BITS
    found: dict[IssueKind, float] = {
        "dark": row["highlight"],
        "light": 1 - row["shadow"],
        "blurry": row["sharpness"],
        "low_information": information,
        "blank": row["contrast"] / FAINT,
        "odd_aspect": short / long,
        "tiny": short / USUAL_PX,
        "truncated": row["readable_share"],
        "animated": 1.0 - row["is_animated"],
    }
    if information >= RULES["low_information"].threshold:
        found["grayscale"] = row["colourfulness"] / GARISH
    return {kind: min(max(score, 0.0), 1.0) for kind, score in found.items()}


def size_scores(width_px: np.ndarray, height_px: np.ndarray) -> np.ndarray:
    """Score how usual each image's size is: 1 = median, 0.5 where far outliers begin, 0 twice as far.

    Sizes are compared in octaves, so half and double size are equally odd.

    Args:
        width_px: int64 of shape (N,), as `height_px`.

    Returns:
        float64 of shape (N,), in 0..1.
    """
    octaves = np.log2(width_px * height_px) / 2  # (N,)
    low, high = np.percentile(octaves, [25, 75])
    reach = (high - low) / 2 + FAR * max(high - low, LEAST_SPREAD)
    return np.clip(1 - np.abs(octaves - (low + high) / 2) / (2 * reach), 0, 1)


def unmeasured(workspace: Workspace) -> list[tuple[int, str]]:
    """List the images without measures as (image_id, digest), by id."""
    rows = workspace.query(
        "SELECT id, digest FROM image JOIN image_state ON image_id = id"
        " WHERE id NOT IN (SELECT image_id FROM image_measure) ORDER BY id"
    )
    return [(row["id"], row["digest"]) for row in rows]


def _measure_missing(workspace: Workspace, report: Report) -> None:
    rows = unmeasured(workspace)
    n_done = 0
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for begin in range(0, len(rows), BATCH_SIZE):
            batch = rows[begin : begin + BATCH_SIZE]
            inspected = list(pool.map(lambda row: _inspected(workspace, row[1]), batch))
            with workspace.transaction() as connection:
                for (image_id, _), found in zip(batch, inspected, strict=True):
                    if found is not None:
                        images.write_measures(connection, image_id, found.measures)
            n_done += len(batch)
            counted = progress_text.counted(n_done, len(rows), "images")
            report("Measuring images", n_done, len(rows), counted)


def _inspected(workspace: Workspace, digest: str) -> Inspection | None:
    try:
        return gate.call(inspection.inspect, images.read_bytes(workspace, digest))
    except (NotFound, UnreadableImage):
        return None
    finally:
        workspace.close()  # The connection of this thread, which ends with the scan.


def _score_some(workspace: Workspace) -> int:
    """Score the next images in one transaction. Return their number."""
    rows = workspace.query(
        "SELECT m.*, i.width_px, i.height_px FROM image_measure m JOIN image i ON i.id = m.image_id"
        " WHERE m.scored_with < ? ORDER BY m.scored_with, m.image_id LIMIT ?",
        (VERSION, SCORED_AT_ONCE),
    )
    ids = [(row["image_id"],) for row in rows]
    with workspace.transaction() as connection:
        connection.executemany("DELETE FROM image_issue_score WHERE image_id = ? AND kind <> 'odd_size'", ids)
        _insert(
            connection,
            ((kind, score, row["image_id"]) for row in rows for kind, score in scores(row).items()),
        )
        connection.executemany(f"UPDATE image_measure SET scored_with = {VERSION} WHERE image_id = ?", ids)
    return len(rows)


def _score_sizes(workspace: Workspace) -> None:
    """Score all sizes again, since new images shift what is usual. Only low scores are written."""
    rows = workspace.query("SELECT id, width_px, height_px FROM image JOIN image_state ON image_id = id")
    sizes = np.array([tuple(row) for row in rows], dtype=np.int64)  # (N, 3)
    found = size_scores(sizes[:, 1], sizes[:, 2])
    with workspace.transaction() as connection:
        connection.execute("DELETE FROM image_issue_score WHERE kind = 'odd_size'")
        _insert(
            connection,
            (("odd_size", score, n) for n, score in zip(sizes[:, 0].tolist(), found.tolist(), strict=True)),
        )


def _insert(connection: sqlite3.Connection, rows: Iterator[tuple[IssueKind, float, int]]) -> None:
    kept = (row for row in rows if row[1] < RULES[row[0]].ceiling)
    connection.executemany("INSERT INTO image_issue_score (kind, score, image_id) VALUES (?, ?, ?)", kept)
