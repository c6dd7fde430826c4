"""Build the index of a set of embeddings shard by shard; what is there already is only added to."""

import importlib
import os
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from peakid import progress_text
from peakid.embed import neighbours, stored
from peakid.embed.index import reduction, shard_files
from peakid.embed.index.reduction import Reduction
from peakid.embed.index.shard_files import Shard
from peakid.records import Report, no_report
from peakid.store.workspace import Workspace

if TYPE_CHECKING:
    from usearch.index import Index

PHASE = "Building the index of neighbours"
# Above: a search that compares all takes more than half a second (bench/neighbours.py).
BRUTE_FORCE_UP_TO = 100_000
CONNECTIVITY, EXPANSION_ADD = 16, 128  # Of the graph; the defaults of usearch.
_BLOCK = 4_096  # Rows added at once: 21 MB as float32 at 1,280 dimensions.


@dataclass(frozen=True)
class Coverage:
    """How much of a set is in its index.

    Attributes:
        n_rows: Rows of its file.
        n_indexed: Of them, those that are in a shard.
        is_needed: Whether there are so many that comparing all of them takes long.
        is_possible: Whether the package for indexes is installed.
    """

    n_rows: int
    n_indexed: int
    is_needed: bool
    is_possible: bool

    @property
    def n_missing(self) -> int:
        return self.n_rows - self.n_indexed


def coverage(workspace: Workspace, set_id: int) -> Coverage:
    """Return how much of a set is in its index. Only the names of the files are read."""
    n_rows = stored.n_rows(workspace, set_id)
    is_possible = shard_files.is_installed()
    found = shard_files.shards(shard_files.folder(workspace, set_id)) if is_possible else {}
    n_indexed = sum(min(each.n_rows, _n_of_shard(n, n_rows)) for n, each in found.items())
    return Coverage(n_rows, n_indexed, n_rows > BRUTE_FORCE_UP_TO, is_possible)


def build(
    workspace: Workspace,
    set_id: int,
    *,
    report: Report = no_report,
    should_stop: Callable[[], bool] = lambda: False,
) -> Coverage:
    """Add the rows of a set that are in no shard yet, and build damaged shards anew.

    Each shard is kept as soon as it is complete; a job that is killed continues with the next one.

    Args:
        should_stop: Asked a few times a second; the shards that are complete stay.

    Raises:
        ExtraMissing: If usearch is not installed.
    """
    shard_files.refuse_without_usearch()
    vectors = stored.vectors(workspace, set_id)
    folder = shard_files.folder(workspace, set_id)
    folder.mkdir(parents=True, exist_ok=True)
    shard_files.remove_others(workspace, folder)
    reduced = _reduction(folder, vectors)
    known = shard_files.shards(folder)
    for first in range(0, len(vectors), shard_files.SHARD_ROWS):
        number = first // shard_files.SHARD_ROWS
        rows = vectors[first : first + shard_files.SHARD_ROWS]
        before = known.get(number)
        if before is not None and not shard_files.is_intact(before):
            before = None

        def told(n_done: int, first: int = first) -> bool:
            n = first + n_done
            report(PHASE, n, len(vectors), progress_text.counted(n, len(vectors), "embeddings"))
            return should_stop()

        if (before is None or before.n_rows < len(rows)) and not _build(
            folder, number, rows, reduced, before, told
        ):
            break
    return coverage(workspace, set_id)


def _build(
    folder: Path,
    number: int,
    rows: np.ndarray,
    reduced: Reduction,
    before: Shard | None,
    told: Callable[[int], bool],
) -> bool:
    """Write the shard of these rows; return False if it was stopped.

    Args:
        before: The shard with the first of the rows, None where there is none.
        told: Called with the number of rows that are done; returns whether to stop.
    """
    index, n_before = _read(before), before.n_rows if before else 0
    if index is None:
        index, n_before = _empty(reduced.n_components), 0
    first_row = number * shard_files.SHARD_ROWS
    for first in range(n_before, len(rows), _BLOCK):
        if told(first):
            return False
        vectors = neighbours.normalised(rows[first : first + _BLOCK])
        known = np.flatnonzero(vectors.any(axis=1))  # Without rows of forgotten images, which are zeros.
        keys = (first_row + first + known).astype(np.uint64)
        index.add(keys, reduced.of(vectors[known]), threads=os.cpu_count() or 1)
    unfinished = folder / f".{secrets.token_hex(8)}.unfinished"
    try:
        index.save(str(unfinished))
        shard_files.keep(folder, unfinished, number, len(rows))
    finally:
        unfinished.unlink(missing_ok=True)
    return True


def _empty(n_components: int) -> "Index":
    made: Index = importlib.import_module("usearch.index").Index(
        ndim=n_components,
        metric="l2sq",
        dtype="f16",
        connectivity=CONNECTIVITY,
        expansion_add=EXPANSION_ADD,
    )
    return made


def _read(shard: Shard | None) -> "Index | None":
    """Return a shard in memory, to be added to; None where usearch cannot read it."""
    found: Index | None = None
    if shard is not None:
        found = importlib.import_module("usearch.index").Index.restore(str(shard.file))
    if found is not None:
        found.expansion_add = EXPANSION_ADD
    return found


def _reduction(folder: Path, vectors: np.ndarray) -> Reduction:
    """Return the reduction of an index. Without it shards cannot be read, and are built anew."""
    file = folder / shard_files.REDUCTION_FILE
    known = reduction.read(file)
    if known is not None and len(known.mean) == vectors.shape[1]:
        return known
    for each in shard_files.shards(folder).values():
        each.file.unlink(missing_ok=True)
    made = reduction.fit(vectors)
    reduction.write(file, made)
    return made


def _n_of_shard(number: int, n_rows: int) -> int:
    return max(0, min(shard_files.SHARD_ROWS, n_rows - number * shard_files.SHARD_ROWS))
