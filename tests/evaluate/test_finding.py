"""The one sentence of the Evaluate page: what matters most comes first."""

import dataclasses

import numpy as np
import pytest

from peakid.evaluate import finding, report
from peakid.evaluate.figures import Figures, of_images
from peakid.evaluate.figures_state import FiguresState
from peakid.evaluate.finding import Surroundings
from peakid.evaluate.scored_images import ScoredImages
from peakid.records import Snapshot
from peakid.store import runs
from tests import planted_runs

NAMES = ("Eiger", "Mönch", "Jungfrau")
WHOLE = Surroundings({"train": 100, "valid": 20, "test": 20}, 0)
STATE = FiguresState("", 0, 0, "", 0)


@pytest.fixture
def figures(workspace, plant):
    """Figures of images (given, predicted, confidence, whether a person confirmed the label)."""
    plant({f"{name}{n}": name for name in NAMES for n in range(10)})
    from peakid.dataset import snapshot

    frozen: Snapshot = snapshot.create(workspace, actor="human:anna")
    run = runs.show(workspace, planted_runs.plant(workspace, frozen, {}))
    order = [run.class_names.index(name) for name in NAMES]

    def made(rows, **changes) -> Figures:
        given, predicted, confidence, confirmed = zip(*rows, strict=True)
        pred_probs = np.array([[(1 - c) / 2] * 3 for c in confidence], dtype=np.float32)
        pred_probs[np.arange(len(rows)), [order[each] for each in predicted]] = confidence
        labels = np.array([order[each] for each in given], dtype=np.int32)
        images = ScoredImages(
            run_id=run.run_id,
            split="valid",
            class_names=tuple(run.class_names),
            digests=tuple(f"{n:064x}" for n in range(len(rows))),
            image_ids=np.arange(len(rows)) + 100,
            given=labels,
            newest=labels,
            is_reviewed=np.array(confirmed),
            also_shows=np.zeros(len(rows), dtype=bool),
            groups=np.arange(len(rows)),
            pred_probs=pred_probs,
        )
        found = of_images(images, report.of_images(workspace, run, images), STATE)
        return dataclasses.replace(found, scored=dataclasses.replace(found.scored, **changes))

    return made


RIGHT = [(k, k, 0.8, False) for k in (0, 1, 2) for _ in range(10)]


def wrong(given: int, predicted: int, n: int, *, confidence: float = 0.6, confirmed: bool = False) -> list:
    return [(given, predicted, confidence, confirmed)] * n


def test_a_dominating_confusion_is_named_with_its_share_of_the_errors(figures):
    found = finding.choose(figures([*RIGHT, *wrong(0, 1, 4), *wrong(2, 1, 2)]), WHOLE)
    assert (found.kind, found.sentence) == ("confusion", "4 of 6 errors are Eiger taken for Mönch.")
    assert (found.button, found.target, found.confused) == ("Review these 4", "confusion", ("Eiger", "Mönch"))


def test_a_confusion_whose_labels_a_person_confirmed_is_not_proposed_again(figures):
    found = finding.choose(figures([*RIGHT, *wrong(0, 1, 4, confirmed=True), *wrong(2, 1, 3)]), WHOLE)
    assert found.confused == ("Jungfrau", "Mönch")


def test_errors_that_the_model_is_sure_of_come_before_the_others(figures):
    rows = [*RIGHT, *wrong(0, 1, 2), *wrong(1, 2, 1, confidence=0.95), *wrong(2, 0, 1, confidence=0.9)]
    found = finding.choose(figures(rows), WHOLE)
    assert found.kind == "doubtful"
    assert found.sentence.startswith("2 of 4 errors have an unconfirmed label")
    assert found.image_ids == (132, 133)  # The surest first: rows 32 and 33.


def test_without_a_dominating_confusion_the_worst_errors_are_proposed(figures):
    found = finding.choose(figures([*RIGHT, *wrong(0, 1, 2), *wrong(1, 2, 1, confidence=0.7)]), WHOLE)
    assert (found.kind, found.button) == ("errors", "Review the worst 3")
    assert found.image_ids == (132, 130, 131)  # .7 - .15, then twice .6 - .2.


def test_judged_errors_lead_to_training_then_to_the_test_score_then_to_the_export(figures):
    judged = [*RIGHT, *wrong(0, 1, 4, confirmed=True)]
    assert finding.choose(figures(judged, n_changed=2), WHOLE).kind == "changed"
    assert finding.choose(figures(judged), WHOLE).kind == "show_test"
    assert finding.choose(figures(judged, n_test_looks=1), WHOLE).target == "models"
    imported = dataclasses.replace(WHOLE, is_imported=True)
    assert finding.choose(figures(judged, n_test_looks=1, n_changed=2), imported).kind == "compare"


@pytest.mark.parametrize(
    ("around", "kind", "words"),
    [
        (dataclasses.replace(WHOLE, n_leaks=2), "leak", "2 groups of near duplicates are in several splits"),
        (Surroundings({"train": 9, "valid": 3}, 0), "no_test", "no test split"),
    ],
)
def test_what_makes_the_score_meaningless_comes_before_the_errors(figures, around, kind, words):
    found = finding.choose(figures([*RIGHT, *wrong(0, 1, 4)]), around)
    assert (found.kind, found.target) == (kind, "snapshots")
    assert words in found.sentence


def test_folds_keep_near_duplicates_together_so_that_splits_do_not_matter(figures):
    around = dataclasses.replace(WHOLE, n_leaks=2)
    assert finding.choose(figures([*RIGHT, *wrong(0, 1, 4)], split="cv"), around).kind == "confusion"


def test_one_image_is_no_score(figures):
    found = finding.choose(figures([(0, 0, 0.8, False)]), WHOLE)
    # Wilson, 1 of 1: 1 / (1 + 3.84) = .21 to 1.
    assert found.sentence == "Only 1 image is scored: the accuracy can be anything from 21 % to 100 %."


def test_a_model_that_predicts_one_class_is_trained_again(figures):
    found = finding.choose(figures([*wrong(0, 0, 20), *wrong(1, 0, 9)]), WHOLE)
    assert (found.kind, found.target) == ("collapsed", "train")
    assert "predicts Eiger for every image" in found.sentence


def test_a_model_below_the_most_frequent_class_learned_too_little(figures):
    found = finding.choose(
        figures([*wrong(0, 1, 12), *wrong(0, 0, 3), *wrong(1, 1, 4), *wrong(2, 2, 1)]), WHOLE
    )
    # 8 of 20 right; 15 of 20 are Eiger.
    assert (found.kind, found.target) == ("no_better", "train")
    assert "always predicting Eiger (75 %)" in found.sentence


def test_a_class_without_images_in_the_split_is_named(figures):
    found = finding.choose(figures([*wrong(0, 0, 10), *wrong(1, 1, 10), *wrong(0, 2, 5)]), WHOLE)
    assert (found.kind, found.class_name) == ("class_missing", "Jungfrau")


def test_a_split_without_errors_says_so(figures):
    assert finding.choose(figures(RIGHT), WHOLE).sentence.startswith("No error on 30 images.")
