"""Snapshots of real photo folders; skipped where they are absent."""

import pytest

from peakid.acquire import folder
from peakid.curate.duplicates import find
from peakid.dataset import snapshot

ANNA = "human:anna"


@pytest.mark.slow
def test_intel_scenes_keep_their_imported_test_split_and_get_a_valid_from_train(workspace, real_data):
    folder.import_folder(workspace, real_data / "data" / "intel6", actor="import:folder")
    find.scan(workspace)
    made = snapshot.create(workspace, actor=ANNA)
    imported = {
        row["digest"]: row["split"]
        for row in workspace.query(
            "SELECT i.digest, o.split FROM origin o JOIN image i ON i.id = o.image_id"
            " WHERE o.split IS NOT NULL"
        )
    }
    for item in snapshot.items(workspace):
        assert (item.split == "test") == (imported[item.digest] == "test")
    n_train = sum(split == "train" for split in imported.values())
    # Valid's share of what is not test: .15 / .85
    assert abs(made.splits["valid"] - n_train * 0.15 / 0.85) <= 2 * len(made.class_names)
    assert len(made.class_names) == 6
    leaking = {leak["group_key"] for leak in snapshot.leaks(workspace)}
    assert len(leaking) == made.n_leaks


@pytest.mark.slow
def test_otters_are_split_by_shares_without_a_leak(workspace, real_data):
    folder.import_folder(workspace, real_data / "data" / "otters", actor="import:folder")
    find.scan(workspace)
    made = snapshot.create(workspace, actor=ANNA)
    assert (made.n_images, made.class_names, made.n_leaks) == (348, ["river", "sea"], 0)
    for name, share in {"train": 0.7, "valid": 0.15, "test": 0.15}.items():
        assert abs(made.splits[name] / 348 - share) < 0.02
    assert snapshot.verify(workspace) == 348
