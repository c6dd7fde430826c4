"""Work of the decoding process for one file of an import: read it, inspect it, and store it."""

from collections.abc import Callable, Set
from dataclasses import dataclass
from pathlib import Path

from peakid import settings
from peakid.errors import UnreadableImage
from peakid.imaging import inspection
from peakid.imaging.records import Inspection
from peakid.store import images, tombstones
from peakid.store.workspace import Workspace

INSPECT_AND_STORE = "peakid.acquire.decode_task:inspect_and_store"


@dataclass(frozen=True)
class Found:
    """One file of an import.

    Attributes:
        inspected: None where its digest was found at this path before and the stored copy is there.
        is_mended: The stored copy was missing, cut or reported as damaged, and was written again.
    """

    digest: str
    inspected: Inspection | None = None
    is_mended: bool = False


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
    data: bytes,
    known_digests: Set[str],
    workspace_path: Path,
    is_copied: bool,
    damaged: Set[str] = frozenset(),
    in_stores: Set[str] = frozenset(),
) -> Found:
    """Inspect a file and store its thumbnail, and with `is_copied` its bytes.

    Args:
        known_digests: Found at this path before; they are not decoded again if their copy is there.
        damaged: Images whose stored files are written again.
        in_stores: Those of `known_digests` whose originals are in an image store.

    Raises:
        UnreadableImage: With the reason of the rejection.
        WorkspaceNotWritable: If the files cannot be written.
    """
    workspace, digest = Workspace(workspace_path), inspection.digest_of(data)
    tombstones.refuse(workspace_path, digest)
    is_intact = digest in in_stores or images.has_size(workspace, digest, len(data))
    is_intact = is_intact and digest not in damaged
    if digest in known_digests and (not is_copied or is_intact):
        return Found(digest)
    inspected = inspection.inspect(data)
    is_mended = is_copied and not is_intact and (digest in known_digests or digest in damaged)
    images.store(workspace, inspected, data if is_copied else None, is_damaged=digest in damaged)
    return Found(digest, inspected, is_mended)
