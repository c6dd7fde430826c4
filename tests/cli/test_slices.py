"""`peakid slices`: the same slices as on the page, as JSON and as text."""

import pytest

from peakid.curate.queues import review_queue
from peakid.store import runs


@pytest.fixture
def run_id(frozen, add_run) -> int:
    return add_run(frozen, n_wrong=3)


def test_the_document_has_the_slices_of_each_property(peakid, run_id):
    document = peakid("slices", run_id, "--json").json
    assert {"run_id", "split", "n_images", "accuracy", "accuracy_interval", "worst", "properties"} <= set(
        document
    )
    [of_class] = [each for each in document["properties"] if each["property"] == "class"]
    river, sea = of_class["slices"]
    assert (river["value"], river["n_images"], river["n_errors"], river["accuracy"]) == ("river", 4, 3, 0.25)
    assert (sea["n_errors"], sea["p_value"], sea["difference"]) == (0, None, None)
    assert river["interval"][0] < 0.25 < river["interval"][1]
    assert "tag" in {each["property"] for each in document["missing"]}


def test_properties_are_chosen_and_crossed(peakid, run_id):
    document = peakid("slices", run_id, "--by", "class,source", "--split", "train", "--json").json
    assert [each["property"] for each in document["properties"]] == ["class"]  # All have one source.
    assert [each["property"] for each in document["missing"]] == ["source"]
    refused = peakid("slices", run_id, "--by", "klass")
    assert refused.code == 1
    assert "There is no property 'klass'. Did you mean 'class'?" in refused.err


def test_the_errors_of_a_slice_become_a_queue(peakid, run_id, workspace):
    queue = peakid("slices", run_id, "--errors-of", "river", "--json").json["queue"]
    assert len(review_queue.image_ids(workspace, queue)) == 3
    text = peakid("slices", run_id, "--errors-of", "sea").err
    assert "The slice 'sea' has no errors." in text
    assert "There is no slice 'lake'." in peakid("slices", run_id, "--errors-of", "lake").err


def test_a_look_at_the_slices_of_test_is_counted_once(peakid, run_id, workspace):
    peakid("slices", run_id)
    assert runs.show(workspace, run_id).n_test_looks == 0
    assert "on test: accuracy" in peakid("slices", run_id, "--split", "test").out
    assert runs.show(workspace, run_id).n_test_looks == 1


def test_a_run_without_predictions_is_refused_in_words(peakid, run_id):
    refused = peakid("slices", run_id, "--split", "cv")
    assert refused.code == 1
    assert "was not cross-validated" in refused.err
