"""Results of shards on disk: one file for each, named by its key, written whole, with a checksum."""

import contextlib
import hashlib
import time
from pathlib import Path

from peakid import files, paths
from peakid.errors import WorkspaceNotWritable
from peakid.store.workspace import Workspace

KEPT_S = 14 * 24 * 3600.0  # A result that no job has asked for in two weeks is not asked for any more.
_CHECKSUM_BYTES = 32


def folder_of(workspace: Workspace) -> Path:
    """Return the folder of a workspace for results of shards."""
    return workspace.cache_dir / "shards"


class ShardFiles:
    """The results of shards in a folder. It is made with the first result."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def read(self, key: str) -> bytes | None:
        """Return the result of a shard; None where there is none, or a damaged one."""
        try:
            content = self._path(key).read_bytes()
        except OSError:
            return None
        checksum, data = content[:_CHECKSUM_BYTES], content[_CHECKSUM_BYTES:]
        return data if hashlib.sha256(data).digest() == checksum else None

    def write(self, key: str, data: bytes) -> None:
        """Write a result under a temporary name, then rename it. Writing it twice is harmless.

        Raises:
            WorkspaceNotWritable: If the disk is full, or the folder cannot be written.
        """
        try:
            files.write_bytes(self._path(key), hashlib.sha256(data).digest() + data)
        except OSError as error:
            found = files.explained(error, self.folder)
            raise WorkspaceNotWritable(
                found.message if found else f"{self.folder} cannot be written: {error}.",
                found.remedy if found else "Check the permissions of the workspace and its disk.",
            ) from error

    def remove(self, key: str) -> None:
        """Remove the result of a shard that is stored elsewhere now."""
        with contextlib.suppress(OSError):
            self._path(key).unlink()

    def sweep(self) -> None:
        """Remove results that no job has asked for in two weeks, and halves of files."""
        files.sweep([self.folder])
        with contextlib.suppress(OSError):
            for path in self.folder.iterdir():
                if time.time() - path.stat().st_mtime > KEPT_S:
                    path.unlink()

    def _path(self, key: str) -> Path:
        return paths.inside(self.folder, key)
