"""The job that collects photos scans them while more arrive."""

from collections.abc import Callable

from peakid.jobs.collecting.job import ScanAsTheyCome
from peakid.store import comparisons
from peakid.store.workspace import Workspace


def test_new_images_are_scanned_before_all_have_come(
    workspace: Workspace, fill: Callable[..., list[str]]
) -> None:
    after_batch = ScanAsTheyCome(workspace, every=2)
    fill(river=1)
    after_batch(1)
    assert comparisons.n_missing(workspace) == 1
    fill(pond=2)
    after_batch(3)
    assert comparisons.n_missing(workspace) == 0
    fill(meadow=1)
    after_batch(4)
    assert comparisons.n_missing(workspace) == 1, "one more is too few for another scan"
