"""Fixtures for all tests: a new workspace, small images, the folder of real photos, and no network."""

import contextlib
import functools
import gc
import hashlib
import io
import json
import os
import shutil
import sqlite3
import sys
import uuid
from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

# A process for each core runs tests: threads of BLAS would wait for each other. Before NumPy is imported.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
import pytest
from PIL import Image
from pytest_socket import disable_socket, enable_socket

from peakid.cli.main import main
from peakid.curate.duplicates import proposals
from peakid.dataset import snapshot as snapshots
from peakid.embed import stored
from peakid.imaging import inspection, pixels
from peakid.imaging.records import Inspection
from peakid.jobs import presence
from peakid.recipe import architectures
from peakid.recipe.recipe import Recipe
from peakid.records import EpochMetrics, Snapshot, SnapshotItem
from peakid.run_records import StartingWeights
from peakid.store import decision_log, images, run_predictions, runs
from peakid.store import workspace as workspaces
from peakid.store.comparisons import RULE_VERSION
from peakid.store.workspace import Workspace, now

TESTS = Path(__file__).parent
# All their tests are slow; the import of PyTorch, fastai or Playwright alone takes seconds in each process.
ONLY_SLOW = (TESTS / "browser", TESTS / "learn", TESTS / "scenarios" / "test_watermark.py")
STARTED_AT = "2026-01-01T00:00:00.000Z"
N_DIMENSIONS = 16  # Of drawn embeddings.


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave out what has only slow tests, where those are not wanted."""
    return True if config.option.markexpr == "not slow" and collection_path in ONLY_SLOW else None


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Use a process more than there are cores, four at most: browser tests wait for half of their time."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(cores + 1, 4)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_collection() -> Generator[None, object, object]:
    """Look for garbage seldom, and never among modules and tests: that is a tenth of the time of a run."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.set_threshold(20_000, 20, 20)
        gc.enable()


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    for item in items:
        if any(item.path.is_relative_to(each) for each in ONLY_SLOW):
            item.add_marker(pytest.mark.slow)
    if hasattr(config, "workerinput"):  # One of several processes.
        items[:] = _in_order(items)


def _in_order(items: list[pytest.Item]) -> list[pytest.Item]:
    """Return the tests with the longest files first, so that all processes end together.

    Files of browser tests, which mostly wait, alternate with slow ones that compute. Then come the others,
    the largest first. A file keeps the order of its tests.
    """
    files: dict[Path, list[pytest.Item]] = {}
    for item in items:
        files.setdefault(item.path, []).append(item)
    slow = [path for path, tests in files.items() if any("slow" in test.keywords for test in tests)]
    n_slow = {path: sum("slow" in test.keywords for test in files[path]) for path in slow}
    places: dict[Path, float] = {}
    for waits in (True, False):
        group = [path for path in slow if path.is_relative_to(TESTS / "browser") is waits]
        group.sort(key=lambda path: -n_slow[path])
        places |= {path: place / len(group) for place, path in enumerate(group)}
    order = sorted(files, key=lambda path: (places.get(path, 1.0), -len(files[path])))
    return [item for path in order for item in files[path]]


@pytest.fixture(autouse=True)
def no_network(request: pytest.FixtureRequest) -> object:
    """Block every connection that leaves this machine."""
    if "browser" not in request.keywords:
        disable_socket(allow_unix_socket=True)
    yield
    enable_socket()


@pytest.fixture(autouse=True)
def own_state(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the lists and secrets of whoever runs the tests out of them."""
    folder = tmp_path_factory.getbasetemp() / "state" / uuid.uuid4().hex
    monkeypatch.setenv("XDG_STATE_HOME", str(folder))  # Created by the few tests that write it.
    monkeypatch.setenv("HF_HOME", str(folder / "huggingface"))


@pytest.fixture(autouse=True)
def no_embedding(monkeypatch: pytest.MonkeyPatch) -> None:
    """Start no job for embeddings after an import; the tests of that job set it to 1."""
    monkeypatch.setenv("PEAKID_AUTO_EMBED", "0")
    monkeypatch.setenv("PEAKID_WORKER_IDLE_S", "2")  # Processes that a test leaves take time from the others.
    monkeypatch.setenv("PEAKID_SUGGESTER_IDLE_S", "20")
    monkeypatch.setenv("PEAKID_PREDICTOR_IDLE_S", "20")


@pytest.fixture(scope="session")
def empty_workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace to copy from: running all migrations takes 70 ms, and thousands of tests need one."""
    path = tmp_path_factory.mktemp("template") / "workspace"
    workspaces.create(path).close()
    return path


@pytest.fixture(autouse=True)
def copied_database(
    request: pytest.FixtureRequest, empty_workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> bool:
    """Start a new workspace as a copy of the migrated database, but in the tests of the migrations.

    Return whether it does. Looking for pending migrations, which takes longer than the copy, is left out.
    """
    if request.path.parent.name == "store":
        return False
    migrate = workspaces._migrate

    def copy_or_migrate(created: Workspace) -> None:
        database = created.path / workspaces.DATABASE_NAME
        if not created.is_read_only and database.stat().st_size == 0:
            shutil.copyfile(empty_workspace / database.name, database)
        else:
            migrate(created)

    monkeypatch.setattr(workspaces, "_migrate", copy_or_migrate)
    return True


@pytest.fixture
def workspace(tmp_path: Path, empty_workspace: Path, copied_database: bool) -> Workspace:
    if not copied_database:
        shutil.copytree(empty_workspace, tmp_path / "workspace")
    return workspaces.create(tmp_path / "workspace")


@cache
def _drawn(seed: int = 0, *, size: tuple[int, int] = (48, 36), format: str = "JPEG") -> bytes:
    coarse = np.random.default_rng(seed).integers(0, 256, (6, 8, 3), dtype=np.uint8)
    out = io.BytesIO()
    Image.fromarray(coarse).resize(size, Image.Resampling.BICUBIC).save(out, format)
    return out.getvalue()


@cache
def _inspected(data: bytes) -> Inspection:
    """Inspect a drawn image once: hundreds of tests fill their workspace with the same ones."""
    return inspection.inspect(data)


@pytest.fixture
def draw() -> Callable[..., bytes]:
    """Draw a small image whose pixels depend on `seed`: `draw(3, size=(40, 30), format="PNG")`."""
    return _drawn


@pytest.fixture
def fill(workspace: Workspace) -> Callable[..., list[str]]:
    """Add drawn images with folder labels to the workspace: `fill(river=3, sea=2)`; return their digests."""
    return functools.partial(_fill, workspace)


def _fill(workspace: Workspace, **n_images: int) -> list[str]:
    added = []
    for label, i in ((label, i) for label, n in n_images.items() for i in range(n)):
        data = _drawn(1000 * len(label) + i)
        added.append((label, f"{label}/{i:03}.jpg", _inspected(data)))
        images.store(workspace, added[-1][-1], data)
    with workspace.transaction() as connection:
        connection.execute(
            "INSERT INTO acquisition (source, actor, started_at) VALUES ('folder', 'import:folder', ?)",
            (STARTED_AT,),
        )
        step_id = decision_log.new_step(connection, actor="import:folder", kind="import")
        for label, path, inspected in added:
            image_id, _ = images.add(connection, inspected)
            connection.execute(
                "INSERT INTO origin (image_id, acquisition_id, source, path, label, created_at)"
                " VALUES (?, 1, 'folder', ?, ?, ?)",
                (image_id, path, label, STARTED_AT),
            )
            _append_label(connection, step_id, image_id, label)
    return [inspected.digest for _, _, inspected in added]


@pytest.fixture
def propose(workspace: Workspace, fill: Callable[..., list[str]]) -> Callable[..., list[str]]:
    """Fill a new workspace and plant proposed duplicates; return the digests.

    `propose((0, 1, "strong"), (2, 3, "proposed"))` by number, of four images of a river. Each second image
    lies a quarter of its width to the right.
    """

    def proposed(*pairs: tuple[int, int, proposals.Strength], **classes: int) -> list[str]:
        digests = fill(**(classes or {"river": 4}))
        known = stored.create(workspace, "views", size_px=8, weights_sha256="", n_dimensions=2, n_views=2)
        shift = ((1.0, 0.0, 0.25), (0.0, 1.0, 0.0))
        found = [
            proposals.Proposal((a + 1, b + 1), strength, 0.9, 30, 0.8, 1.0, shift) for a, b, strength in pairs
        ]
        proposals.write(workspace, found, range(1, len(digests) + 1), set_id=known.set_id, rules=1)
        return digests

    return proposed


def _append_label(connection: sqlite3.Connection, step_id: int, image_id: int, label: str) -> None:
    decision_log.append(
        connection,
        step_id=step_id,
        image_id=image_id,
        verdict="label",
        class_id=decision_log.class_id(connection, label),
        is_reviewed=False,
        actor="import:folder",
    )


@pytest.fixture
def as_idle(workspace: Workspace) -> Iterator[None]:
    """Hold the worker's lock of the workspace: jobs that a test submits stay queued."""
    lock = presence.take(workspace)
    assert lock is not None
    yield
    with contextlib.suppress(OSError):
        os.close(lock)


@pytest.fixture
def with_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder, set as TORCH_HOME, with files named as the published weights of every architecture."""
    checkpoints = tmp_path / "torch-home" / "hub" / "checkpoints"
    checkpoints.mkdir(parents=True)
    for architecture in architectures.TABLE.values():
        for name in architecture.weight_files[:1]:
            (checkpoints / name).touch()
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch-home"))
    return checkpoints


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real photos and weights; tests that need it are skipped if it does not exist."""
    folder = Path(os.environ.get("PEAKID_REAL_DATA", Path(__file__).resolve().parents[2] / "shared"))
    if not (folder / "data").is_dir():
        pytest.skip(f"no real photos at {folder} (set PEAKID_REAL_DATA)")
    return folder


@dataclass(frozen=True)
class Answer:
    """Exit code and output of one command."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@pytest.fixture
def peakid(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Answer]:
    """Run a command on `tmp_path/workspace`: `peakid("queue", "all", "--json").json`."""

    def run(*arguments: object) -> Answer:
        monkeypatch.setattr(
            sys, "argv", ["peakid", "--workspace", str(tmp_path / "workspace"), *map(str, arguments)]
        )
        capsys.readouterr()
        with pytest.raises(SystemExit) as exited:
            main()
        output = capsys.readouterr()
        return Answer(int(exited.value.code or 0), output.out, output.err)

    return run


@pytest.fixture
def plant(workspace: Workspace) -> Callable[[Mapping[str, str | None]], dict[str, str]]:
    """Add images without pixels, with their folder labels; return digests by name."""

    def planted(labels: Mapping[str, str | None]) -> dict[str, str]:
        digests = {name: hashlib.sha256(name.encode()).hexdigest() for name in labels}
        with workspace.transaction() as connection:
            acquisition = connection.execute(
                "INSERT INTO acquisition (source, actor, started_at) VALUES ('folder', 'import:folder', ?)",
                (now(),),
            ).lastrowid
            step = decision_log.new_step(connection, actor="import:folder", kind="import")
            for name, label in labels.items():
                image_id = connection.execute(
                    "INSERT INTO image (digest, format, n_bytes, width_px, height_px, phash, dhash, added_at,"
                    " compared_with) VALUES"
                    f" (?, 'JPEG', 10, 4, 3, '0000000000000000', '0000000000000000', ?, {RULE_VERSION})",
                    (digests[name], now()),
                ).lastrowid
                connection.execute(
                    "INSERT INTO origin (image_id, acquisition_id, source, path, label, created_at)"
                    " VALUES (?, ?, 'folder', ?, ?, ?)",
                    (image_id, acquisition, f"{label}/{name}.jpg", label, now()),
                )
                if label is not None:
                    _append_label(connection, step, image_id, label)
        return digests

    return planted


@pytest.fixture
def colour_export(tmp_path: Path) -> Path:
    """An export made without torch: the probability of a colour is its share of the mean values, at 8 px."""
    import onnx
    from onnx import TensorProto, helper

    folder = tmp_path / "colours"
    folder.mkdir()
    nodes = [
        helper.make_node("Cast", ["pixels"], ["floats"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["floats", "axes"], ["means"], keepdims=0),
        helper.make_node("ReduceSum", ["means", "last"], ["sums"], keepdims=1),
        helper.make_node("Div", ["means", "sums"], ["probabilities"]),
    ]
    constants = [
        helper.make_tensor("axes", TensorProto.INT64, [2], [1, 2]),
        helper.make_tensor("last", TensorProto.INT64, [1], [1]),
    ]
    inputs = helper.make_tensor_value_info("pixels", TensorProto.UINT8, ["batch", 8, 8, 3])
    outputs = helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["batch", 3])
    graph = helper.make_model(
        helper.make_graph(nodes, "shares", [inputs], [outputs], constants),
        opset_imports=[helper.make_opsetid("", 18)],
        ir_version=10,
    )
    onnx.save(graph, folder / "model.onnx")
    sha256 = hashlib.sha256((folder / "model.onnx").read_bytes()).hexdigest()
    card = {
        "class_names": ["red", "green", "blue"],
        "image_size_px": 8,
        "resize": "crop",
        "pixels_version": pixels.VERSION,
        "files": [{"name": "model.onnx", "format": "onnx", "sha256": sha256, "bytes": 1}],
    }
    (folder / "card.json").write_text(json.dumps(card))
    return folder


@pytest.fixture(scope="session")
def frozen_workspace(
    tmp_path_factory: pytest.TempPathFactory, empty_workspace: Path
) -> tuple[Path, Snapshot]:
    """A workspace to copy from, and its snapshot: comparing 40 images takes ten times as long as copying."""
    path = tmp_path_factory.mktemp("frozen") / "workspace"
    shutil.copytree(empty_workspace, path)
    workspace = workspaces.create(path)
    _fill(workspace, river=24, sea=16)
    snapshot = snapshots.create(workspace, name="first", actor="human:anna")
    workspace.close()
    return path, snapshot


@pytest.fixture
def frozen(workspace: Workspace, frozen_workspace: tuple[Path, Snapshot]) -> Snapshot:
    """A snapshot of 24 river and 16 sea images without near duplicates; 7 are for validation."""
    assert workspace.one("SELECT 1 FROM image UNION ALL SELECT 1 FROM job") is None  # It would be lost.
    workspace.close()
    path, snapshot = frozen_workspace
    shutil.copytree(path, workspace.path, dirs_exist_ok=True)
    copy = workspaces.create(workspace.path)  # It gets an identity of its own.
    made_at = now()  # A menu that says "1 min ago" would say "2 min ago" in the middle of a test.
    with copy.transaction() as connection:
        connection.execute("UPDATE snapshot SET created_at = ?", (made_at,))
    copy.close()
    return replace(snapshot, created_at=made_at)


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
    run_predictions.add(
        workspace,
        run_id,
        split,
        [item.digest for item in items],
        pred_probs,
        given,
        is_out_of_sample=split != "train",
    )


@pytest.fixture
def embed_as(workspace: Workspace) -> Callable[..., None]:
    """Add embeddings by true class, which are close: `embed_as(digests, {"a": "dom", "b": "eiger"})`."""

    def embedded(digests: dict[str, str], truth: dict[str, str], *, noise: float = 0.3) -> None:
        rng = np.random.default_rng(0)
        centres = {name: rng.normal(size=N_DIMENSIONS) for name in sorted(set(truth.values()))}
        of = {row["digest"]: row["id"] for row in workspace.query("SELECT id, digest FROM image")}
        ids = [of[digests[name]] for name in truth]
        features = [centres[true] + noise * rng.normal(size=N_DIMENSIONS) for true in truth.values()]
        found = stored.create(workspace, "drawn", size_px=0, weights_sha256="", n_dimensions=N_DIMENSIONS)
        stored.add(workspace, found.set_id, ids, np.array(features, dtype=np.float32))

    return embedded


@pytest.fixture
def flipped(
    plant: Callable[..., dict[str, str]], embed_as: Callable[..., None]
) -> tuple[dict[str, str], dict[str, str]]:
    """Images of three classes, two labelled wrongly and two without a label: digests and true classes."""
    truth = {f"{name} {n:02}": name for name in ("dom", "eiger", "jungfrau") for n in range(12)}
    given: dict[str, str | None] = {**truth, "dom 03": "eiger", "eiger 05": "jungfrau"}
    given |= {"jungfrau 00": None, "dom 11": None}
    digests = plant(given)
    embed_as(digests, truth)
    return digests, truth
