"""What tests run in processes that they kill. Each process has the imports of this module at its start."""

from pathlib import Path

from peakid.acquire.collecting import collect
from peakid.keep import backup, restore
from peakid.records import no_report
from peakid.store import workspace as workspaces
from tests.acquire.collecting.conftest import FAST
from tests.forked import Forks

FORKS = Forks(__name__)


def back_up(workspace: Path, file: Path) -> None:
    """Write a backup of a workspace."""
    backup.backup(workspaces.open_existing(workspace), file)


def restore_into(target: Path, file: Path) -> None:
    """Replace the workspace in a folder by that of a backup."""
    restore.restore(file, target, replace=True)


def collect_into(workspace: Path) -> None:
    """Fetch the candidates of the class `lakes`."""
    opened = workspaces.open_existing(workspace)
    collect.collect(opened, "lakes", options=FAST, actor="human:anna", report=no_report)
