"""The code to copy runs as it is: with Peakid, with an unpacked bundle alone, and over HTTP."""

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
import zipfile
from pathlib import Path

import pytest
from PIL import Image

from peakid.records import Export
from peakid.resources import PROJECT_ROOT
from peakid.serve import snippets
from peakid.serve.bundle import bundle
from peakid.serve.bundle.model_card import ModelFacts

PHOTO = "a 'green' photo.png"
GREEN = ["green", "green: 62.5%", "red: 31.2%", "blue: 6.2%"]  # 100 / 160, 50 / 160, 10 / 160


@pytest.fixture
def export(colour_export: Path, tmp_path: Path) -> Export:
    """An export of colours in a folder whose name needs quotes, and a photo beside it."""
    folder = colour_export.rename(tmp_path / "an 'export'")
    Image.new("RGB", (20, 10), (50, 100, 10)).save(tmp_path / PHOTO)
    return Export(3, 1, str(folder), [], {}, "2026-01-01T00:00:00.000Z")


def run(command: list[str], folder: Path, **environment: str) -> str:
    own = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        command, cwd=folder, env=own | environment, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.slow
def test_python_with_peakid_prints_the_answer_and_loads_no_torch(export: Export, tmp_path: Path) -> None:
    code = snippets.of("peakid", export, photo=PHOTO)
    code += "import sys\nassert 'torch' not in sys.modules\n"
    out = run([sys.executable, "-c", code], tmp_path, PYTHONPATH=str(PROJECT_ROOT))
    assert out.splitlines() == GREEN


@pytest.mark.slow
def test_python_without_peakid_prints_the_same_in_the_folder_of_a_bundle(
    export: Export, tmp_path: Path
) -> None:
    facts = ModelFacts(
        title="Colours",
        score="",
        test_score="",
        classes=[],
        sources={},
        licences={},
        recipe={},
        snapshot="",
        weights="",
        warnings=[],
    )
    bundle.write(Path(export.path), tmp_path / "b.zip", facts)
    folder = tmp_path / "unpacked"
    with zipfile.ZipFile(tmp_path / "b.zip") as archive:
        archive.extractall(folder)
    shutil.copy(tmp_path / PHOTO, folder / PHOTO)
    code = snippets.of("bundle", export, photo=PHOTO)
    blocked = "import sys\nsys.modules['peakid'] = None\n"  # Importing it is an error.
    assert run([sys.executable, "-c", blocked + code], folder).splitlines() == GREEN


@pytest.mark.slow
@pytest.mark.browser  # It opens a connection to this machine.
def test_the_server_and_curl_give_the_same(export: Export, tmp_path: Path) -> None:
    curl = shutil.which("curl")
    if curl is None:
        pytest.skip("curl is not installed")
    (tmp_path / "bin").mkdir()
    command = tmp_path / "bin" / "peakid"
    command.write_text(f'#!/bin/sh\nexec {sys.executable} -m peakid "$@"\n')
    command.chmod(0o755)
    environment = {
        **os.environ,
        "PATH": f"{command.parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(PROJECT_ROOT),
    }
    port = free_port()
    serve, ask = snippets.of("http", export, photo=PHOTO).replace(str(snippets.PORT), str(port)).splitlines()
    with subprocess.Popen(
        ["/bin/sh", "-c", f"exec {serve}"], cwd=tmp_path, env=environment, stdout=subprocess.DEVNULL
    ) as server:
        try:
            wait_for(f"http://127.0.0.1:{port}/health")
            answer = json.loads(run(["/bin/sh", "-c", f"{ask} --silent --show-error"], tmp_path))
        finally:
            server.terminate()
            server.wait(20)
    [found] = answer["predictions"]
    assert (found["label"], round(found["confidence"], 3)) == ("green", 0.625)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(url: str) -> None:
    for _ in range(600):
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except OSError:
            time.sleep(0.1)
    raise AssertionError(f"{url} does not answer")


def test_the_code_is_complete_and_valid_for_any_path() -> None:
    hostile = Export(1, 1, '/tmp/it\'s "quoted"\n$(rm -rf x)', [], {}, "")
    for way in ("peakid", "bundle"):
        compile(snippets.of(way, hostile), way, "exec")
    assert "'\"'\"'" in snippets.of("http", hostile)  # Quoted as the shell needs it.
