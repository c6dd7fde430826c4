"""A workspace that cannot be written can be read; a decision is refused in words, and nothing changes."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from peakid.errors import WorkspaceNotWritable
from peakid.resources import PROJECT_ROOT
from peakid.store import status
from peakid.store import workspace as workspaces
from peakid.store.workspace import DATABASE_NAME, Workspace

NOT_ROOT = 65534
# Root can write anywhere: the commands run as a user who may only read, in a folder that everyone can reach.
# One process imports them; each runs in a fork of it.
AS_READER = f"""
import json, os, sys
sys.path.insert(0, {str(PROJECT_ROOT)!r})
import peakid.cli.workspace, peakid.cli.history, peakid.cli.review, peakid.cli.jobs, peakid.cli.keep
import peakid.cli.classes, peakid.cli.curate, peakid.cli.dataset, peakid.cli.verify, peakid.cli.acquire
import peakid.cli.evaluation.evaluate
import sqlite_utils, PIL.Image
from peakid.cli.main import main
os.chdir("/")
for line in sys.stdin:
    command, out, err = json.loads(line)
    child = os.fork()
    if child == 0:
        os.dup2(os.open("/dev/null", os.O_RDONLY), 0)
        for number, file in ((1, out), (2, err)):
            os.dup2(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), number)
        if os.geteuid() == 0:
            os.setgid({NOT_ROOT}); os.setuid({NOT_ROOT})
        sys.argv = ["peakid", *command]
        try:
            main()
        except SystemExit as end:  # Without taking the modules down, which takes longer than the command.
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(end.code or 0)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""
AsReader = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def as_reader(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AsReader]:
    """Run a command on a workspace as the user who may only read: `as_reader(folder, "status", "--json")`."""
    outputs = tmp_path_factory.mktemp("outputs")
    files = outputs / "out", outputs / "err"
    command = [sys.executable, "-c", AS_READER]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None

        def run(folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
            arguments = ["--workspace", str(folder), *command]
            print(json.dumps([arguments, *map(str, files)]), file=process.stdin, flush=True)
            code = int(process.stdout.readline())
            return subprocess.CompletedProcess(arguments, code, *(file.read_text() for file in files))

        yield run
        process.stdin.close()


def set_modes(folder: Path, *, is_writable: bool) -> None:
    for path in [folder, *folder.rglob("*")]:
        if path.is_dir():
            path.chmod(0o755 if is_writable else 0o555)
        else:
            path.chmod(0o644 if is_writable else 0o444)


def state_of(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def reachable() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="peakid-read-only-", dir="/tmp"))
    folder.chmod(0o777)
    yield folder
    set_modes(folder, is_writable=True)
    shutil.rmtree(folder)


@pytest.fixture
def readable(workspace: Workspace, fill: Callable[..., list[str]], reachable: Path) -> tuple[Path, list[str]]:
    """A workspace that may only be read, and the digests of its five images."""
    digests = fill(river=3, sea=2)
    workspace.close()
    shutil.copytree(workspace.path, reachable / "w")
    set_modes(reachable / "w", is_writable=False)
    return reachable / "w", digests


@pytest.mark.slow
@pytest.mark.parametrize(
    "command",
    [
        ["status"],
        ["log"],
        ["queue", "all"],
        ["queues"],
        ["classes", "list"],
        ["snapshot", "list"],
        ["jobs", "list"],
        ["roots", "list"],
        ["views", "list"],
        ["duplicates", "list"],
        ["issues", "list"],
    ],
    ids=" ".join,
)
def test_a_workspace_that_cannot_be_written_can_be_read(
    readable: tuple[Path, list[str]], as_reader: AsReader, command: list[str]
) -> None:
    folder, _ = readable
    before = state_of(folder)
    finished = as_reader(folder, *command, "--json")
    assert (finished.returncode, finished.stderr) == (0, "")
    json.loads(finished.stdout)
    assert state_of(folder) == before


@pytest.mark.slow
def test_it_can_be_backed_up_to_another_folder(readable: tuple[Path, list[str]], as_reader: AsReader) -> None:
    folder, _ = readable
    finished = as_reader(folder, "backup", str(folder.parent / "copy.zip"), "--json")
    assert (finished.returncode, finished.stderr) == (0, "")
    assert json.loads(finished.stdout)["n_images"] == 5


@pytest.mark.slow
@pytest.mark.parametrize(
    "command", [["decide", "label", "{digest}", "sea"], ["classes", "add", "lake"], ["scan"], ["verify"]]
)
def test_a_change_is_refused_in_words(
    readable: tuple[Path, list[str]], as_reader: AsReader, command: list[str]
) -> None:
    folder, digests = readable
    before = state_of(folder)
    finished = as_reader(folder, *(each.format(digest=digests[0]) for each in command))
    assert finished.returncode == 1
    assert finished.stderr.startswith(f"The workspace {folder} can only be read: ")
    assert finished.stderr.count("\n") == 1
    assert state_of(folder) == before


@pytest.mark.slow
def test_decisions_still_in_the_journal_are_read(
    workspace: Workspace, fill: Callable[..., list[str]], reachable: Path, as_reader: AsReader
) -> None:
    fill(river=3, sea=2)
    shutil.copytree(workspace.path, reachable / "w")  # It is open: the journal has the newest rows.
    assert (reachable / "w" / f"{DATABASE_NAME}-wal").stat().st_size > 0
    set_modes(reachable / "w", is_writable=False)
    finished = as_reader(reachable / "w", "status", "--json")
    assert (finished.returncode, finished.stderr) == (0, "")
    assert json.loads(finished.stdout)["n_decisions"] == 5


def test_changes_of_another_process_are_seen_by_a_reader(
    workspace: Workspace, fill: Callable[..., list[str]]
) -> None:
    workspace.close()
    reader = Workspace(workspace.path, is_read_only=True)
    assert status.read(reader).n_images == 0
    fill(river=2)  # The first write creates a journal, so the reader opens the database again.
    assert status.read(reader).n_images == 2
    with pytest.raises(WorkspaceNotWritable, match="can only be read"), reader.transaction():
        pass
    reader.close()


@pytest.mark.skipif(os.geteuid() == 0, reason="root can write anywhere")
def test_a_folder_without_write_permission_is_opened_for_reading(workspace: Workspace) -> None:
    workspace.close()
    set_modes(workspace.path, is_writable=False)
    try:
        assert workspaces.open_existing(workspace.path).is_read_only
    finally:
        set_modes(workspace.path, is_writable=True)
