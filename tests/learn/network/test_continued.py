import dataclasses

import pytest
import torch

from peakid.errors import WeightsUnfit
from peakid.learn.network import continued, model
from peakid.recipe import architectures

PLAIN = architectures.find("plain_cnn")


@pytest.fixture
def earlier(tmp_path):
    """A saved model of three classes, and its head."""
    torch.manual_seed(5)
    network = model.build("plain_cnn", n_classes=3)
    names, stats = ["dom", "eiger", "weisshorn"], (0.5, 0.5, 0.5)
    card = model.Card("plain_cnn", names, 32, "crop", stats, stats, 1, {}, "", {})
    model.save(network, card, tmp_path)
    return tmp_path / "model.safetensors", network, card


def test_the_body_and_the_rows_of_shared_classes_are_kept_and_a_new_class_begins_anew(earlier):
    path, old, _card = earlier
    torch.manual_seed(6)
    new = model.build("plain_cnn", n_classes=3)
    before = new[1][-1].weight.detach().clone()
    continued.load_into(new, path, PLAIN, ["bishorn", "eiger", "weisshorn"])
    assert all(torch.equal(a, b) for a, b in zip(new[0].parameters(), old[0].parameters(), strict=True))
    assert torch.equal(new[1][-1].weight[1:], old[1][-1].weight[1:])
    assert torch.equal(new[1][-1].weight[0], before[0])
    assert torch.equal(new[1][4].weight, old[1][4].weight)  # The hidden layer of the head.


def test_a_head_of_another_kind_takes_the_body_alone(earlier):
    path, old, _card = earlier
    new = torch.nn.Sequential(model.build("plain_cnn", n_classes=3)[0], model.linear_head(PLAIN, 3))
    before = new[1][-1].weight.detach().clone()
    continued.load_into(new, path, PLAIN, ["dom", "eiger", "weisshorn"])
    assert torch.equal(new[1][-1].weight, before)
    assert torch.equal(new[0][0].weight, old[0][0].weight)


def test_a_model_of_another_architecture_is_refused_by_name(earlier):
    path, _old, card = earlier
    network = model.build("small_resnet", n_classes=3)
    with pytest.raises(WeightsUnfit, match=r"is a plain_cnn, not a small_resnet.*--set arch=plain_cnn"):
        continued.load_into(network, path, architectures.find("small_resnet"), card.class_names)
    model.save(network, dataclasses.replace(card, arch="plain_cnn"), path.parent)
    with pytest.raises(WeightsUnfit, match="do not fit their card"):
        continued.load_into(model.build("plain_cnn", n_classes=3), path, PLAIN, card.class_names)


def test_a_weights_file_of_somebody_else_is_not_taken_for_ours(earlier, tmp_path):
    path, _old, _card = earlier
    assert continued.is_ours(path)
    assert not continued.is_ours(tmp_path / "resnet18.pth")
