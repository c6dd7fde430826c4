"""Work of the decoding process for one file of an import: read it, inspect it, and store it."""

from collections.abc import Callable, Set
from pathlib import Path

from peakid import settings
from peakid.errors import UnreadableImage
from peakid.imaging import inspection
from peakid.imaging.records import Inspection
from peakid.store import images, tombstones
from peakid.store.workspace import Workspace

INSPECT_AND_STORE = "peakid.acquire.decode_task:inspect_and_store"


def read(file: Callable[[], bytes]) -> bytes:
    """Call the reader of a file, which may raise OSError.

    Raises:
        UnreadableImage: If the file cannot be read, or is larger than the limit.
    """
    try:
        data = file()
    except FileNotFoundError:
        raise UnreadableImage("missing_file", "the file does not exist (any more)") from None
    except PermissionError as error:
        raise UnreadableImage("no_permission", error.strerror or str(error)) from error
    except OSError as error:
        raise UnreadableImage("unreadable", f"cannot be read: {error.strerror or error}") from error
    limit = settings.current().max_image_bytes
    if len(data) > limit:
        raise UnreadableImage("too_large", f"{len(data):,} bytes, over the limit of {limit:,}")
    return data


def inspect_and_store(
    data: bytes, known_digests: Set[str], workspace_path: Path, is_copied: bool
) -> Inspection | str:
    """Inspect a file and store its thumbnail, and with `is_copied` its bytes.

    Returns:
        The inspection, or the digest alone if it is one of `known_digests`.

    Raises:
        UnreadableImage: With the reason of the rejection.
        WorkspaceNotWritable: If the files cannot be written.
    """
    workspace, digest = Workspace(workspace_path), inspection.digest_of(data)
    tombstones.refuse(workspace_path, digest)
    if digest in known_digests and (not is_copied or images.image_path(workspace, digest).exists()):
        return digest
    inspected = inspection.inspect(data)
    images.store(workspace, inspected, data if is_copied else None)
    return inspected
