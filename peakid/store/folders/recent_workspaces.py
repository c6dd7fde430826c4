"""The list of the workspaces that this user opened last, in a file of the user, not of a workspace.

It is a convenience: where it cannot be read or written, there is none, and nothing else fails.
"""

import contextlib
import fcntl
import json
import logging
import os
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from peakid import documents, files, settings
from peakid.store.workspace import now

FILE_NAME = "workspaces.json"
MAX_KEPT = 100  # The setting says how many of them are listed.
MAX_BYTES = 2**20
_LOG = logging.getLogger("peakid.store")


@dataclass(frozen=True)
class RecentWorkspace:
    """One entry of the list. `opened_at` is an ISO time in UTC."""

    path: Path
    opened_at: str


def listed() -> list[RecentWorkspace]:
    """Return the workspaces that were opened last, newest first; an empty list where no list is kept."""
    return _read()[: settings.read().recent_workspaces]


def note(path: Path) -> None:
    """Put a workspace on top of the list."""
    if not settings.read().recent_workspaces:
        return
    opened = RecentWorkspace(path, now())
    _change(lambda entries: [opened, *(each for each in entries if not _is_same(each.path, path))])


def remove(path: Path) -> bool:
    """Take a workspace off the list, and nothing else; return whether it was on it."""
    was_listed = any(_is_same(each.path, path) for each in _read())
    if was_listed:
        _change(lambda entries: [each for each in entries if not _is_same(each.path, path)])
    return was_listed


def _is_same(one: Path, other: Path) -> bool:
    return os.path.realpath(one) == os.path.realpath(other)


def _file() -> Path:
    return settings.state_folder() / FILE_NAME


def _change(change: Callable[[list[RecentWorkspace]], list[RecentWorkspace]]) -> None:
    try:
        _file().parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with _locked(_file().with_suffix(".lock")):
            entries = change(_read())[:MAX_KEPT]
            files.write_text(_file(), _as_json(entries))
    except OSError as error:
        _LOG.info("The list of recent workspaces cannot be written: %s.", error)


@contextlib.contextmanager
def _locked(path: Path) -> Generator[None]:
    """Hold a lock while the list is read and written: two servers may note a workspace at the same time."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _as_json(entries: Sequence[RecentWorkspace]) -> str:
    # ASCII, because a path may have bytes that are not UTF-8.
    rows = [{"path": str(each.path), "opened_at": each.opened_at} for each in entries]
    return json.dumps({"workspaces": rows}, indent=1)


def _read() -> list[RecentWorkspace]:
    """Read the list. What another program has written into it is left out."""
    try:
        document = documents.read_json(_file(), limit=MAX_BYTES)
    except (OSError, documents.UnreadableDocument):
        return []
    rows = document.get("workspaces") if isinstance(document, dict) else None
    found = [_entry(row) for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []
    return [each for each in found if each is not None][:MAX_KEPT]


def _entry(row: dict[str, object]) -> RecentWorkspace | None:
    path, opened_at = row.get("path"), row.get("opened_at")
    if not isinstance(path, str) or not isinstance(opened_at, str) or "\0" in path:
        return None
    try:
        is_time = datetime.fromisoformat(opened_at).tzinfo is not None
    except ValueError:
        return None
    return RecentWorkspace(Path(path), opened_at) if is_time and Path(path).is_absolute() else None
