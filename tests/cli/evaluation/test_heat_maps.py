"""The commands of heat maps keep their JSON."""

import numpy as np
import pytest
from PIL import Image

from peakid.dataset import snapshot as snapshots
from peakid.evaluate import scored_images
from peakid.jobs import presence
from peakid.run_records import HeatCheck
from peakid.store import images, runs
from peakid.store.evaluation import heat_maps

GOOD = HeatCheck(0.93, 0.41, 2.9, 0.3, 0.025, 1 / 21, 0.2, 0.1)
KEYS = {
    *("is_trusted", "doubt", "reason", "probability", "hidden_probability", "lost", "lost_elsewhere"),
    *("p_regions", "p_networks", "similarity", "hot_share", "heat_shares"),
}


@pytest.fixture
def run_id(workspace, frozen, add_run):
    run_id = add_run(frozen, n_wrong=1)
    scored = scored_images.load(workspace, runs.show(workspace, run_id), "valid")
    heat = np.zeros((32, 32), dtype=np.uint8)
    heat[-4:, -4:] = 255
    made = [
        heat_maps.HeatMap(digest, int(scored.predicted[n]), heat, GOOD)
        for n, digest in enumerate(scored.digests)
    ]
    heat_maps.add(workspace, run_id, made)
    return run_id


def test_the_maps_of_a_run_are_listed_with_their_tests_and_shares(peakid, workspace, run_id):
    found = peakid("heat-maps", run_id, "--list", "--json").json
    assert (found["run_id"], found["split"], found["n_maps"], found["n_trusted"]) == (run_id, "valid", 7, 7)
    assert found["maps"][0].keys() == {"digest", "class_name", "given", "predicted", "is_right", *KEYS}
    assert found["maps"][0]["heat_shares"]["bottom right"] == 1.0
    assert all(
        each.keys() == {"class_name", "region", "n", "share", "interval", "even", "p", "is_shortcut"}
        for each in found["heat_shares"]
    )
    text = peakid("heat-maps", run_id, "--list").out
    assert "7 of 7 heat maps of 7 images passed their tests." in text


def test_maps_of_the_test_split_count_as_a_look_at_it(peakid, workspace, run_id):
    peakid("heat-maps", run_id, "--list", "--split", "test", "--json")
    assert runs.show(workspace, run_id).n_test_looks == 1


def test_what_cannot_be_explained_is_refused_with_a_remedy(peakid, workspace, run_id, tmp_path):
    lock = presence.take(workspace)
    assert lock is not None
    digest = scored_images.load(workspace, runs.show(workspace, run_id), "valid").digests[0]
    out = tmp_path / "map.png"
    answer = peakid("gradcam", run_id, digest, "--class", "rivr", "--out", out)
    assert answer.code == 1
    assert "Did you mean 'river'?" in answer.err
    assert "There is no run" in peakid("heat-maps", 99, "--list").err
    assert not out.exists()


@pytest.mark.slow
def test_the_map_of_one_image_is_drawn_into_a_file(peakid, workspace, tmp_path, monkeypatch):
    from peakid.acquire import folder
    from tests import planted_models  # It loads torch.

    monkeypatch.setenv("PEAKID_WORKER_IDLE_S", "1")
    for name, is_marked in (("plain", False), ("marked", True)):
        for n in range(12):
            path = tmp_path / "photos" / f"{'z' if is_marked else 'a'}-{name}" / f"{n}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(planted_models.photo(n + 100 * is_marked, is_marked=is_marked))
    folder.import_folder(workspace, tmp_path / "photos", actor="human:anna")
    run_id = planted_models.plant(workspace, snapshots.create(workspace, actor="human:anna"))
    digest = next(
        row["digest"]
        for row in workspace.query(
            "SELECT digest FROM image i JOIN origin o ON o.image_id = i.id WHERE path LIKE 'z-%'"
        )
    )
    out = tmp_path / "map.png"
    found = peakid("gradcam", run_id, digest[:12], "--out", out, "--opacity", "0.8", "--json").json
    assert found.keys() == {"run_id", "digest", "class_name", "out", *KEYS}
    assert (found["digest"], found["class_name"], found["is_trusted"]) == (digest, "z-marked", True)
    drawn = np.asarray(Image.open(out)).astype(int)
    plain = np.asarray(Image.open(images.image_path(workspace, digest)).resize(drawn.shape[1::-1])).astype(
        int
    )
    changed = np.abs(drawn - plain).sum(axis=2)
    assert changed[240:, 240:].mean() > 100 > 20 > changed[:160, :160].mean()
