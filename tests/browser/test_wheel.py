"""The wheel holds the whole project: installed away from the checkout, its commands and pages work."""

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import tomllib
import urllib.error
import urllib.request
import venv
import zipfile
from collections.abc import Generator
from pathlib import Path
from typing import Literal

import pytest
from packaging.requirements import Requirement
from playwright.sync_api import Page, expect

from tests.browser.conftest import SETTLED, go

ROOT = Path(__file__).resolve().parents[2]
BUILD_INPUTS = ("peakid", "pages", "recipes", "db", ".streamlit")
PAGES = sorted(path.stem for path in (ROOT / "pages").glob("*.py"))
START_TIMEOUT_S = 60
BACKGROUNDS: dict[Literal["light", "dark"], str] = {
    "light": "rgb(250, 251, 252)",
    "dark": "rgb(18, 23, 29)",
}  # As in .streamlit/config.toml.


def _run(command: list[str], *, cwd: Path, environment: dict[str, str] | None = None) -> str:
    done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of what the build reads, so that the checkout gets no `build` folder."""
    folder = tmp_path_factory.mktemp("project")
    for name in BUILD_INPUTS:
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for path in ROOT.iterdir():
        if path.is_file() and path.name != ".git":
            shutil.copy(path, folder)
    return folder


@pytest.fixture(scope="module")
def wheel(project: Path) -> Path:
    command = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "-w", "dist", "."]
    _run(command, cwd=project)
    (built,) = (project / "dist").glob("*.whl")
    return built


class Installed:
    """Peakid from the wheel, in an environment that does not contain the checkout."""

    def __init__(self, wheel: Path, folder: Path) -> None:
        self.cwd = folder / "caller"
        self.cwd.mkdir()
        venv.create(folder / "venv", with_pip=False, symlinks=True)
        self.bin = folder / "venv" / "bin"
        pip = [sys.executable, "-m", "pip", "--python", str(self.bin / "python")]
        _run([*pip, "install", "--no-deps", "--no-index", str(wheel)], cwd=folder)
        # The libraries come from the environment of the tests. A .pth file adds their folder, but ignores the
        # .pth files in it, one of which makes the checkout importable.
        libraries = [path for path in sys.path if path.endswith("site-packages")]
        (site,) = (folder / "venv" / "lib").glob("*/site-packages")
        (site / "libraries.pth").write_text("\n".join(libraries) + "\n")
        self.environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        self.environment |= {"PYTHONNOUSERSITE": "1", "PEAKID_WORKER_IDLE_S": "1"}

    def run(self, program: str, *arguments: str) -> str:
        return _run([str(self.bin / program), *arguments], cwd=self.cwd, environment=self.environment)

    def peakid(self, *arguments: str) -> str:
        return self.run("peakid", "--workspace", "collection", *arguments)


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    return Installed(wheel, tmp_path_factory.mktemp("installed"))


@pytest.fixture(scope="module")
def demo(installed: Installed) -> Installed:
    installed.peakid("demo", "--images", "12")
    return installed


@pytest.fixture(scope="module")
def address(demo: Installed) -> Generator[str]:
    """`peakid app` of the installed package."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [str(demo.bin / "peakid"), "--workspace", "collection", "app", "--port", str(port)]
    log = demo.cwd / "server.log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            command, cwd=demo.cwd, env=demo.environment, stdout=out, stderr=subprocess.STDOUT
        )
    try:
        _wait_for(f"http://127.0.0.1:{port}/_stcore/health", process, log)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(20)


def _wait_for(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline:
        try:
            urllib.request.urlopen(url, timeout=1)
        except (urllib.error.URLError, OSError):
            assert process.poll() is None, log.read_text()
            time.sleep(0.1)
        else:
            return
    raise TimeoutError(log.read_text())


def _pins(file: str) -> dict[str, str]:
    lines = (ROOT / file).read_text().splitlines()
    pins = [Requirement(line) for line in lines if line.strip() and not line.startswith(("#", "-"))]
    return {pin.name: str(pin.specifier).removeprefix("==") for pin in pins}


def test_every_dependency_is_pinned_for_the_tests_to_a_version_in_its_range() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    ranges = {each.name: each.specifier for each in map(Requirement, project["dependencies"])}
    pins = _pins("requirements-dev.txt") | _pins("requirements.txt")
    assert set(_pins("requirements.txt")) <= set(ranges) <= set(pins)
    assert [name for name, allowed in ranges.items() if pins[name] not in allowed] == []


@pytest.mark.slow
def test_the_wheel_holds_every_file_of_the_project(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    code = {path for path in ROOT.glob("peakid/**/*") if path.is_file() and "__pycache__" not in path.parts}
    assert {str(path.relative_to(ROOT)) for path in code} <= names
    bundled = [*ROOT.glob("pages/*.py"), *ROOT.glob("recipes/**/*.toml"), *ROOT.glob("db/migrations/*.sql")]
    bundled += [ROOT / "streamlit_app.py", ROOT / ".streamlit" / "config.toml"]
    assert {f"peakid/bundled/{path.relative_to(ROOT)}" for path in bundled} <= names
    assert not [name for name in names if name.startswith(("tests/", "bench/", "pages/"))]


@pytest.mark.slow
def test_a_source_archive_builds_the_same_wheel(project: Path, wheel: Path, tmp_path: Path) -> None:
    build = f"from setuptools import build_meta; build_meta.build_sdist({str(tmp_path)!r})"
    _run([sys.executable, "-c", build], cwd=project)
    (archive,) = tmp_path.glob("*.tar.gz")
    _run(
        [
            *(sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation"),
            *("-w", str(tmp_path), str(archive)),
        ],
        cwd=tmp_path,
    )
    (rebuilt,) = tmp_path.glob("*.whl")
    assert _contents(rebuilt) == _contents(wheel)


def _contents(wheel: Path) -> dict[str, int]:
    return {each.filename: each.CRC for each in zipfile.ZipFile(wheel).infolist()}


@pytest.mark.slow
def test_the_installed_commands_work_away_from_the_checkout(demo: Installed) -> None:
    package = demo.run("python", "-c", "import peakid; print(peakid.__file__)")
    assert Path(package).is_relative_to(demo.bin.parent)
    n_images = json.loads(demo.peakid("status", "--json"))["n_images"]
    assert n_images >= 12
    assert json.loads(demo.peakid("scan", "--json"))
    presets = "from peakid import resources; print(resources.path('recipes') / 'standard.toml')"
    preset = Path(demo.run("python", "-c", presets).strip())
    assert preset.is_file()
    assert preset.is_relative_to(demo.bin.parent)


@pytest.mark.slow
@pytest.mark.usefixtures("socket_enabled")
@pytest.mark.parametrize("name", PAGES)
def test_the_installed_app_delivers_each_page(address: str, name: str) -> None:
    with urllib.request.urlopen(f"{address}/{name}", timeout=20) as answer:
        assert answer.status == 200
        assert b"<title>" in answer.read()


@pytest.mark.slow
@pytest.mark.browser
def test_the_pages_of_the_installed_app_run_in_our_colours(page: Page, address: str) -> None:
    for scheme, background in BACKGROUNDS.items():
        page.emulate_media(color_scheme=scheme)
        page.goto(address)
        others = [each for each in PAGES if each != "overview"]
        for name in ["overview", *others] if scheme == "light" else ["overview"]:
            if name != "overview":
                go(page, name)
            expect(page.locator(SETTLED)).to_be_visible(timeout=30_000)
            elements = page.locator("[data-testid=stMain] [data-testid=stElementContainer]")
            expect(elements).not_to_have_count(0)
            expect(page.locator("[data-testid=stException]")).to_have_count(0)
        expect(page.locator("[data-testid=stApp]")).to_have_css("background-color", background)
