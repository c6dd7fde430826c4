"""The training benchmarks run on a small input. What they measure here means nothing."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from peakid import settings

ROOT = Path(__file__).resolve().parents[1]
pytestmark = pytest.mark.slow


def last_line(*arguments: str) -> dict:
    command = [sys.executable, *arguments]
    done = subprocess.run(
        command,
        cwd=ROOT,
        capture_output=True,
        text=True,
        env={**settings.environment(), "OMP_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_the_gpu_benchmark_runs_on_a_cpu():
    found = last_line("bench/gpu.py", "--device", "cpu", "--tiny")
    assert (found["rows"][0]["arch"], found["rows"][0]["placement"]) == ("small_resnet", "plain")
    assert set(found["rows"][0]["median"]) == {"ceiling", "peakid", "plain"}


@pytest.mark.skipif(
    Path("/dev/nvidia0").exists(), reason="this machine has a GPU, and would measure for minutes"
)
def test_the_gpu_benchmark_is_skipped_without_a_gpu():
    assert "no GPU" in last_line("bench/gpu.py")["skipped"]


@pytest.mark.thorough
def test_the_throughput_benchmark_compares_three_loaders():
    found = last_line("bench/train_throughput.py", "--quick", "--device", "cpu")
    assert set(found["median"]["loader with random changes, a CPU second"]) == {"peakid", "fastai", "plain"}


def test_the_benchmark_of_intervals_counts_each_kind():
    found = last_line("bench/intervals.py", "--repeats", "2", "--only", "1001")
    kinds = {row["what"] for row in found["rows"]}
    assert {"accuracy", "macro_f1", "log_loss", "auroc", "false alarm"} <= kinds
