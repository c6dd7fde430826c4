"""The commands `trust` and `threshold`: what they print and what they refuse."""

import pytest

from peakid.dataset import snapshot
from tests import planted_runs

ANNA = "human:anna"


@pytest.fixture
def run_id(workspace, plant):
    plant({**{f"d{i}": "dom" for i in range(20)}, **{f"e{i}": "eiger" for i in range(20)}})
    return planted_runs.plant(workspace, snapshot.create(workspace, actor=ANNA), {"dom": "eiger"})


def test_trust_prints_every_score_with_its_interval(run_id, peakid):
    found = peakid("trust", run_id, "--json").json
    names = [each["name"] for each in found["scores"]]
    assert names == ["accuracy", "balanced_accuracy", "macro_f1", "log_loss", "brier", "overconfidence"]
    assert found["split"] == "valid"
    low, high = found["scores"][0]["interval"]
    assert low < found["scores"][0]["value"] < high
    assert {"bins", "curve", "conformal", "temperature", "point", "ece"} <= set(found)
    text = peakid("trust", run_id).out
    assert "Macro F1" in text
    assert "No threshold is chosen: exports answer every image." in text


def test_a_look_at_test_is_counted(run_id, peakid):
    assert peakid("trust", run_id, "--split", "test", "--json").json["n_test_looks"] == 1
    assert "Looks at the test score of this run: 2" in peakid("trust", run_id, "--split", "test").out


def test_a_threshold_is_shown_chosen_and_removed(run_id, peakid):
    assert peakid("threshold", run_id, "--json").json == {"run_id": run_id, "threshold": None}
    found = peakid("threshold", run_id, "--set", "0.81", "--json").json
    assert (found["threshold"], found["temperature"]) == (0.81, 1.0)
    assert found["valid"]["n_answered"] == found["valid"]["n_images"]
    assert "abstain below 0.810. At 0.81 it answers 100 % of photos" in peakid("threshold", run_id).out
    assert "At 0.81 it answers" in peakid("trust", run_id).out
    assert "has no threshold" in peakid("threshold", run_id, "--remove").out


def test_an_accuracy_that_few_images_cannot_show_is_refused(run_id, peakid):
    refused = peakid("threshold", run_id, "--accuracy", "0.97")
    assert refused.code == 1
    assert "No threshold can be shown to reach 97 %" in refused.err
    both = peakid("threshold", run_id, "--accuracy", "0.97", "--set", "0.5")
    assert "exclude each other" in both.err
