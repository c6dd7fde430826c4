"""Predictions of another program become a run, or are refused with all that does not fit."""

import csv

import numpy as np
import pytest

from peakid.curate import classes
from peakid.dataset import snapshot
from peakid.errors import BadInput
from peakid.evaluate import predictions_import, report, run_scores, scored_images
from peakid.evaluate.comparing import compare
from peakid.store import runs
from tests import planted_runs

ANNA = "human:anna"
NAMES = ("dom", "eiger", "lyskamm")


@pytest.fixture
def frozen(workspace, plant):
    plant({f"{name}{n}": name for name in NAMES for n in range(12)})
    return snapshot.create(workspace, actor=ANNA)


@pytest.fixture
def write(workspace, frozen, tmp_path):
    """Write a table with a row of probabilities for each image of some splits; `change` alters the rows."""

    def written(change=lambda rows: rows, *, splits=("valid", "test"), columns=("digest", *NAMES)):
        rows = []
        for item in snapshot.items(workspace, frozen.digest):
            if item.split in splits:
                rows.append([item.digest, *(0.8 if name == item.label else 0.1 for name in NAMES)])
        file = tmp_path / "other model.csv"
        with file.open("w", newline="") as out:
            csv.writer(out).writerows([columns, *change(rows)])
        return file

    return written


def imported(workspace, frozen, file, **options):
    return predictions_import.import_predictions(workspace, file, frozen, actor=ANNA, **options)


def first(value):
    """Replace the first probability of the first row."""
    return lambda rows: [[rows[0][0], value, *rows[0][2:]], *rows[1:]]


def test_a_table_of_probabilities_is_evaluated_and_compared_like_a_run(workspace, frozen, write):
    def two_wrong(rows):
        return [[name, *numbers[1:], numbers[0]] for name, *numbers in rows[:2]] + rows[2:]

    made = imported(workspace, frozen, write(two_wrong, splits=("valid",)))
    n = frozen.splits["valid"]
    assert (made.name, made.n_images, made.n_missing) == ("other model", {"valid": n}, {})
    run = runs.show(workspace, made.run_id)
    assert (run.is_imported, run.has_score, run.has_model, run.state) == (True, True, False, "done")
    scored = report.evaluate(workspace, made.run_id, actor=ANNA)
    assert (scored.n_images, scored.accuracy) == (n, pytest.approx((n - 2) / n))
    assert run_scores.of(run, frozen).share == pytest.approx((n - 2) / n)
    ours = planted_runs.plant(workspace, frozen, {})
    assert compare.compare(workspace, ours, made.run_id, actor=ANNA).n_only_a == 2
    with pytest.raises(BadInput, match="imported predictions of run 1 have no image of test"):
        report.evaluate(workspace, made.run_id, split="test", actor=ANNA)


def test_a_label_and_its_confidence_are_enough_and_said_to_be_less(workspace, frozen, write):
    def labels(rows):
        return [[name, NAMES[int(np.argmax(numbers))], 0.7] for name, *numbers in rows]

    made = imported(workspace, frozen, write(labels, columns=("path", "Predicted_label", "confidence")))
    assert not made.has_all_probabilities
    run = runs.show(workspace, made.run_id)
    images = scored_images.load(workspace, run, "valid")
    assert images.is_right.all()
    assert not images.has_all_probabilities
    assert images.pred_probs[0] == pytest.approx([0.7 if k == images.given[0] else 0.15 for k in range(3)])
    assert [each.kind for each in run.warnings] == ["incomplete"]


def test_parquet_and_earlier_names_of_classes_are_read(workspace, frozen, write, tmp_path):
    import pandas as pd

    classes.rename(workspace, "dom", "Dom (VS)")
    file = tmp_path / "m.parquet"
    table = pd.read_csv(write()).rename(columns={"dom": "prob_Dom (VS)", "digest": "sha256"})
    table.to_parquet(file)
    made = imported(workspace, frozen, file, name=" Ours, last year ")
    assert made.name == "Ours, last year"
    assert report.evaluate(workspace, made.run_id, actor=ANNA).accuracy == 1.0


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (first("nan"), "1 row has a value that is empty, NaN, infinite or no number (first line 2)"),
        (first(""), "1 row has a value that is empty, NaN"),
        (first("inf"), "infinite"),
        (first("many"), "no number"),
        (first(-0.2), "1 row has a negative probability (first line 2)"),
        (first(80), "1 row has a probability above 1"),
        (first(0.5), "the probabilities of 1 row do not sum to 1 (line 2: "),
        (lambda rows: [["f" * 64, *rows[0][1:]], *rows], "1 row belongs to no image of this workspace (ffff"),
        (lambda rows: [[rows[0][0], 0.3, 0.3, 0.4], *rows], "1 image has several rows with different"),
        (lambda rows: rows[2:], "images of the snapshot have no row: "),
        (lambda rows: [["", *rows[0][1:]], *rows[1:]], "line 2: digest is empty"),
        (lambda rows: [], "it has no rows"),
    ],
)
def test_what_does_not_fit_is_refused_with_its_count_and_nothing_is_stored(
    workspace, frozen, write, change, words
):
    with pytest.raises(BadInput) as error:
        imported(workspace, frozen, write(change))
    assert words in error.value.message
    assert error.value.remedy
    assert runs.list_runs(workspace) == []


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        (("image_id", *NAMES), "it has no column path or digest (it has image_id, dom, eiger and 1 more)"),
        (("digest", "dom", "eiger", "yeti"), "probabilities for 2 of 3 classes; missing is lyskamm"),
        (
            ("digest", "a", "b", "c"),
            "neither a column of probabilities for each class nor a column predicted",
        ),
        (("digest", "label", "b", "c"), "nor a column confidence"),
    ],
)
def test_columns_that_are_missing_are_named(workspace, frozen, write, columns, words):
    with pytest.raises(BadInput) as error:
        imported(workspace, frozen, write(columns=columns))
    assert words in error.value.message


@pytest.mark.parametrize(
    ("cells", "words"),
    [
        (("yeti", 0.9), "1 row predicts a class that the snapshot does not have: yeti (1)"),
        (("dom", 0.2), "the confidence of 1 row is below 1/3 (line 2: 0.2)"),
        (("dom", "NaN"), "NaN"),
    ],
)
def test_unknown_classes_and_impossible_confidences_are_refused(workspace, frozen, write, cells, words):
    def labels(rows):
        return [[rows[0][0], *cells], *([name, "dom", 0.9] for name, *_ in rows[1:])]

    with pytest.raises(BadInput) as error:
        imported(workspace, frozen, write(labels, columns=("digest", "predicted_label", "confidence")))
    assert words in error.value.message


def test_a_partial_import_says_what_it_left_out(workspace, frozen, write):
    file = write(lambda rows: [["f" * 64, *rows[0][1:]], *rows[3:], rows[3]])
    with pytest.raises(BadInput) as error:
        imported(workspace, frozen, file)
    assert [each.kind for each in error.value.actions] == ["import_partial_predictions"]
    made = imported(workspace, frozen, file, is_partial=True)
    assert (made.n_unknown, sum(made.n_missing.values()), made.n_repeated) == (1, 3, 1)
    n_left = sum(frozen.splits[each] for each in ("valid", "test")) - 3
    assert sum(made.n_images.values()) == n_left
    assert {each.kind for each in runs.show(workspace, made.run_id).warnings} == {"incomplete"}
    with pytest.raises(BadInput, match="belong to no image"):
        imported(
            workspace, frozen, write(lambda rows: [["e" * 64, 1, 0, 0], ["f" * 64, 1, 0, 0]]), is_partial=True
        )


def test_predictions_are_imported_by_command(peakid, workspace, frozen, write):
    answer = peakid("import", "predictions", write(), "--name", "resnet50 of Anna", "--json").json
    assert (answer["run_id"], answer["n_images"]) == (1, {s: frozen.splits[s] for s in ("valid", "test")})
    scored = peakid("evaluate", 1, "--json").json
    assert (scored["accuracy"], scored["finding"]["kind"], scored["probe"]) == (1.0, "show_test", None)
    refused = peakid("import", "predictions", write(first(-1)))
    assert (refused.code, refused.err.count("\n")) == (1, 1)
