"""From photos in an S3 store to a proven export, without a copy of the originals on this machine.

The store is a server that the tests start themselves. Once it is stopped in the middle of the work.
"""

import logging
import re
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import pytest
from pytest_socket import enable_socket

from peakid.acquire import folder, import_batches
from peakid.acquire.objects import importing
from peakid.curate import scan
from peakid.dataset import snapshot as snapshots
from peakid.errors import StoreRefused
from peakid.jobs import queue, submit
from peakid.jobs.job import Job
from peakid.jobs.results import ExportResult
from peakid.recipe.recipe import Recipe
from peakid.store import images
from peakid.store.objects import image_stores, opening
from peakid.store.workspace import Workspace
from peakid.store_urls import StoreUrl, parse

pytestmark = pytest.mark.slow
Draw = Callable[..., bytes]
ENDS_WITHIN_S = 1200.0


class Server:
    """An S3 server on this machine. It keeps its objects while it is stopped."""

    def __init__(self) -> None:
        from moto.server import ThreadedMotoServer

        logging.getLogger("werkzeug").setLevel(logging.ERROR)
        self._new = ThreadedMotoServer
        self._running = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
        self._running.start()
        self.port = int(self._running.get_host_and_port()[1])
        self.address = f"http://127.0.0.1:{self.port}"

    def stop(self) -> None:
        self._running.stop()

    def start(self) -> None:
        self._running = self._new(ip_address="127.0.0.1", port=self.port, verbose=False)
        self._running.start()


@pytest.fixture(autouse=True)
def to_this_machine(no_network: object) -> None:
    """Allow connections again; the server is on loopback."""
    enable_socket()


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    found = Server()
    yield found
    found.stop()


@pytest.fixture
def store(server: Server, monkeypatch: pytest.MonkeyPatch) -> StoreUrl:
    """A new bucket, and the credentials for it in the environment."""
    for name in ("ACCESS_KEY_ID", "SECRET_ACCESS_KEY", "SESSION_TOKEN"):
        monkeypatch.setenv(f"AWS_{name}", "testing-secret")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_ENDPOINT_URL", server.address)
    url = parse(f"s3://bucket-{time.monotonic_ns()}/photos")
    opening.file_system(url).mkdir(url.bucket)
    return url


def fill(store: StoreUrl, draw: Draw, n: int) -> dict[str, bytes]:
    """Put n photos of two classes into a store."""
    photos = {f"{('sea', 'river')[k % 2]}/{k}.jpg": draw(k, size=(96, 72)) for k in range(n)}
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda one: image_stores.write(store.inside(one[0]), one[1]), photos.items()))
    return photos


def freeze(workspace: Workspace) -> None:
    fractions = {"train": 0.6, "valid": 0.2, "test": 0.2}
    snapshots.create(workspace, name="all", actor="human:anna", fractions=fractions)


def ended(workspace: Workspace, job: Job, hear: Callable[[str], None]) -> Job:
    until = time.monotonic() + ENDS_WITHIN_S
    while (job := queue.show(workspace, job.job_id)).state in ("queued", "running"):
        assert time.monotonic() < until, job.message
        hear(job.message)
        time.sleep(0.05)
    assert job.state == "done", job.error
    return job


def originals_here(workspace: Workspace) -> list[Any]:
    return [path for path in workspace.images_dir.rglob("*") if path.is_file()]


def empty_cache(workspace: Workspace) -> None:
    """Let the next reader of an original ask the store."""
    for file in workspace.cache_dir.glob("objects/??/*"):
        file.unlink()


@dataclass
class Outage:
    """The server is stopped, and comes back some time after someone has said that they wait for it."""

    server: Server
    seconds: float
    said: list[str] = field(default_factory=list)
    back: threading.Timer | None = None

    def begin(self) -> None:
        self.said.clear()
        self.back = None
        self.server.stop()

    def hear(self, message: str) -> None:
        self.said.append(message)
        if self.back is None and message.startswith("Waiting for s3://bucket-"):
            assert re.search(r": connection (refused|lost), next try in \d+ s$", message)
            self.back = threading.Timer(self.seconds, self.server.start)
            self.back.start()

    def end(self) -> None:
        assert self.back is not None, self.said[-5:]
        self.back.join()


def walk(workspace: Workspace, outage: Outage, store: StoreUrl, *, n: int) -> dict[str, float]:
    """Import, scan, train and export from the store; it is away while the import and the training read.

    Return the seconds of each step.
    """
    is_begun, times = False, [time.monotonic()]

    def report(phase: str, step: int, total: int, message: str) -> None:
        nonlocal is_begun
        if step == n // 8 and not is_begun:
            is_begun = True
            outage.begin()
        outage.hear(message)

    imported = importing.import_store(workspace, store, actor="human:anna", report=report)
    outage.end()
    assert (imported.n_added, imported.n_rejected) == (n, 0)
    times.append(time.monotonic())
    assert scan.scan(workspace).n_scanned == n
    freeze(workspace)
    empty_cache(workspace)
    times.append(time.monotonic())
    recipe = Recipe(
        arch="small_resnet",
        image_size_px=32,
        batch_size=16,
        pretrained="none",
        scratch_epochs=1,
        device="cpu",
    )
    outage.begin()
    ended(workspace, submit.train(workspace, recipe, allows_random=True, actor="human:anna"), outage.hear)
    outage.end()
    times.append(time.monotonic())
    empty_cache(workspace)
    run_id = workspace.one("SELECT MAX(id) FROM run")[0]
    export = submit.export(workspace, run_id, formats=["safetensors"], actor="human:anna")
    exported = ended(workspace, export, outage.hear)
    result = exported.result_as(ExportResult)
    assert result is not None
    assert result.parity
    assert originals_here(workspace) == []
    times.append(time.monotonic())
    steps = ("import", "scan and snapshot", "train", "export")
    return {step: times[k + 1] - times[k] for k, step in enumerate(steps)}


def test_photos_in_a_store_become_a_proven_export_though_it_is_away_twice(
    workspace: Workspace,
    server: Server,
    store: StoreUrl,
    draw: Draw,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(import_batches, "N_AHEAD", 4)  # So that not everything is read before the first step.
    fill(store, draw, 60)
    walk(workspace, Outage(server, 1.0), store, n=60)
    database = (workspace.path / "peakid.db").read_bytes()
    logs = b"".join(path.read_bytes() for path in workspace.logs_dir.glob("*"))
    assert b"testing-secret" not in database + logs


@pytest.mark.thorough
def test_five_thousand_photos_in_a_store_that_is_away_for_a_minute(
    workspace: Workspace, server: Server, store: StoreUrl, draw: Draw
) -> None:
    fill(store, draw, 5000)
    print(walk(workspace, Outage(server, 60.0), store, n=5000))


def test_wrong_credentials_and_a_missing_bucket_end_at_once(
    workspace: Workspace, server: Server, store: StoreUrl, draw: Draw, monkeypatch: pytest.MonkeyPatch
) -> None:
    from moto import settings as server_settings
    from moto.core.responses import ActionAuthenticatorMixin

    fill(store, draw, 2)
    with pytest.raises(StoreRefused, match="no bucket 'nowhere-at-all'"):
        importing.import_store(workspace, parse("s3://nowhere-at-all/photos"), actor="human:anna")
    monkeypatch.setattr(server_settings, "INITIAL_NO_AUTH_ACTION_COUNT", 0.0)
    monkeypatch.setattr(ActionAuthenticatorMixin, "request_count", 0)
    with pytest.raises(StoreRefused, match="does not accept the credentials") as refused:
        importing.import_store(workspace, store, actor="human:anna")
    assert "testing-secret" not in str(refused.value)
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nowhere")
    with pytest.raises(StoreRefused, match="no usable credentials"):
        importing.import_store(workspace, store, actor="human:anna")


def test_originals_of_a_workspace_in_an_s3_store_are_read_again_after_a_second_import(
    workspace: Workspace, store: StoreUrl, draw: Draw, tmp_path
) -> None:
    image_stores.set_current(workspace, store, has_thumbnails=True)
    (tmp_path / "photos" / "sea").mkdir(parents=True)
    for k in range(3):
        (tmp_path / "photos" / "sea" / f"{k}.jpg").write_bytes(draw(k))
    folder.import_folder(workspace, tmp_path / "photos", actor="human:anna")
    assert originals_here(workspace) == []
    [stored] = image_stores.list_stores(workspace)
    assert (stored.n_images, stored.url) == (3, str(store))
    for file in (*workspace.cache_dir.glob("objects/??/*"), *workspace.thumbs_dir.glob("??/*")):
        file.unlink()
    digests = [row["digest"] for row in workspace.query("SELECT digest FROM image")]
    assert {data for _, data in images.read_many(workspace, digests)} == {draw(k) for k in range(3)}
    assert all(images.thumbnail(workspace, digest) for digest in digests)
