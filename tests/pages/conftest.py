"""Pages run in Streamlit's AppTest through the shell, as in a browser."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from peakid.dataset import snapshot as snapshots
from peakid.jobs import ledger, presence, process, queue, tasks
from peakid.recipe import architectures
from peakid.recipe.recipe import Recipe
from peakid.records import EpochMetrics, Snapshot, SnapshotItem
from peakid.run_records import StartingWeights
from peakid.store import runs
from peakid.store.workspace import Workspace

SHELL = Path(__file__).resolve().parents[2] / "peakid" / "web" / "shell.py"


@pytest.fixture
def open_page(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Callable[..., AppTest]:
    """Open a page on the test's workspace: `open_page("review", queue="flagged")` with query parameters.

    It finds files named as the weights of three architectures, unless the test sets TORCH_HOME.
    """
    monkeypatch.setenv("PEAKID_WORKSPACE", str(workspace.path))
    monkeypatch.setenv("PEAKID_ACTOR", "anna")
    monkeypatch.delenv("PEAKID_WEIGHTS", raising=False)
    checkpoints = tmp_path / "torch-home" / "hub" / "checkpoints"
    checkpoints.mkdir(parents=True)
    for name in ("resnet18", "mobilenet_v3_small", "vit_b_16"):
        (checkpoints / architectures.find(name).weight_files[0]).touch()
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch-home"))

    def opened(name: str = "overview", **query: str) -> AppTest:
        app = AppTest.from_file(str(SHELL), default_timeout=60)  # Seconds: a hang, also on a busy machine.
        app.query_params.update(query)
        if name != "overview":
            app.switch_page(f"../../pages/{name}.py")
        return app.run()

    return opened


@pytest.fixture
def frozen(workspace: Workspace, fill: Callable[..., list[str]]) -> Snapshot:
    """A snapshot of 24 river and 16 sea images without near duplicates; 7 are for validation."""
    fill(river=24, sea=16)
    return snapshots.create(workspace, name="first", actor="human:anna")


@pytest.fixture
def no_worker(workspace: Workspace) -> Iterator[None]:
    """Hold the worker's lock, so that what a page submits stays in the queue."""
    lock = presence.take(workspace)
    assert lock is not None
    yield
    os.close(lock)


@pytest.fixture
def run_jobs(workspace: Workspace, no_worker: None) -> Callable[[], None]:
    """Return a function that runs the queued jobs in this process."""

    def run() -> None:
        for job in reversed(queue.list_jobs(workspace)):
            if job.state == "queued":
                work = ledger.claim(workspace, job.job_id, process.own())
                assert work is not None
                tasks.run(work)
                work.end("done")

    return run


@pytest.fixture
def add_run(workspace: Workspace) -> Callable[..., int]:
    """Add a run without training: `add_run(frozen, n_wrong=2)` predicts sea for 2 river images per split."""

    def added(snapshot: Snapshot, *, n_wrong: int = 1, **recipe: object) -> int:
        run_id = runs.create(
            workspace,
            job_id=None,
            snapshot_id=snapshot.snapshot_id,
            recipe=Recipe(**recipe).model_dump(),
            class_names=snapshot.class_names,
            seed=0,
            code_version="test",
            libraries={},
        )
        for epoch in (1, 2):
            runs.add_epoch(
                workspace,
                run_id,
                EpochMetrics(epoch, "head", 1.0 / epoch, 1.2 / epoch, 0.4 * epoch, 0.001, 1.0),
            )
        items = snapshots.items(workspace, snapshot.digest)
        for split in ("train", "valid", "test"):
            _predict(workspace, run_id, split, [item for item in items if item.split == split], n_wrong)
        runs.finish(
            workspace,
            run_id,
            "done",
            best_epoch=2,
            metrics={"accuracy": 0.8},
            device="cpu",
            starting_weights=StartingWeights("random"),
            seconds=60.0,
        )
        return run_id

    return added


def _predict(workspace: Workspace, run_id: int, split: str, items: list[SnapshotItem], n_wrong: int) -> None:
    """Store predictions with probability 0.9 that are right except for the first `n_wrong` river images."""
    rivers = [item.digest for item in items if item.label == "river"]
    is_sea = [item.label == "sea" or item.digest in rivers[:n_wrong] for item in items]
    pred_probs = np.array([[0.1, 0.9] if sea else [0.9, 0.1] for sea in is_sea], dtype=np.float32)
    given = [item.label for item in items]
    runs.add_predictions(
        workspace,
        run_id,
        split,
        [item.digest for item in items],
        pred_probs,
        given,
        is_out_of_sample=split != "train",
    )


@pytest.fixture
def text_of() -> Callable[[AppTest], str]:
    """Return all text of a page."""
    return _text_of


def _text_of(app: AppTest) -> str:
    """Return all text of a page, without the backslashes that escape markup in names."""
    kinds = ("title", "subheader", "markdown", "caption", "info", "success", "warning", "error")
    texts = [element.value for kind in kinds for element in getattr(app, kind)]
    texts += [f"{metric.label}: {metric.value}" for metric in app.metric]
    return "\n".join(texts).replace("\\", "")
