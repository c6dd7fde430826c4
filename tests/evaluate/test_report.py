"""Evaluation reports: scores, baselines, comparisons and looks at test."""

import dataclasses

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, confusion_matrix, top_k_accuracy_score

from peakid.curate import class_merges, classes, decisions, remarks
from peakid.dataset import snapshot
from peakid.errors import BadInput, NotFound
from peakid.evaluate import report
from peakid.evaluate.comparing import compare
from peakid.evaluate.scored_images import ScoredImages
from peakid.records import Choice
from peakid.store import run_predictions, runs

ANNA = "human:anna"
NAMES = ["dom", "eiger"]


@pytest.fixture
def digests(workspace, plant):
    """Six dom, four eiger."""
    return plant({**{f"d{i}": "dom" for i in range(6)}, **{f"e{i}": "eiger" for i in range(4)}})


@pytest.fixture
def train(workspace, digests):
    """Add a run with predictions by image name: `train({"d0": "dom", ...}, split="valid")`."""

    def trained(answers=None, *, split="valid", class_names=NAMES, state="done", confidence=0.8, given=None):
        frozen = snapshot.create(workspace, actor=ANNA)
        run_id = runs.create(
            workspace,
            job_id=None,
            snapshot_id=frozen.snapshot_id,
            recipe={},
            class_names=class_names,
            seed=0,
            code_version="1",
            libraries={},
        )
        if answers:
            rest = (1 - confidence) / max(1, len(class_names) - 1)
            pred_probs = np.array(
                [
                    [confidence if name == predicted else rest for name in class_names]
                    for predicted in answers.values()
                ]
            )
            labels = [given or ("dom" if name.startswith("d") else "eiger") for name in answers]
            run_predictions.add(
                workspace,
                run_id,
                split,
                [digests[name] for name in answers],
                pred_probs,
                labels,
                is_out_of_sample=split != "train",
            )
        runs.finish(workspace, run_id, state)
        return run_id

    return trained


def all_right(digests):
    return {name: "dom" if name.startswith("d") else "eiger" for name in digests}


def test_either_class_is_correct_for_an_image_that_shows_two(workspace, digests, train):
    run_id = train(all_right(digests) | {"d0": "eiger", "d1": "eiger"})
    remarks.also(workspace, digests["d0"], "eiger", actor=ANNA)
    classes.rename(workspace, "eiger", "the eiger")  # The run still predicts eiger.
    found = report.evaluate(workspace, run_id, actor=ANNA)
    assert (found.accuracy, found.n_either) == (0.9, 1)  # d1 is still wrong.
    assert found.confusion.tolist() == [[4, 1], [0, 5]]  # Six dom, of which d0 now counts as eiger.


def test_a_report_has_the_figures_of_the_contract(workspace, digests, train):
    run_id = train(all_right(digests) | {"d0": "eiger", "d1": "eiger"})
    document = report.evaluate(workspace, run_id, actor=ANNA).to_json()
    assert (document["run_id"], document["split"], document["n_images"], document["accuracy"]) == (
        run_id,
        "valid",
        10,
        0.8,
    )
    assert document["accuracy_interval"] == pytest.approx([0.490, 0.943], abs=1e-3)  # Wilson, 8 of 10
    assert document["top5_accuracy"] is None
    assert document["ece"] == pytest.approx(0.0, abs=1e-6)  # All at .8, right 8 of 10.
    assert document["confusion"] == {"class_names": NAMES, "counts": [[4, 2], [0, 4]]}
    dom, eiger = document["per_class"]
    names = {"class_name", "precision", "recall", "f1", "support", "n_predicted"}
    assert set(dom) == {*names, "recall_interval", "precision_interval"}
    assert (dom["precision"], dom["recall"], dom["f1"], dom["support"]) == (
        1.0,
        pytest.approx(4 / 6),
        pytest.approx(0.8),
        6,
    )
    assert (eiger["precision"], eiger["recall"]) == (pytest.approx(4 / 6), 1.0)
    assert (document["chance_accuracy"], document["majority_class"], document["majority_accuracy"]) == (
        0.5,
        "dom",
        0.6,
    )


def test_top_5_accuracy_exists_for_more_than_five_classes(workspace, digests, train):
    names = [*NAMES, "f", "g", "h", "i"]
    # .8 for the answer, .04 for each other, equals in class order: the last class is sixth unless it is
    # answered.
    run_id = train({"d0": "dom", "d1": "i"}, class_names=names)
    wrong = train({"d0": "dom", "d1": "dom"}, class_names=names, given="i")
    assert report.evaluate(workspace, run_id, actor=ANNA).top5_accuracy == 1.0
    assert report.evaluate(workspace, wrong, actor=ANNA).top5_accuracy == 0.0


def test_unreviewed_and_changed_labels_are_counted(workspace, digests, train):
    run_id = train(all_right(digests))
    before = report.evaluate(workspace, run_id, actor=ANNA)
    assert (before.n_unreviewed, before.n_changed) == (10, 0)
    decisions.decide(
        workspace,
        [
            Choice(digests["d0"], "label", "eiger"),
            Choice(digests["d1"], "exclude", reason="a map"),
            Choice(digests["d2"], "label", "dom"),
        ],
        actor=ANNA,
    )
    after = report.evaluate(workspace, run_id, actor=ANNA)
    assert (after.n_unreviewed, after.n_changed, after.accuracy) == (7, 2, 1.0)


def test_every_look_at_test_is_counted_and_none_at_valid(workspace, digests, train):
    run_id = train(all_right(digests), split="test")
    assert report.evaluate(workspace, run_id, split="test", actor=ANNA).n_test_looks == 1
    assert report.evaluate(workspace, run_id, split="test", actor=ANNA).n_test_looks == 2
    other = train(all_right(digests))
    assert report.evaluate(workspace, other, actor=ANNA).n_test_looks == 0


def test_a_look_that_fails_is_not_counted(workspace, digests, train):
    run_id = train(all_right(digests))
    with pytest.raises(BadInput, match="no image in it"):
        report.evaluate(workspace, run_id, split="test", actor=ANNA)
    assert runs.show(workspace, run_id).n_test_looks == 0


def test_a_model_that_always_predicts_one_class_has_collapsed(workspace, digests, train):
    (message,) = report.evaluate(workspace, train(dict.fromkeys(digests, "dom")), actor=ANNA).warnings
    assert "collapsed" in message
    assert "'dom'" in message


def test_a_score_near_the_majority_baseline_has_a_warning(workspace, digests, train):
    (message,) = report.evaluate(
        workspace, train(all_right(digests) | {"d0": "eiger", "d1": "eiger"}), actor=ANNA
    ).warnings
    assert "Not significantly better than always predicting 'dom'" in message  # .49 is below .6


@pytest.mark.parametrize(
    ("state", "split", "message"),
    [
        ("failed", "valid", "is failed"),
        ("done", "cv", "was not cross-validated"),
        ("done", "dev", "no such split"),
        ("done", "valid", "no image in it"),
    ],
)
def test_runs_and_splits_without_predictions_are_errors(workspace, train, state, split, message):
    with pytest.raises(BadInput, match=message) as raised:
        report.evaluate(workspace, train(state=state), split=split, actor=ANNA)
    assert raised.value.remedy


def test_an_unknown_run_is_an_error(workspace):
    with pytest.raises(NotFound):
        report.evaluate(workspace, 7, actor=ANNA)


# compare ------------------------------------------------------------------------------------------


def test_two_runs_are_compared_on_common_images(workspace, digests, train):
    right = all_right(digests)
    a = train(
        {name: label for name, label in right.items() if name != "e3"}
        | {"d0": "eiger", "d1": "eiger", "e0": "dom"}
    )
    b = train({name: label for name, label in right.items() if name != "d5"} | {"e1": "dom"})
    made = compare.compare(workspace, a, b, actor=ANNA)
    # Common: d0-d4, e0-e2, 8 images; a misses d0, d1, e0; b misses e1.
    assert (made.n_common, made.accuracy_a, made.accuracy_b) == (8, 5 / 8, 7 / 8)
    assert (made.n_only_a, made.n_only_b) == (1, 3)
    # Exact McNemar: of 4 that differ, 1 or fewer, two-sided: 2 x (1 + 4) / 16
    assert made.mcnemar_p == pytest.approx(0.625)
    assert made.difference_interval[0] < 0.25 < made.difference_interval[1]
    document = compare.compare_runs(workspace, [a, b], actor=ANNA).to_json({"added": []})
    assert set(document) >= {
        "a",
        "b",
        "n_common",
        "accuracy",
        "mcnemar_p",
        "difference_interval",
        "snapshot_diff",
    }
    assert document["accuracy"] == {"a": 5 / 8, "b": 7 / 8}


def test_runs_are_compared_under_the_newest_labels(workspace, digests, train):
    a, b = train(all_right(digests)), train(all_right(digests) | {"d0": "eiger"})
    assert compare.compare(workspace, a, b, actor=ANNA).n_only_a == 1
    decisions.decide(
        workspace, [Choice(digests["d0"], "label", "eiger"), Choice(digests["d1"], "flag")], actor=ANNA
    )
    made = compare.compare(workspace, a, b, actor=ANNA)
    assert (made.n_common, made.n_only_a, made.n_only_b) == (9, 0, 1)


def test_equal_runs_have_no_difference(workspace, digests, train):
    run_id = train(all_right(digests))
    made = compare.compare(workspace, run_id, run_id, actor=ANNA)
    assert (made.mcnemar_p, made.is_real) == (1.0, False)
    assert made.difference_interval[0] == pytest.approx(-made.difference_interval[1])


def test_nine_against_none_is_significant(workspace, digests, train):
    names = list(digests)[:9]
    a = train({name: "eiger" if name.startswith("d") else "dom" for name in names})
    b = train({name: label for name, label in all_right(digests).items() if name in names})
    made = compare.compare(workspace, a, b, actor=ANNA)
    assert made.mcnemar_p == pytest.approx(2 / 2**9)
    assert made.is_real


def test_comparing_on_test_is_a_look_at_both(workspace, digests, train):
    a, b = train(all_right(digests), split="test"), train(all_right(digests), split="test")
    compare.compare(workspace, a, b, split="test", actor=ANNA)
    assert [runs.show(workspace, run_id).n_test_looks for run_id in (a, b)] == [1, 1]


def test_comparing_runs_without_a_common_image_is_an_error(workspace, digests, train):
    with pytest.raises(BadInput, match="share no labelled image"):
        compare.compare(workspace, train({"d0": "dom"}), train({"d1": "dom"}), actor=ANNA)


# on the command line --------------------------------------------------------------------------------


def test_a_run_is_evaluated_on_the_command_line(peakid, workspace, digests, train):
    run_id = train(all_right(digests) | {"d0": "eiger"}, split="test")
    answer = peakid("evaluate", run_id, "--split", "test", "--actor", "anna", "--json").json
    assert (answer["accuracy"], answer["n_test_looks"], answer["confusion"]["counts"]) == (
        0.9,
        1,
        [[5, 1], [0, 4]],
    )
    text = peakid("evaluate", run_id, "--split", "test").out
    assert "accuracy 90 % (60-98 %, n = 10)" in text
    assert "dom predicted as eiger (1 of 6)." in text
    [row] = [line.split() for line in text.splitlines() if "confusion:" in line]
    assert row[:5] == ["dom", "eiger", "1", "of", "6"]
    assert [each["digest"] for each in peakid("queue", row[5], "--json").json] == [digests["d0"]]
    refused = peakid("evaluate", run_id, "--split", "cv")
    assert (refused.code, refused.err.count("\n")) == (1, 1)


def test_two_runs_are_compared_on_the_command_line_with_what_changed_in_the_data(
    peakid, workspace, digests, train
):
    a = train(all_right(digests) | {"d0": "eiger"})
    decisions.decide(workspace, [Choice(digests["e3"], "exclude", reason="a map")], actor=ANNA)
    b = train({name: label for name, label in all_right(digests).items() if name != "e3"})
    answer = peakid("compare", a, b, "--json").json
    assert (answer["n_common"], answer["accuracy"]["b"]) == (9, 1.0)
    assert [row["digest"] for row in answer["snapshot_diff"]["removed"]] == [digests["e3"]]
    assert "not significant" in peakid("compare", a, b).out


def test_a_run_is_compared_and_reported_after_its_classes_were_renamed_and_merged(workspace, digests, train):
    a, b = train(all_right(digests) | {"d0": "eiger"}), train(all_right(digests))
    classes.rename(workspace, "dom", "Dom")
    made = compare.compare(workspace, a, b, actor=ANNA)
    assert (made.n_common, made.accuracy_a, made.accuracy_b) == (10, 0.9, 1.0)  # As before the rename.
    class_merges.merge(workspace, "Dom", "eiger", actor=ANNA)
    merged = compare.compare(workspace, a, b, actor=ANNA)
    assert (merged.n_common, merged.accuracy_a, merged.accuracy_b) == (
        10,
        1.0,
        1.0,
    )  # Predicting one as the other is not an error now.
    assert report.evaluate(workspace, a, actor=ANNA).to_json()["confusion"]["class_names"] == [
        "dom",
        "eiger",
    ]  # The names at the time of training.


def averaged(workspace, run_id, split, digests, answers, n_views=4):
    """Store averaged predictions, each with .9, as `peakid tta` does."""
    probabilities = np.array(
        [[0.9 if name == predicted else 0.1 for name in NAMES] for predicted in answers.values()],
        dtype=np.float32,
    )
    run_predictions.add_tta(
        workspace, run_id, {split: ([digests[name] for name in answers], probabilities)}, n_views=n_views
    )


def test_averaged_predictions_are_scored_without_changing_the_plain_score(workspace, digests, train):
    run_id = train(all_right(digests) | {"d0": "eiger", "d1": "eiger"})
    averaged(workspace, run_id, "valid", digests, all_right(digests) | {"e0": "dom"})
    found = report.evaluate(workspace, run_id, with_tta=True, actor=ANNA)
    assert (found.accuracy, found.tta.plain_accuracy, found.tta.n_views) == (0.9, 0.8, 4)
    assert (found.tta.n_only_views, found.tta.n_only_plain) == (2, 1)  # d0 and d1 became correct, e0 wrong.
    assert found.tta.mcnemar_p == 1.0  # 1 of 3: any split of three is as likely.
    assert found.confusion.tolist() == [[6, 0], [1, 3]]
    assert found.ece == pytest.approx(0.0, abs=1e-6)  # All at .9, right 9 of 10.
    assert found.to_json()["tta"]["plain_accuracy"] == 0.8
    plain = report.evaluate(workspace, run_id, actor=ANNA)
    assert (plain.accuracy, plain.tta, plain.to_json()["tta"]) == (0.8, None, None)


def test_runs_are_compared_by_their_plain_predictions(workspace, digests, train):
    a, b = train(all_right(digests)), train(all_right(digests) | {"d0": "eiger"})
    averaged(workspace, b, "valid", digests, all_right(digests))
    assert compare.compare(workspace, a, b, actor=ANNA).accuracy_b == 0.9


def test_a_look_at_the_averaged_test_score_is_a_look_at_test(workspace, digests, train):
    run_id = train(all_right(digests), split="test")
    with pytest.raises(BadInput):
        report.evaluate(workspace, run_id, split="test", with_tta=True, actor=ANNA)
    averaged(workspace, run_id, "test", digests, all_right(digests))
    assert (
        report.evaluate(workspace, run_id, split="test", with_tta=True, actor=ANNA).n_test_looks == 1
    )  # The failed look is not counted.
    assert report.evaluate(workspace, run_id, split="test", actor=ANNA).n_test_looks == 2


def test_a_forgotten_image_keeps_its_plain_prediction(workspace, digests, train):
    run_id = train(all_right(digests) | {"d0": "eiger", "d1": "eiger"})
    averaged(
        workspace,
        run_id,
        "valid",
        digests,
        {name: label for name, label in all_right(digests).items() if name != "d0"},
    )
    assert report.evaluate(workspace, run_id, with_tta=True, actor=ANNA).accuracy == 0.9  # d0 is still wrong.


@pytest.mark.parametrize(
    ("split", "message"),
    [
        ("valid", r"not computed yet for valid\. Compute it first"),
        ("train", "not for train"),
        ("cv", "keeps no model"),
    ],
)
def test_missing_averaged_predictions_are_an_error_with_a_remedy(workspace, digests, train, split, message):
    run_id = train(all_right(digests), split=split)
    with pytest.raises(BadInput, match=message):
        report.evaluate(workspace, run_id, split=split, with_tta=True, actor=ANNA)


def test_a_model_refitted_on_validation_is_scored_there_by_the_model_before_it(workspace, digests, train):
    run_id = train(all_right(digests) | {"d0": "eiger"})
    of_saved = np.full((10, len(NAMES)), 0.5, dtype=np.float32)
    run_predictions.add_refit(workspace, run_id, list(digests.values()), of_saved)
    assert report.evaluate(workspace, run_id, actor=ANNA).accuracy == 0.9
    with pytest.raises(BadInput, match="refitted on its validation images") as error:
        report.evaluate(workspace, run_id, with_tta=True, actor=ANNA)
    assert [each.kind for each in error.value.actions] == ["evaluate"]


def test_top_5_accuracy_uses_the_averaged_predictions(workspace, digests, train):
    names = [*NAMES, "f", "g", "h", "i"]
    run_id = train(
        {"d0": "dom"}, class_names=names, given="i"
    )  # The last of six equals: not among the first five.
    assert report.evaluate(workspace, run_id, actor=ANNA).top5_accuracy == 0.0
    run_predictions.add_tta(
        workspace,
        run_id,
        {"valid": ([digests["d0"]], np.array([[0.1, 0, 0, 0, 0, 0.9]], dtype=np.float32))},
        n_views=1,
    )
    assert report.evaluate(workspace, run_id, with_tta=True, actor=ANNA).top5_accuracy == 1.0


def test_a_report_on_arrays_agrees_with_scikit_learn(workspace, digests, train):
    run_id = train(all_right(digests))
    run, rng, names = runs.show(workspace, run_id), np.random.default_rng(3), [f"c{k}" for k in range(8)]
    given, pred_probs = rng.integers(0, 8, 400), rng.dirichlet(np.ones(8), 400).astype(np.float32)
    images = ScoredImages(
        run_id=run_id,
        split="valid",
        class_names=tuple(names),
        digests=tuple(f"{n:064x}" for n in range(400)),
        image_ids=np.arange(400),
        given=given.astype(np.int32),
        newest=given.astype(np.int32),
        is_reviewed=np.zeros(400, dtype=bool),
        also_shows=np.zeros(400, dtype=bool),
        groups=np.arange(400),
        pred_probs=pred_probs,
    )
    renamed = dataclasses.replace(run, class_names=names)
    found = report.of_images(workspace, renamed, images)
    predicted = pred_probs.argmax(axis=1)
    assert found.accuracy == accuracy_score(given, predicted)
    assert found.confusion.tolist() == confusion_matrix(given, predicted, labels=range(8)).tolist()
    assert found.top5_accuracy == pytest.approx(top_k_accuracy_score(given, pred_probs, k=5))
    without = dataclasses.replace(images, has_all_probabilities=False)
    assert report.of_images(workspace, renamed, without).top5_accuracy is None
