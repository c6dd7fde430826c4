"""An export of 8 bits is calibrated with training images of every class."""

from collections import Counter
from collections.abc import Callable

from peakid.dataset import snapshot as snapshots
from peakid.jobs.tasks import calibration
from peakid.records import Snapshot
from peakid.store import runs
from peakid.store.workspace import Workspace


def test_training_images_are_chosen_evenly_over_the_classes(
    workspace: Workspace, frozen: Snapshot, add_run: Callable[..., int]
) -> None:
    run = runs.show(workspace, add_run(frozen))
    items = {item.digest: item for item in snapshots.items(workspace, frozen.digest)}
    training = Counter(item.label for item in items.values() if item.split == "train")
    found = calibration.chosen(workspace, run, 5)
    assert len(set(found)) == 5
    assert {items[digest].split for digest in found} == {"train"}
    by_class = Counter(items[digest].label for digest in found)
    for name, n in training.items():
        assert abs(by_class[name] - 5 * n / training.total()) < 1
    assert sorted(calibration.chosen(workspace, run, 1000)) == sorted(
        digest for digest, item in items.items() if item.split == "train"
    )
