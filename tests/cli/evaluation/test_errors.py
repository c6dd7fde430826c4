"""`peakid errors`, `peakid confusion` and `peakid mergeable`: the Errors tab on the command line."""

import csv
import io

import pytest

from peakid.curate import decisions
from peakid.dataset import snapshot as snapshots
from peakid.records import Choice
from peakid.store import runs
from tests import planted_runs


@pytest.fixture
def run_id(workspace, frozen, add_run):
    return add_run(frozen, n_wrong=2)  # 2 of 4 rivers of valid are predicted as sea; 3 seas are right.


@pytest.fixture
def alike(workspace, fill):
    """A run that takes half of two classes for each other, of four classes with 20 images each in valid."""
    fill(**{"c" + "x" * n: 40 for n in range(4)})
    frozen = snapshots.create(
        workspace, name="", actor="human:anna", fractions={"train": 0.4, "valid": 0.5, "test": 0.1}
    )
    first, second = frozen.class_names[:2]
    return planted_runs.plant(workspace, frozen, {first: second, second: first}, per_class=8)


def test_errors_are_listed_with_their_queue_and_the_runs_that_are_out_of_date(peakid, workspace, run_id):
    document = peakid("errors", run_id, "--json").json
    assert (document["n_images"], document["n_errors"], document["queue"]) == (7, 2, "errors:1:valid")
    first = document["errors"][0]
    assert (first["given_label"], first["predicted_label"], first["newest_label"]) == (
        "river",
        "sea",
        "river",
    )
    assert first["confidence"] == pytest.approx(0.9)
    assert (document["outdated_runs"], document["often_predicted"]) == ([], [])
    assert len(peakid("errors", run_id, "--limit", 1, "--json").json["errors"]) == 1
    decisions.decide(workspace, [Choice(first["digest"], "label", "sea")], actor="human:anna")
    assert peakid("errors", run_id, "--json").json["outdated_runs"] == [
        {"run_id": 1, "n_trained": 0, "n_scored": 1}
    ]
    text = peakid("errors", run_id).out
    assert "2 errors on 7 images of valid" in text
    assert "Run 1 is scored against 1 label that has changed since." in text
    assert "peakid queue errors:1:valid" in text
    why = peakid("errors", run_id, "--explain", first["digest"][:12], "--json").json
    assert why["sentences"] == ["Run 1 predicts sea (90 %).", "anna has given or confirmed its label."]


def test_a_look_at_the_errors_of_test_is_counted(peakid, workspace, run_id):
    peakid("errors", run_id, "--split", "test")
    peakid("confusion", run_id, "--split", "test")
    assert runs.show(workspace, run_id).n_test_looks == 2


def test_the_matrix_is_printed_and_written_as_csv(peakid, run_id, tmp_path):
    rows = list(csv.reader(io.StringIO(peakid("confusion", run_id, "--order", "name").out)))
    assert rows == [["given label / predicted label", "river", "sea"], ["river", "2", "2"], ["sea", "0", "3"]]
    document = peakid("confusion", run_id, "--values", "rows", "--json").json
    assert (document["class_names"], document["cells"]) == (["river", "sea"], [[0.5, 0.5], [0, 1]])
    file = tmp_path / "matrix.csv"
    assert peakid("confusion", run_id, "--values", "columns", "--out", file, "--json").json["out"] == str(
        file
    )
    assert file.read_text().splitlines()[1] == "river,1.000000,0.400000"
    refused = peakid("confusion", run_id, "--out", file)
    assert refused.code == 1
    assert "exists already" in refused.err


def test_classes_that_look_the_same_are_listed_with_the_score_after_merging(peakid, alike):
    [found] = peakid("mergeable", alike, "--json").json
    assert found["class_names"] == ["c", "cx"]
    assert (found["n_vanishing"], found["n_images"], found["accuracy_after"]) == (16, 80, 1)
    assert found["accuracy_before"] == pytest.approx(64 / 80)
    text = peakid("mergeable", alike).out
    assert "c and cx are taken for each other in 16 of 16 errors" in text
    assert "Accuracy 80 % (70-87 %, n = 80) as it is, 100 % (95-100 %, n = 80) with one class" in text


def test_without_confusable_classes_it_says_so(peakid, run_id):
    assert (
        "No classes are taken for each other more often than chance explains."
        in peakid("mergeable", run_id).out
    )
