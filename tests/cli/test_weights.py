"""The list of weights on the command line."""

from collections.abc import Callable
from pathlib import Path

import pytest

from peakid.cli.weights import document
from peakid.recipe import weight_files
from peakid.settings import for_job


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PEAKID_WEIGHTS", str(tmp_path))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    (tmp_path / "resnet34-b627a593.pth").write_bytes(b"damaged")
    return tmp_path


def test_weights_lists_available_files_and_files_to_download(folder: Path, peakid: Callable) -> None:
    rows = peakid("weights", "--json").json
    assert rows == [document(row) for row in weight_files.listed(for_job())]
    assert (rows[0]["arch"], rows[0]["is_here"], rows[0]["check"]) == ("resnet34", True, "size differs")
    assert peakid("weights", "--check", "--json").json[0]["check"] == "hash differs"


def test_weights_says_where_to_put_a_downloaded_file(folder: Path, peakid: Callable) -> None:
    text = peakid("weights").out
    assert "not here: resnet18-f37072fd.pth" in text
    assert "no published weights" in text
    assert f"Put downloaded files into {folder}." in text


@pytest.fixture
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("downloads")


@pytest.mark.slow
def test_weights_add_copies_a_fitting_file_under_the_name_that_is_looked_for(
    folder: Path, peakid: Callable, elsewhere: Path
) -> None:
    import torch
    import torchvision

    state = torchvision.models.squeezenet1_0(weights=None).state_dict()
    torch.save(state, elsewhere / "mine.pth")
    added = peakid("weights", "add", elsewhere / "mine.pth", "--arch", "squeezenet1_0", "--json").json
    assert (Path(added["path"]), added["is_published"]) == (folder / "squeezenet1_0.pth", False)
    assert Path(added["path"]).read_bytes() == (elsewhere / "mine.pth").read_bytes()
    rows = {row["arch"]: row for row in peakid("weights", "list", "--json").json}
    assert rows["squeezenet1_0"]["path"] == added["path"]
    again = peakid("weights", "add", elsewhere / "mine.pth", "--arch", "squeezenet1_0", "--json")
    assert again.json == added
    wrong = peakid("weights", "add", elsewhere / "mine.pth", "--arch", "resnet18")
    assert (wrong.code, "does not fit resnet18" in wrong.err) == (1, True)
    other = peakid("weights", "add", elsewhere / "mine.pth", "--arch", "squeezenet1_0", "--sha256", "00")
    assert (other.code, "has the SHA-256" in other.err) == (1, True)


@pytest.mark.slow
@pytest.mark.thorough  # tests/learn/network/test_weights.py reads such files without a process for each.
def test_weights_add_refuses_a_pickled_model_and_takes_a_file_of_timm(
    folder: Path, peakid: Callable, elsewhere: Path
) -> None:
    import timm
    import torch
    from safetensors.torch import save_file

    torch.save(torch.nn.Linear(2, 2), elsewhere / "pickled.pth")
    pickled = peakid("weights", "add", elsewhere / "pickled.pth", "--arch", "resnet18")
    assert (pickled.code, "plain state_dict" in pickled.err) == (1, True)
    # timm's name without `timm/`, under the name of the published file.
    save_file(timm.create_model("resnet10t").state_dict(), elsewhere / "model.safetensors")
    named = peakid("weights", "add", elsewhere / "model.safetensors", "--arch", "resnet10t", "--json").json
    assert Path(named["path"]) == folder / "resnet10t.c3_in1k.safetensors"


def test_weights_add_needs_a_file_and_an_architecture(folder: Path, peakid: Callable) -> None:
    assert "There is no file" in peakid("weights", "add", "none.pth", "--arch", "resnet18").err
    assert "Did you mean" in peakid("weights", "add", folder, "--arch", "resnet81").err
