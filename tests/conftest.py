"""What every test shares: a fresh workspace, small images, the folder of real photos, and no network."""

import io
import json
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from pytest_socket import disable_socket, enable_socket

from peakid import workspace as workspaces
from peakid.cli.main import main
from peakid.workspace import Workspace


@pytest.fixture(autouse=True)
def no_network(request: pytest.FixtureRequest) -> object:
    """Block every connection that leaves this machine."""
    if "browser" not in request.keywords:
        disable_socket(allow_unix_socket=True)
    yield
    enable_socket()


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return workspaces.create(tmp_path / "workspace")


@pytest.fixture
def draw() -> Callable[..., bytes]:
    """Draw a small image whose pixels depend on `seed`: `draw(3, size=(40, 30), format="PNG")`."""

    def drawn(seed: int = 0, *, size: tuple[int, int] = (48, 36), format: str = "JPEG") -> bytes:
        coarse = np.random.default_rng(seed).integers(0, 256, (6, 8, 3), dtype=np.uint8)
        out = io.BytesIO()
        Image.fromarray(coarse).resize(size, Image.Resampling.BICUBIC).save(out, format)
        return out.getvalue()

    return drawn


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real photos and weights; tests that need it are skipped where it is absent."""
    folder = Path(os.environ.get("PEAKID_REAL_DATA", Path(__file__).resolve().parents[2] / "shared"))
    if not (folder / "data").is_dir():
        pytest.skip(f"no real photos at {folder} (set PEAKID_REAL_DATA)")
    return folder


@dataclass(frozen=True)
class Answer:
    """What one command said."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@pytest.fixture
def peakid(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Answer]:
    """Run a command on `tmp_path/workspace` as a terminal would: `peakid("queue", "all", "--json").json`."""

    def run(*arguments: object) -> Answer:
        monkeypatch.setattr(sys, "argv", ["peakid", "--workspace", str(tmp_path / "workspace"), *map(str, arguments)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as left:
            main()
        said = capsys.readouterr()
        return Answer(int(left.value.code or 0), said.out, said.err)

    return run
