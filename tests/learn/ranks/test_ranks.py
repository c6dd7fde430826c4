import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from peakid.engines import fit_local
from peakid.engines.fit import Head, Order
from peakid.job_settings import JobSettings
from peakid.learn.batches import loaders
from peakid.learn.ranks.ranks import ALONE, Ranks
from peakid.recipe import architectures
from tests.learn.colours import images_of, prepare
from tests.learn.ranks import normed, tiny

LITE = "timm/tf_efficientnet_lite0"  # Its BatchNorm layers are timm's, with the activation inside.
NORMED = [("small_resnet", "all"), (LITE, "all"), (LITE, "head")]


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """What two ranks told and wrote of every training of this file: each start of PyTorch takes seconds."""
    folder = tmp_path_factory.mktemp("ranks")
    told = []
    order = Order("tests.learn.ranks.together:run", {"normed": NORMED}, folder, 2, False, JobSettings())
    assert fit_local.attempt(order, Head(told.append, lambda: False)) == []
    return told, folder


@pytest.mark.parametrize("n_ranks", [2, 3])
@pytest.mark.parametrize("n", [2, 3, 4, 5, 7, 32])
def test_the_parts_of_a_batch_are_all_of_it_once_and_their_weighted_losses_its_loss(n_ranks, n):
    rows = np.arange(100, 100 + n)
    losses = np.random.default_rng(n).random(200)
    weights = np.where(np.arange(200) % 3, 1.0, 4.0)
    parts = [Ranks(number, n_ranks).batch_part(rows, weights) for number in range(n_ranks)]
    counted = [row for part, weight in parts if weight for row in part.tolist()]
    assert sorted(counted) == rows.tolist()
    assert all(len(part) >= 2 for part, _ in parts)  # MixUp mixes those of one part.
    of_ranks = [weight * np.average(losses[part], weights=weights[part]) for part, weight in parts]
    assert np.mean(of_ranks) == pytest.approx(np.average(losses[rows], weights=weights[rows]))


@pytest.mark.parametrize("n", [1, 6, 7])
def test_each_rank_has_as_many_images_to_predict_and_the_last_ones_repeat_the_last(n):
    parts = [Ranks(number, 3).part(n) for number in range(3)]
    assert len({len(part) for part in parts}) == 1
    assert np.concatenate(parts)[:n].tolist() == list(range(n))
    assert set(np.concatenate(parts)[n:].tolist()) <= {n - 1}


def test_an_epoch_of_two_ranks_has_the_batches_of_one(tmp_path):
    images = images_of(tiny.ROWS)
    prepared = prepare(images, tiny.RECIPE, tmp_path)
    architecture = architectures.find("plain_cnn")

    def batches(ranks):
        dls = loaders.make(images, prepared, tiny.RECIPE, architecture, torch.device("cpu"), ranks=ranks)
        dls.train.begin_epoch(1, skip=1)
        return dls, [(x, dls.train.weight) for x, _ in dls.train]

    whole_dls, whole = batches(ALONE)
    both = [batches(Ranks(number, 2)) for number in range(2)]
    for dls, own in both:
        assert (len(dls.train), dls.train.n, dls.train.bs) == (len(whole_dls.train), 18, 5)
        assert len(own) == len(whole) == 3  # The first of 5, 5, 5, 3 was done before.
    for at, (x, _) in enumerate(whole):
        parts = [own[at][0] for _, own in both if own[at][1]]
        assert torch.equal(torch.cat(parts), x)
    assert [len(list(dls.valid)) for dls, _ in both] == [1, 1]  # 4 images each; one is there twice.


@pytest.mark.slow
def test_two_ranks_learn_what_one_learns_and_say_the_same_on_each(trained):
    told, folder = trained
    alone = tiny.train(folder)
    exchange = [each for each in told if each.kind == "exchange"]
    assert [each.rank for each in exchange] == [0, 1]
    expected = {"joined": list(range(7)), "flags": 0, "made": "it"}
    assert all(each.document == expected for each in exchange)
    for each in (each for each in told if each.kind == "epochs"):
        assert each.document["valid"] == pytest.approx([valid for valid, _ in alone], rel=1e-4)
        assert each.document["train"] == pytest.approx([train for _, train in alone], rel=1e-4)
    weights = {
        name: load_file(folder / f"weights-{name}.safetensors") for name in ("0-of-1", "0-of-2", "1-of-2")
    }
    for key, value in weights["0-of-1"].items():
        assert torch.equal(weights["0-of-2"][key], weights["1-of-2"][key])
        torch.testing.assert_close(weights["0-of-2"][key], value, rtol=1e-3, atol=1e-5)
    assert not (folder / fit_local.EXCHANGE).exists()


@pytest.mark.slow
@pytest.mark.parametrize(("arch", "learns"), NORMED)
def test_two_ranks_have_the_gradients_and_running_statistics_of_one(trained, arch, learns):
    """Those of plain BatchNorm. Parts have 3 and 2 images; of a last batch of 3 the second rank has none."""
    _, folder = trained
    normed.train(folder, arch, learns)
    alone = load_file(normed.file_of(folder, arch, learns, 0, 1))
    assert {int(key.split()[0]) for key in alone} == set(range(normed.N_STEPS))
    assert any("gradient" in key for key in alone)
    changed = [key for key in alone if key.endswith("running_var") and not bool((alone[key] == 1).all())]
    assert any(" 1." in key for key in changed)
    assert any(" 0." in key for key in changed) == (learns == "all")
    for rank in range(2):
        found = load_file(normed.file_of(folder, arch, learns, rank, 2))
        assert found.keys() == alone.keys()
        for key, value in alone.items():
            # Gradients of weights before a norm can be 0 but for rounding.
            torch.testing.assert_close(found[key], value, rtol=1e-6, atol=1e-9, msg=f"{key} on rank {rank}")
