import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from peakid.learn import linear_head
from peakid.learn.network import model, predict
from peakid.recipe import architectures
from peakid.recipe.recipe import Recipe
from peakid.run_records import StartingWeights
from tests.learn.colours import ARCH, prepare


def clouds(n_classes, n=60, n_features=7):
    rng = np.random.default_rng(3)
    labels = np.arange(n) % n_classes
    centres = rng.normal(0, 1.5, (n_classes, n_features))
    features = (centres[labels] + rng.normal(0, 1.5, (n, n_features))) * np.arange(1, n_features + 1) + 5
    return torch.from_numpy(features.astype(np.float32)), torch.from_numpy(labels)


@pytest.mark.parametrize("strength", [0.01, 1.0])
def test_the_layer_is_the_logistic_regression_of_scikit_learn(strength):
    features, labels = clouds(3)
    layer = linear_head.solve(features, labels, strength=strength, weight=torch.ones(60, dtype=torch.float64))
    scaler = StandardScaler().fit(features.double().numpy())
    oracle = LogisticRegression(C=strength, max_iter=5000, tol=1e-10).fit(
        scaler.transform(features.double().numpy()), labels.numpy()
    )
    expected = oracle.predict_proba(scaler.transform(features.double().numpy()))
    assert np.allclose(layer.logits(features).softmax(dim=1).numpy(), expected, atol=1e-4)


def test_weights_count_as_repeated_images_do():
    features, labels = clouds(2, n=12)
    weight = torch.tensor([2.0] * 6 + [1.0] * 6, dtype=torch.float64)
    weighted = linear_head.solve(features, labels, strength=0.1, weight=weight)
    assert not torch.allclose(
        weighted.bias, linear_head.solve(features, labels, strength=0.1, weight=torch.ones(12).double()).bias
    )
    even = linear_head._image_weights(torch.tensor([0, 0, 0, 1]), 2, is_even=True)
    assert even.tolist() == pytest.approx(
        [2 / 3, 2 / 3, 2 / 3, 2.0]
    )  # 4 images / (2 classes x 3 or 1 of the class)


def test_a_feature_that_never_changes_does_no_harm():
    features, labels = clouds(2)
    features[:, 0] = 7.0
    layer = linear_head.solve(features, labels, strength=0.1, weight=torch.ones(60, dtype=torch.float64))
    assert bool(torch.isfinite(layer.weight).all())


@pytest.mark.slow
def test_quick_gives_one_model_with_the_pretrained_body_and_a_linear_head(colours, fit, tmp_path, pretrained):
    result, epochs = fit(colours, method="linear-head", pretrained=pretrained)
    network, card = model.load(tmp_path / "run")
    assert (card.head, card.arch, len(network[1])) == ("linear", ARCH, 3)
    full = model.full_model(architectures.find(ARCH))
    full.load_state_dict(torch.load(pretrained, weights_only=True))
    before = model.assemble(full, architectures.find(ARCH), n_classes=2)
    assert all(
        torch.equal(value, network[0].state_dict()[key]) for key, value in before[0].state_dict().items()
    )
    assert [(epoch.epoch, epoch.phase) for epoch in epochs] == [(1, "linear head")]
    assert set(result.pred_probs) == {"train", "valid", "test"}
    pixels = prepare(colours, Recipe(image_size_px=32), tmp_path / "cache").canonical[colours.rows("test")]
    again = predict.pred_probs(network, pixels, card, device=torch.device("cpu"))
    assert np.allclose(again, result.pred_probs["test"][1], atol=1e-5)  # Those of the stored model.
    digests, probabilities = result.pred_probs["valid"]
    given = [int(colours.labels[colours.digests.index(digest)]) for digest in digests]
    assert (
        result.metrics["accuracy"] == np.mean(probabilities.argmax(axis=1) == given) == 1.0
    )  # Colours survive any network.
    assert result.metrics["valid_loss"] == pytest.approx(
        -np.log(probabilities[np.arange(6), given]).mean(), abs=1e-4
    )


@pytest.mark.slow
def test_the_body_sees_each_image_once_also_in_cross_validation(colours, fit, pretrained):
    seen = []

    def count(module, given):
        if isinstance(module, torch.nn.Conv2d) and module.in_channels == 3:
            seen.append(len(given[0]))

    hook = torch.nn.modules.module.register_module_forward_pre_hook(count)
    try:
        fit(colours, method="linear-head", pretrained=pretrained)
        fit(colours, method="linear-head", pretrained=pretrained, folds=3)
    finally:
        hook.remove()
    n = len(colours.digests)
    assert [each for each in seen if each > 2] == [n, n]  # Two images at a time only try the network.


@pytest.mark.slow
def test_quick_without_pretrained_weights_learns_from_scratch_and_says_so(colours, fit, tmp_path):
    result, epochs = fit(colours, method="linear-head", pretrained="none")
    assert {epoch.phase for epoch in epochs} == {"scratch"}
    assert model.load(tmp_path / "run")[1].head == "two-layer"
    assert result.starting_weights == StartingWeights("random", note="requested")


@pytest.mark.slow
def test_quick_can_be_stopped_before_its_first_image(colours, fit, pretrained):
    calls = []  # 26 images are decoded; then it is called for each batch of embeddings.
    stop = fit(
        colours,
        method="linear-head",
        pretrained=pretrained,
        should_stop=lambda: len(calls) >= 26 or calls.append(1),
    )
    assert (stop[0].is_cancelled, stop[0].best_epoch, stop[1]) == (True, None, [])


@pytest.mark.slow
def test_a_refit_trains_on_validation_too_and_its_score_stays_that_of_the_first_fit(
    colours, fit, tmp_path, pretrained
):
    asked = {"method": "linear-head", "pretrained": pretrained}
    plain, _ = fit(colours, **asked)
    first = model.load(tmp_path / "run")[0].state_dict()
    result, epochs = fit(colours, refit=True, **asked)
    saved = model.load(tmp_path / "run")[0]
    last = list(saved.state_dict())[-1]
    assert not torch.equal(saved.state_dict()[last], first[last])
    assert np.allclose(result.pred_probs["valid"][1], plain.pred_probs["valid"][1], atol=1e-6)
    assert epochs[0].valid_loss == result.metrics["valid_loss"] == plain.metrics["valid_loss"]
    labels = colours.labels[colours.rows("valid")]
    of_saved = result.refit_pred_probs
    assert plain.refit_pred_probs is None
    assert of_saved.shape == result.pred_probs["valid"][1].shape
    chosen = np.arange(len(labels)), labels
    # It has seen these images, so it is surer of their labels.
    assert np.log(of_saved[chosen]).mean() > np.log(result.pred_probs["valid"][1][chosen]).mean()
    assert not np.array_equal(result.pred_probs["test"][1], plain.pred_probs["test"][1])
