"""Comparisons of runs, computed once and stored: of a million images one takes many seconds.

A file for each choice of runs and split in the folder of the last of them.
"""

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from peakid import documents, files
from peakid.documents import UnreadableDocument
from peakid.errors import DiskError, PeakidError
from peakid.evaluate import figures, figures_state, report
from peakid.evaluate.comparing import compare
from peakid.evaluate.comparing.compare import RunsCompared
from peakid.evaluate.figures_state import FiguresState
from peakid.records import Run
from peakid.store import runs
from peakid.store.workspace import Workspace

VERSION = 2  # Of the file; another one is computed again.


@dataclass(frozen=True)
class StoredComparison:
    """A comparison and the state of each of its runs; `is_current`: whether nothing has changed since."""

    version: int
    found: RunsCompared
    states: tuple[FiguresState, ...]
    is_current: bool = True


def compute(workspace: Workspace, compared: Sequence[Run], split: str) -> StoredComparison:
    """Compare runs and store it. It counts no look at test: the caller does.

    Raises:
        BadInput: If the runs share no image of the split with a class of all.
    """
    states = tuple(figures_state.read(workspace, run, split) for run in compared)
    stored = StoredComparison(VERSION, compare.without_look(workspace, compared, split), states)
    if not workspace.is_read_only:
        with contextlib.suppress(OSError, DiskError):  # It is shown anyway, and computed again next time.
            path = _path(workspace, compared, split)
            files.write_json(path, _adapter().dump_python(stored, mode="json"))
    return stored


def stored(workspace: Workspace, compared: Sequence[Run], split: str) -> StoredComparison | None:
    """Return the stored comparison, which may be out of date; None where there is none."""
    try:
        kept = _adapter().validate_python(documents.read_json(_path(workspace, compared, split)))
    except (OSError, UnreadableDocument, ValidationError):
        return None  # It is computed again.
    now = tuple(figures_state.read(workspace, run, split) for run in compared)
    if kept.version != VERSION or [each.predictions for each in kept.states] != [
        each.predictions for each in now
    ]:
        return None
    is_same = list(map(_without_judgements, kept.states)) == list(map(_without_judgements, now))
    is_current = is_same and not any(
        figures_state.n_judged_since(workspace, run, split, state)
        for run, state in zip(compared, kept.states, strict=True)
    )
    return replace(kept, is_current=is_current)


def of_runs(workspace: Workspace, compared: Sequence[Run], split: str) -> StoredComparison:
    """Return the comparison; of many images a stored one, which may be out of date.

    Raises:
        BadInput: If the runs share no image of the split with a class of all.
    """
    kept = stored(workspace, compared, split)
    if kept is not None and (kept.is_current or not figures.is_cheap(workspace, compared[-1], split)):
        return kept
    return compute(workspace, compared, split)


def renew(workspace: Workspace, run: Run, split: str) -> None:
    """Compute again what is stored of a run and out of date, and what it is compared with at first."""
    every = {each.run_id: each for each in runs.list_runs(workspace)}
    wanted = set(_kept(workspace, run, split))
    if earlier := [each for each in sorted(every) if each < run.run_id and every[each].has_score]:
        wanted.add((earlier[-1], run.run_id))
    for run_ids in sorted(wanted):
        chosen = [every[each] for each in run_ids if each in every]
        kept = stored(workspace, chosen, split) if len(chosen) == len(run_ids) else None
        if len(chosen) == len(run_ids) and (kept is None or not kept.is_current):
            with contextlib.suppress(PeakidError):  # Runs without a common image have no comparison.
                compute(workspace, chosen, split)


def _kept(workspace: Workspace, run: Run, split: str) -> Iterator[tuple[int, ...]]:
    for file in runs.folder(workspace, run.run_id).glob(f"compared_{split}_*.json"):
        numbers = file.stem.removeprefix(f"compared_{split}_").split("-")
        if all(each.isdecimal() for each in numbers):
            yield tuple(map(int, numbers))


@cache
def _adapter() -> TypeAdapter[StoredComparison]:
    return TypeAdapter(StoredComparison)


def _without_judgements(state: FiguresState) -> FiguresState:
    return replace(state, decision_id=0, remark_id=0)


def _path(workspace: Workspace, compared: Sequence[Run], split: str) -> Path:
    numbers = "-".join(str(run.run_id) for run in compared)
    last = compared[-1].run_id
    return runs.folder(workspace, last) / f"compared_{report.checked_split(last, split)}_{numbers}.json"
