"""Pages load the predictions of a run once, and again after a decision."""

import pytest

from peakid.curate import decisions
from peakid.dataset import snapshot
from peakid.records import Choice
from peakid.store import runs
from peakid.web.evaluation import loaded_images
from tests import planted_runs

ANNA = "human:anna"


@pytest.fixture
def run(workspace, fill):
    fill(river=20, sea=20)
    frozen = snapshot.create(workspace, actor=ANNA)
    return runs.show(workspace, planted_runs.plant(workspace, frozen, {"river": "sea"}))


def test_they_are_loaded_again_only_after_a_decision(workspace, run):
    first = loaded_images.load(workspace, run, "valid", with_tta=False)
    assert loaded_images.load(workspace, run, "valid", with_tta=False) is first
    decisions.decide(workspace, [Choice(first.digests[0], "exclude", reason="a map")], actor=ANNA)
    after = loaded_images.load(workspace, run, "valid", with_tta=False)
    assert (first.has_changed.sum(), after.has_changed.sum()) == (0, 1)


def test_only_the_newest_are_kept(workspace, run):
    first = loaded_images.load(workspace, run, "valid", with_tta=False)
    for split in ("train", "test"):
        loaded_images.load(workspace, run, split, with_tta=False)
    assert len(loaded_images._kept) == loaded_images.MOST_KEPT
    assert loaded_images.load(workspace, run, "valid", with_tta=False) is not first
