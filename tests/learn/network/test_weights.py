import dataclasses
import hashlib
import shutil
from pathlib import Path

import numpy as np
import PIL.Image
import pytest
import torch
from hypothesis import HealthCheck, given
from hypothesis import settings as settings_of
from hypothesis import strategies as st
from sklearn.datasets import load_sample_image

from peakid import settings
from peakid.errors import WeightsMissing, WeightsUnfit
from peakid.learn.network import lite_names, model, weights
from peakid.recipe import architectures
from peakid.remedies import action
from peakid.run_records import StartingWeights

SQUEEZENET = architectures.find("squeezenet1_0")
PLAIN = architectures.find("plain_cnn")


def offline(_architecture, _folder):
    raise OSError("no network")


@pytest.fixture
def state():
    torch.manual_seed(0)
    return model.full_model(SQUEEZENET).state_dict()


def find(pretrained, folder, tmp_path, arch="squeezenet1_0", fetch=offline):
    return weights.find(arch, pretrained, folder, hub_dir=tmp_path / "hub", fetch=fetch)


def test_nothing_found_means_random_weights_and_the_run_says_so(tmp_path):
    found = find("auto", None, tmp_path)
    assert not found.is_pretrained
    assert found.record == StartingWeights("random", note="not found, offline")
    assert find("none", None, tmp_path).record == StartingWeights("random", note="requested")


def test_missing_required_weights_are_an_error_with_file_name_size_and_folder(tmp_path):
    with pytest.raises(WeightsMissing) as error:
        find("require", None, tmp_path)
    assert "squeezenet1_0-b66bff10.pth" in str(error.value)
    assert "5 MB" in str(error.value)
    assert str(tmp_path / "hub") in str(error.value)


def test_a_given_file_is_used_and_recorded_with_its_hash(tmp_path, state):
    file = tmp_path / "mine.pth"
    torch.save(state, file)
    sha256 = hashlib.sha256(file.read_bytes()).hexdigest()
    found = find(str(file), None, tmp_path)
    assert (found.path, found.record) == (file, StartingWeights("file", "mine.pth", sha256))
    with pytest.raises(WeightsMissing, match=r"gone\.pth"):
        find(str(tmp_path / "gone.pth"), None, tmp_path)


def test_the_users_folder_comes_before_torchs_and_a_published_name_before_one_that_only_resembles(tmp_path):
    mine, hub = tmp_path / "mine", tmp_path / "hub"
    for folder in (mine, hub):
        folder.mkdir()
    (hub / "mobilenet_v3_large-8738ca79.pth").write_bytes(b"x")
    (mine / "tf_mobilenet_v3_large_fp16.pth").write_bytes(b"y")
    with pytest.raises(
        WeightsUnfit, match=r"mobilenet_v3_large-8738ca79\.pth"
    ):  # Its name promises another hash, so it was the one taken.
        find("auto", mine, tmp_path, arch="mobilenet_v3_large")
    (hub / "mobilenet_v3_large-8738ca79.pth").unlink()
    assert (
        find("auto", mine, tmp_path, arch="mobilenet_v3_large").path
        == mine / "tf_mobilenet_v3_large_fp16.pth"
    )
    assert not find("auto", mine, tmp_path, arch="mobilenet_v2").is_pretrained


def test_a_damaged_published_file_is_refused_because_its_name_carries_its_hash(tmp_path):
    (tmp_path / "hub").mkdir()
    (tmp_path / "hub" / "squeezenet1_0-b66bff10.pth").write_bytes(b"half a download")
    with pytest.raises(WeightsUnfit, match="instead of b66bff10"):
        find("auto", None, tmp_path)


def test_a_downloaded_file_is_recorded_as_downloaded(tmp_path, state):
    def fetch(_architecture, folder):
        folder.mkdir()
        torch.save(state, folder / "fetched.pth")
        return folder / "fetched.pth"

    found = find("require", None, tmp_path, fetch=fetch)
    assert (found.record.file_name, found.record.note) == ("fetched.pth", "downloaded")


def test_half_precision_weights_are_loaded_as_single_precision(tmp_path, state):
    file = tmp_path / "half.pth"
    torch.save({key: value.half() for key, value in state.items()}, file)
    full = model.full_model(SQUEEZENET)
    weights.load_into(full, find(str(file), None, tmp_path), SQUEEZENET)
    loaded = full.state_dict()["features.0.weight"]
    assert loaded.dtype == torch.float32
    assert torch.equal(loaded, state["features.0.weight"].half().float())


def test_weights_without_a_classifier_or_with_another_one_fit(tmp_path, state):
    state = {key: value for key, value in state.items() if not key.startswith("classifier.")}
    torch.save(
        {"state_dict": {**state, "classifier.1.weight": torch.zeros(3, 512, 1, 1)}}, tmp_path / "body.pth"
    )
    full = model.full_model(SQUEEZENET)
    weights.load_into(full, find(str(tmp_path / "body.pth"), None, tmp_path), SQUEEZENET)
    assert torch.equal(full.state_dict()["features.0.weight"], state["features.0.weight"])


def test_weights_of_another_architecture_are_refused_by_name(tmp_path, state):
    torch.save(state, tmp_path / "squeezed.pth")
    other = architectures.find("mobilenet_v3_small")
    with pytest.raises(WeightsUnfit, match=r"does not fit mobilenet_v3_small.*the first is"):
        weights.load_into(
            model.full_model(other), find(str(tmp_path / "squeezed.pth"), None, tmp_path), other
        )


def test_a_pickled_model_is_never_loaded(tmp_path):
    torch.save(model.full_model(SQUEEZENET), tmp_path / "model.pth")
    (tmp_path / "noise.pth").write_bytes(b"\x80\x02noise")
    (tmp_path / "noise.safetensors").write_bytes(b"noise")
    torch.save([1, 2], tmp_path / "list.pth")
    for name in ("model.pth", "noise.pth", "noise.safetensors", "list.pth"):
        with pytest.raises(WeightsUnfit, match=name.replace(".", r"\.")):
            weights.load_into(
                model.full_model(SQUEEZENET), find(str(tmp_path / name), None, tmp_path), SQUEEZENET
            )


@given(
    content=st.binary(max_size=60)
    | st.sampled_from([b"root:x:0:0:root:/root:/bin/bash\n", b"", b"PK\x03\x04", b"\x80\x02}q\x00."])
)
@settings_of(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_file_that_is_not_a_weights_file_is_refused_whatever_its_content(content, tmp_path):
    file = tmp_path / "weights.pth"
    file.write_bytes(content)
    with pytest.raises(WeightsUnfit, match=r"weights\.pth"):
        weights.load_into(
            torch.nn.Identity(), find(str(file), None, tmp_path), SQUEEZENET
        )  # Read before it is looked at.


def test_a_download_without_the_hash_in_its_name_is_discarded(tmp_path, monkeypatch):
    """Through torch's own downloader, from a folder instead of a server."""
    server = tmp_path / "server"
    server.mkdir()
    (server / "squeezenet1_0-b66bff10.pth").write_bytes(b"an error page")
    monkeypatch.setattr(weights, "TORCHVISION_URL", f"file://{server}/")
    with pytest.raises(WeightsMissing):
        find("require", None, tmp_path, fetch=weights.download)
    assert not (tmp_path / "hub" / "squeezenet1_0-b66bff10.pth").exists()


def test_the_real_weights_fit(real_data, tmp_path):
    folder = tmp_path / "weights"
    shutil.copytree(real_data / "weights", folder)
    for arch, begin in [("mobilenet_v2", "b8330142"), ("squeezenet1_0", "d0c6d975")]:
        architecture, found = architectures.find(arch), find("require", folder, tmp_path, arch=arch)
        assert found.record.sha256.startswith(begin)
        weights.load_into(model.full_model(architecture), found, architecture)


def test_torchs_own_folder_is_known_without_torch(monkeypatch, tmp_path):
    for name in ("TORCH_HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
        assert settings.torch_checkpoints() == Path(torch.hub.get_dir()) / "checkpoints"
    for name in ("XDG_CACHE_HOME", "TORCH_HOME"):
        monkeypatch.setenv(name, str(tmp_path / name))
        assert settings.torch_checkpoints() == Path(torch.hub.get_dir()) / "checkpoints"


@pytest.fixture
def earlier(tmp_path):
    """A saved model of three classes, and its head."""
    torch.manual_seed(5)
    network = model.build("plain_cnn", n_classes=3)
    names, stats = ["dom", "eiger", "weisshorn"], (0.5, 0.5, 0.5)
    card = model.Card("plain_cnn", names, 32, "crop", stats, stats, 1, {}, "", {})
    model.save(network, card, tmp_path)
    return tmp_path / "model.safetensors", network, card


def test_the_body_and_the_rows_of_shared_classes_are_kept_and_a_new_class_starts_at_random(earlier):
    path, old, _card = earlier
    torch.manual_seed(6)
    new = model.build("plain_cnn", n_classes=3)
    before = new[1][-1].weight.detach().clone()
    weights.load_run_into(new, path, PLAIN, ["bishorn", "eiger", "weisshorn"])
    assert all(torch.equal(a, b) for a, b in zip(new[0].parameters(), old[0].parameters(), strict=True))
    assert torch.equal(new[1][-1].weight[1:], old[1][-1].weight[1:])
    assert torch.equal(new[1][-1].weight[0], before[0])
    assert torch.equal(new[1][4].weight, old[1][4].weight)  # The hidden layer of the head.


def test_a_head_of_another_kind_takes_the_body_alone(earlier):
    path, old, _card = earlier
    new = torch.nn.Sequential(model.build("plain_cnn", n_classes=3)[0], model.linear_head(PLAIN, 3))
    before = new[1][-1].weight.detach().clone()
    weights.load_run_into(new, path, PLAIN, ["dom", "eiger", "weisshorn"])
    assert torch.equal(new[1][-1].weight, before)
    assert torch.equal(new[0][0].weight, old[0][0].weight)


def test_a_model_of_another_architecture_is_refused_by_name(earlier):
    path, _old, card = earlier
    network = model.build("small_resnet", n_classes=3)
    with pytest.raises(WeightsUnfit, match="is a plain_cnn, not a small_resnet") as error:
        weights.load_run_into(network, path, architectures.find("small_resnet"), card.class_names)
    assert error.value.actions == (action("set_recipe", key="arch", value="plain_cnn"),)
    model.save(network, dataclasses.replace(card, arch="plain_cnn"), path.parent)
    with pytest.raises(WeightsUnfit, match="do not fit their card"):
        weights.load_run_into(model.build("plain_cnn", n_classes=3), path, PLAIN, card.class_names)


def test_a_file_without_a_card_is_not_taken_for_the_model_of_a_run(earlier, tmp_path):
    path, _old, _card = earlier
    assert weights.is_of_a_run(path)
    assert not weights.is_of_a_run(tmp_path / "resnet18.pth")


LITE = architectures.find("timm/tf_efficientnet_lite0")


@pytest.mark.slow
@pytest.mark.parametrize(("name", "number"), [("china.jpg", 698), ("flower.jpg", 985)])  # A palace, a daisy.
def test_the_weights_of_the_package_fit_timm_and_know_a_photo(tmp_path, name, number):
    found = find("require", None, tmp_path, arch=LITE.name)
    assert found.record.kind == "imagenet"
    assert found.record.sha256 is not None
    assert found.record.sha256.startswith("57934424")
    full = model.full_model(LITE)
    weights.load_into(full, found, LITE)
    state = lite_names.renamed(torch.load(found.path, weights_only=True), full.state_dict())
    full.load_state_dict(state)  # With the classifier, which a training cuts off.
    middle = PIL.Image.fromarray(load_sample_image(name)).crop((107, 0, 534, 427))
    photo = np.array(middle.resize((224, 224), PIL.Image.Resampling.BICUBIC))
    pixels = (torch.from_numpy(photo).permute(2, 0, 1)[None] / 255 - 0.5) / 0.5
    with torch.inference_mode():
        assert int(full.eval()(pixels).argmax()) == number


@pytest.mark.parametrize("name", ["timm/tf_efficientnet_lite1", "timm/tf_efficientnet_lite2"])
def test_the_names_of_the_other_packages_are_those_of_timm(name):
    expected = model.full_model(architectures.find(name)).state_dict()
    state = package_names(expected)
    assert len(state) == len(expected)
    assert lite_names.renamed(state, expected).keys() == expected.keys()


def package_names(expected):
    """Return timm's state_dict with the names of the package, whose blocks count through all stages."""
    outer = {"conv_stem": "_conv_stem", "bn1": "_bn0", "conv_head": "_conv_head", "bn2": "_bn1"}
    outer["classifier"] = "_fc"
    expanding = {"conv_pw": "_expand_conv", "bn1": "_bn0", "conv_dw": "_depthwise_conv", "bn2": "_bn1"}
    expanding |= {"conv_pwl": "_project_conv", "bn3": "_bn2"}
    first = {"conv_dw": "_depthwise_conv", "bn1": "_bn1", "conv_pw": "_project_conv", "bn2": "_bn2"}
    numbers, found = {}, {}
    for key, value in expected.items():
        parts = key.split(".")
        if parts[0] != "blocks":
            found[".".join([outer[parts[0]], *parts[1:]])] = value
            continue
        number = numbers.setdefault((parts[1], parts[2]), len(numbers))
        names = expanding if f"blocks.{parts[1]}.{parts[2]}.conv_pwl.weight" in expected else first
        found[".".join(["_blocks", str(number), names[parts[3]], *parts[4:]])] = value
    return found


def test_a_file_of_the_package_with_other_tensors_is_refused(tmp_path):
    state = {"_conv_stem.weight": torch.zeros(1), "_blocks.99._bn1.weight": torch.zeros(1)}
    torch.save(state, tmp_path / "odd.pth")
    found = find(str(tmp_path / "odd.pth"), None, tmp_path, arch=LITE.name)
    with pytest.raises(WeightsUnfit, match="does not fit"):
        weights.load_into(model.full_model(LITE), found, LITE)
