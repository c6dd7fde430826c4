"""Which runs go back to which: a run that started from the model of another one learned its images, too."""

from collections.abc import Collection, Iterable

from peakid.recipe import loading
from peakid.records import Run


def parents(runs: Iterable[Run]) -> dict[int, int]:
    """Return the run that each run started from, for those that started from one.

    A run that has not ended says it in its recipe only.
    """
    found = {run.run_id: _parent(run) for run in runs}
    return {run_id: parent for run_id, parent in found.items() if parent is not None}


def ancestors(run_id: int, parent_of: dict[int, int]) -> list[int]:
    """Return the runs whose models a run goes back to, nearest first, without itself."""
    found: list[int] = []
    each = parent_of.get(run_id)
    while each is not None and each not in found and each != run_id:  # A restored backup may hold a circle.
        found.append(each)
        each = parent_of.get(each)
    return found


def built_on(run_ids: Collection[int], parent_of: dict[int, int]) -> dict[int, int]:
    """Return the runs that go back to one of some runs, without these, with that run: the nearest of them."""
    found = {}
    for run_id in parent_of.keys() - set(run_ids):
        nearest = next((each for each in ancestors(run_id, parent_of) if each in run_ids), None)
        if nearest is not None:
            found[run_id] = nearest
    return dict(sorted(found.items()))


def _parent(run: Run) -> int | None:
    weights = run.starting_weights
    if weights is not None:
        return weights.run_id if weights.kind == "run" else None
    return loading.run_of(str(run.recipe.get("pretrained", "")))
