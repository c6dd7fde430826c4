"""What the guarded process does with one arriving file: read, named, looked at, and stored where nobody can lose it."""

from collections.abc import Callable, Set
from pathlib import Path

from peakid import settings
from peakid.errors import UnreadableImage
from peakid.imaging import inspection
from peakid.imaging.records import Inspection
from peakid.store import images, tombstones
from peakid.store.workspace import Workspace

TAKE = "peakid.acquire.taking:take"


def read(file: Callable[[], bytes]) -> bytes:
    """Read a file, whose reader may raise OSError.

    Raises:
        UnreadableImage: If that fails, or if there is more in it than the cap.
    """
    try:
        data = file()
    except FileNotFoundError:
        raise UnreadableImage("missing_file", "it is not there (any more)") from None
    except PermissionError as error:
        raise UnreadableImage("no_permission", error.strerror or str(error)) from error
    except OSError as error:
        raise UnreadableImage("unreadable", f"cannot be read: {error.strerror or error}") from error
    cap = settings.current().max_image_bytes
    if len(data) > cap:
        raise UnreadableImage("too_large", f"{len(data):,} bytes, over the cap of {cap:,}")
    return data


def take(data: bytes, known_digests: Set[str], workspace_path: Path, is_copied: bool) -> Inspection | str:
    """Look at a file and store its thumbnail, and its bytes where they are to be copied; a digest where it is known.

    Raises:
        UnreadableImage: With the reason a rejection gets.
        WorkspaceNotWritable: If the disk does not take it.
    """
    workspace, digest = Workspace(workspace_path), inspection.digest_of(data)
    tombstones.refuse(workspace_path, digest)
    if digest in known_digests and (not is_copied or images.image_path(workspace, digest).exists()):
        return digest
    look = inspection.inspect(data)
    images.store(workspace, look, data if is_copied else None)
    return look
