"""Benchmarks run on a small input. What they measure here means nothing."""

import json
import runpy
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from tests import forked

BENCH = Path(__file__).resolve().parents[1] / "bench"
pytestmark = pytest.mark.slow


def run_script(path: Path, *arguments: str) -> None:
    sys.argv = [str(path), *arguments]
    sys.path.insert(0, str(path.parent))
    runpy.run_path(str(path), run_name="__main__")


@pytest.fixture
def last_line(tmp_path: Path) -> Callable[..., dict]:
    """Run a benchmark and return its last line: `last_line("gpu.py", "--tiny")`.

    It runs in a process that has PyTorch and fastai from its start.
    """

    def read(script: str, *arguments: str) -> dict:
        process = forked.TRAINING.start(run_script, BENCH / script, *arguments, out=tmp_path / "out")
        process.join()
        printed = (tmp_path / "out").read_text()
        assert process.exitcode == 0, printed
        return json.loads(next(line for line in reversed(printed.splitlines()) if line.startswith("{")))

    return read


@pytest.mark.thorough
def test_the_gpu_benchmark_runs_on_a_cpu(last_line):
    found = last_line("gpu.py", "--device", "cpu", "--tiny")
    assert (found["rows"][0]["arch"], found["rows"][0]["placement"]) == ("small_resnet", "plain")
    assert set(found["rows"][0]["median"]) == {"ceiling", "peakid", "plain"}


@pytest.mark.skipif(
    Path("/dev/nvidia0").exists(), reason="this machine has a GPU, and would measure for minutes"
)
def test_the_gpu_benchmark_is_skipped_without_a_gpu(last_line):
    assert "no GPU" in last_line("gpu.py")["skipped"]


@pytest.mark.thorough
def test_the_throughput_benchmark_compares_three_loaders(last_line):
    found = last_line("train_throughput.py", "--quick", "--device", "cpu")
    assert set(found["median"]["loader with random changes, a CPU second"]) == {"peakid", "fastai", "plain"}


def test_the_benchmark_of_intervals_counts_each_kind(last_line):
    found = last_line("intervals.py", "--repeats", "2", "--only", "1001")
    kinds = {row["what"] for row in found["rows"]}
    assert {"accuracy", "macro_f1", "log_loss", "auroc", "false alarm"} <= kinds


def test_the_benchmark_of_sorting_measures_several_sizes(last_line, colour_export, tmp_path):
    (tmp_path / "photos").mkdir()
    for name in ("red", "green", "blue"):
        Image.effect_noise((60, 40), 50).convert("RGB").save(tmp_path / "photos" / f"{name}.png")
    given = ["--source", tmp_path / "photos", "--export", colour_export, "--work", tmp_path]
    sizes = ["--megapixels", 0.01, 0.05, "--photos", 5, "--rounds", 1]
    found = last_line("sort.py", *map(str, [*given, *sizes]))["sizes"]
    assert [each["megapixels"] for each in found] == [0.01, 0.05]
    ways = {"decode", "decode and hash", "decode in full", "sort", "sort again"}
    assert all(set(each["rows"]) == ways for each in found)
    assert found[0]["kb_each"] < found[1]["kb_each"]
    assert not list(tmp_path.glob("tmp*"))  # Its albums and links are gone.
