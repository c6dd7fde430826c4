"""Keep the predictions that pages loaded last, so that a click on Evaluate does not load them again."""

from collections import OrderedDict
from threading import Lock

from peakid.evaluate import figures_state, scored_images
from peakid.evaluate.scored_images import ScoredImages
from peakid.records import Run
from peakid.store.workspace import Workspace

MOST_KEPT = 2  # Runs and splits; a million images take some 400 MB besides their probabilities.
_Key = tuple[object, ...]
_kept: OrderedDict[_Key, ScoredImages] = OrderedDict()
_lock = Lock()


def load(workspace: Workspace, run: Run, split: str, *, with_tta: bool) -> ScoredImages:
    """Return the predictions of a run for a split, as they are after the newest decision. Do not change them.

    Raises:
        NotFound: If the run has no predictions for the split.
        RunDamaged: If a file of its probabilities cannot be read.
    """
    state = figures_state.read(workspace, run, split, with_tta=with_tta)
    key: _Key = (workspace.path, run.run_id, split, with_tta, state)
    with _lock:
        if key in _kept:
            _kept.move_to_end(key)
            return _kept[key]
    found = scored_images.load(workspace, run, split, with_tta=with_tta)
    with _lock:
        for old in [each for each in _kept if each[:4] == key[:4]]:  # Of earlier decisions.
            del _kept[old]
        _kept[key] = found
        while len(_kept) > MOST_KEPT:
            _kept.popitem(last=False)
    return found
