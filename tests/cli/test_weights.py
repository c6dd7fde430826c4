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
