"""Recipes on two ranks: folds, a time budget, the LR finder, early stopping, a linear head."""

import numpy as np
import pytest

from peakid.engines import fit_local
from peakid.engines.fit import Head, Order
from peakid.job_settings import JobSettings
from tests.learn.ranks import several

pytestmark = pytest.mark.thorough

COMMON = {"arch": "plain_cnn", "image_size_px": 32, "batch_size": 6, "device": "cpu"}
FINDER = {"name": "found", "epochs": 2, "base_lr": "finder", "learns": "all"}
PATIENT = {"name": "patient", "epochs": 40, "base_lr": 1.0, "schedule": "constant", "patience": 1}


@pytest.fixture(scope="module")
def recipes(tmp_path_factory):
    """Recipes by name; each is trained on two ranks once, for all tests of this file."""
    import torch

    from peakid.learn.network import model
    from peakid.recipe import architectures
    from tests.learn.colours import ARCH

    torch.manual_seed(1)
    weights = tmp_path_factory.mktemp("weights") / "pretrained.pth"
    torch.save(model.full_model(architectures.find(ARCH)).state_dict(), weights)
    scratch = COMMON | {"pretrained": "none"}
    linear = COMMON | {"arch": ARCH, "method": "linear-head", "pretrained": str(weights)}
    return {
        "folds": scratch | {"folds": 3, "scratch_epochs": 2},
        "budget": scratch | {"scratch_epochs": 900, "max_minutes": 0.05},
        "phases": scratch | {"phases": [FINDER, PATIENT]},
        "linear": linear,
        "linear stopped": linear,
        "linear folds": linear | {"folds": 3},
    }


@pytest.fixture(scope="module")
def told(recipes, tmp_path_factory):
    """What each of two ranks knew after each training."""
    messages = []
    document = {"recipes": recipes, "stops_in": {"linear stopped": "Computing features"}}
    folder = tmp_path_factory.mktemp("ranks")
    order = Order("tests.learn.ranks.several:run", document, folder, 2, False, JobSettings())
    assert fit_local.attempt(order, Head(messages.append, lambda: False)) == []
    return {
        name: [each.document for each in sorted(messages, key=lambda each: each.rank) if each.kind == name]
        for name in recipes
    }


def both(told, name):
    """Return what two ranks knew of one training: the same, so that none goes on alone."""
    first, second = told[name]
    assert first == second
    return first


def test_each_fold_is_trained_by_all_ranks_and_every_image_is_predicted_once(told):
    found = both(told, "folds")
    assert list(found["digests"]) == ["cv"]
    assert sorted(found["digests"]["cv"]) == sorted(f"image-{i}" for i in range(30))
    assert np.sum(found["pred_probs"]["cv"], axis=1) == pytest.approx(np.ones(30), abs=1e-5)
    assert [(epoch, phase) for epoch, phase, *_ in found["epochs"]] == [
        (number, f"fold {(number + 1) // 2} of 3 scratch") for number in range(1, 7)
    ]
    assert found["best_epoch"] is None


def test_a_time_budget_is_planned_once_for_all_ranks(told):
    found = both(told, "budget")
    assert 1 <= len(found["epochs"]) < 900
    planned = next(text for text in found["warnings"] if "to end in time" in text or "too short" in text)
    assert f"scratch {len(found['epochs'])} instead of 900" in planned


def test_the_rate_of_the_lr_finder_and_the_end_of_a_phase_are_those_of_the_first_rank(told):
    found = both(told, "phases")
    text = next(each for each in found["warnings"] if "LR finder measured" in each)
    rates = {phase: rate for _, phase, _, rate in found["epochs"]}
    assert 0 < rates["found"] < 1
    assert "Phase 'found'" in text
    losses = [loss for _, phase, loss, _ in found["epochs"] if phase == "patient"]
    assert len(losses) < 40  # It ended after one epoch without an improvement.
    assert losses[-1] >= min(losses[:-1])


@pytest.mark.parametrize("name", ["linear", "linear folds"])
def test_a_linear_head_is_the_same_on_two_ranks_as_on_one(told, recipes, name, tmp_path):
    found, alone = both(told, name), several.train(tmp_path, recipes[name])
    assert found["digests"] == alone["digests"]
    for split, probabilities in alone["pred_probs"].items():
        assert np.array(found["pred_probs"][split]) == pytest.approx(np.array(probabilities), abs=1e-4)
    assert [each[:2] for each in found["epochs"]] == [each[:2] for each in alone["epochs"]]


def test_a_rank_that_alone_sees_that_the_job_was_cancelled_stops_the_others(told):
    found = both(told, "linear stopped")
    assert (found["is_cancelled"], found["best_epoch"], found["epochs"]) == (True, None, [])
