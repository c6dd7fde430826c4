"""The process that keeps the live head of a workspace in memory and follows the judgements.

Run it with `python -m peakid.jobs.suggester --workspace DIR`, or let `ensure` start it. It keeps nothing of
its own: the next one begins with what is stored.
"""

import argparse
import contextlib
import os
import sqlite3
import sys
import time
import traceback
from pathlib import Path

from threadpoolctl import threadpool_limits

from peakid import files, printable
from peakid.embed import stored
from peakid.errors import PeakidError, TooFewClasses, WorkspaceBusy
from peakid.jobs import presence
from peakid.jobs.presence import SUGGESTER
from peakid.store import workspace as workspaces
from peakid.store.workspace import DATABASE_NAME, Workspace, now
from peakid.suggest import fitted, live
from peakid.suggest.fitted import HeadFit
from peakid.suggest.live import Live

POLL_S = 0.1  # One look at the database takes some hundredths of a millisecond.
IDLE_S = 600.0
REST = 4.0  # While images are embedded, the head is built again after this many times what building takes.
NICENESS = 5  # Below the pages: a key is saved before the head is fitted.
FITS_WITHIN_S = 120.0  # What a command waits for the process; 100,000 images take less than 20 s.
_LOOK_S = 0.2


class Follower:
    """Looks whether the workspace has changed, and refits the head where it has."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace
        self.live = Live(workspace)
        self.busy_at = time.monotonic()
        self._version = -1
        self._tried: str | None = None
        self._built_at = 0.0
        self._waits = False  # For the time to build the head again.

    def poll(self) -> HeadFit | None:
        """Refit where there are new judgements or embeddings. Return the fit, None where nothing was done."""
        version = self.workspace.query("PRAGMA data_version")[0][0]  # Changes when another process writes.
        if version == self._version and not self._waits:
            return None
        basis = live.read_basis(self.workspace)
        text = basis.text if basis else ""
        if text == self._tried and not self._waits:
            self._version = version
            return None
        is_rebuilt = time.monotonic() - self._built_at >= REST * self.live.build_seconds
        if self._waits and not is_rebuilt and version == self._version:
            return None
        fit = self.live.refresh(is_rebuilt=is_rebuilt)
        if is_rebuilt:
            self._built_at = time.monotonic()
        self._version, self._tried = version, text
        self._waits = fit is not None and fit.basis != text
        self.busy_at = time.monotonic()
        return fit

    def has_work(self) -> bool:
        """Return whether there is something that the last fit does not know."""
        basis = live.read_basis(self.workspace)
        return basis is not None and basis.text != self._tried

    def idle_s(self) -> float:
        return time.monotonic() - self.busy_at


def run(workspace: Workspace, lock: int, *, idle_s: float = IDLE_S) -> None:
    """Run until nothing has changed for a while, or the workspace is gone or another one.

    Args:
        lock: The open file that holds the lock of this service.
    """
    presence.sign(lock)
    database = workspace.path / DATABASE_NAME
    file = files.file_of(database)
    follower = Follower(workspace)
    _log("The live head starts.")
    while files.file_of(database) == file:
        try:
            if fit := follower.poll():
                _log(f"Fit {fit.number}: {fit.n_labelled} of {fit.n_images} labelled, {fit.seconds:.2f} s.")
        except (PeakidError, sqlite3.OperationalError, OSError, ValueError):
            traceback.print_exc()  # A full disk or a busy database: the next change is another attempt.
            time.sleep(1)
        if follower.idle_s() > idle_s and _may_exit(follower, lock):
            break
        time.sleep(POLL_S)
    _log("The live head exits.")


def ensure(workspace: Workspace) -> None:
    """Start the process of a workspace with embeddings unless it runs, at most every few seconds."""
    if workspace.is_read_only or not presence.may_start(workspace.path, SUGGESTER):
        return
    if workspace.one("SELECT 1 FROM embedding LIMIT 1") is not None:
        with contextlib.suppress(OSError):  # The queues show the last fit, and the next run tries again.
            presence.ensure(workspace, SUGGESTER)


def up_to_date(workspace: Workspace) -> HeadFit:
    """Return a fit that knows all judgements: computed here, or awaited where the process runs.

    Raises:
        NoEmbeddings: If no image has an embedding.
        TooFewClasses: If fewer than two classes have a labelled image with an embedding.
        WorkspaceBusy: If the process did not finish in time.
    """
    stored.find(workspace)
    if not live.is_outdated(workspace) or workspace.is_read_only:
        return _fitted(workspace)
    ends_at = time.monotonic() + FITS_WITHIN_S
    while (lock := presence.take(workspace, SUGGESTER)) is None:
        time.sleep(_LOOK_S)
        if not live.is_outdated(workspace):
            return _fitted(workspace)
        if time.monotonic() > ends_at:
            raise WorkspaceBusy(
                "The suggestions are still being computed.", "Wait until it is done, and try again."
            )
    try:
        Live(workspace).refresh()
    finally:
        os.close(lock)
    return _fitted(workspace)


def _fitted(workspace: Workspace) -> HeadFit:
    fit = fitted.read_fit(workspace)
    if fit is None:
        raise TooFewClasses(
            f"Suggestions need labelled images of {live.FEWEST_CLASSES} classes or more.",
            "Label some images of each class first.",
        )
    return fit


def _may_exit(follower: Follower, lock: int) -> bool:
    """Release the lock, then look once more: what is judged later starts another process."""
    presence.release(lock)
    return not follower.has_work() or not presence.hold(lock)


def _log(text: str) -> None:
    print(f"{now()} {printable.lines(text)}", file=sys.stderr, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m peakid.jobs.suggester", description="Keep the suggestions of a workspace up to date."
    )
    parser.add_argument("--workspace", type=Path, required=True)
    parser.add_argument("--lock", type=int, help="An inherited file descriptor that holds the lock.")
    parser.add_argument("--idle-s", type=float, default=IDLE_S, help="Exit after so long without a change.")
    arguments = parser.parse_args()
    opened = workspaces.open_existing(arguments.workspace)
    lock = presence.take(opened, SUGGESTER) if arguments.lock is None else arguments.lock
    if lock is None:
        _log("Another one is running.")
        return
    os.nice(NICENESS)
    # One core is left to the pages, which draw what a key changes.
    with threadpool_limits(max(1, (os.cpu_count() or 2) - 1)):
        run(opened, lock, idle_s=arguments.idle_s)


if __name__ == "__main__":
    main()
