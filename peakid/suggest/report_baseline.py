"""The linear probe as a baseline in the report of a run, where it was computed."""

from peakid.errors import NoEmbeddings
from peakid.evaluate.report_file.gather import Baseline
from peakid.records import Run
from peakid.store.workspace import Workspace
from peakid.suggest import linear_probe


def find(workspace: Workspace, run: Run, split: str) -> Baseline | None:
    """Return the stored score of the linear probe; None where there is none for the embeddings in use."""
    try:
        probe = linear_probe.stored_score(workspace, run, split)
    except NoEmbeddings:
        return None
    if probe is None:
        return None
    title = f"Linear probe ({probe.backbone})"
    return Baseline(title, probe.accuracy, probe.accuracy_interval, probe.n_images)
