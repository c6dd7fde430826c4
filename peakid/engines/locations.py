"""Where the bytes of images lie, for workers that do not open the workspace."""

import hashlib
import platform
from collections.abc import Callable, Sequence
from pathlib import Path

from peakid import store_urls
from peakid.engines.records import Shard
from peakid.errors import JobError, NotFound
from peakid.store import images
from peakid.store.objects import originals, reading
from peakid.store.workspace import Workspace

LOOKED_AT = 16  # Files of a shard: if none of these is there, the worker does not see the disk.
SHARE_DISK = "Put the workspace on a disk that every machine has under the same path."


def of(workspace: Workspace, digests: Sequence[str]) -> list[str]:
    """Return the path or URL of each image; '' for one whose file is missing. No server is asked."""
    found = images.locations(workspace, digests)
    return [each if store_urls.is_url(each) or (each and Path(each).is_file()) else "" for each in found]


def reader(shard: Shard) -> Callable[[int], bytes]:
    """Return a function that reads an image of a shard by its position.

    It raises NotFound for a file that is missing or has other bytes than the image: a file outside the
    workspace may have been changed. It raises StoreUnreachable and StoreRefused as `reading.fetch`.

    Raises:
        JobError: If the files are there for the head, and this worker sees none of them.
    """
    some = [each for each in shard.locations if not store_urls.is_url(each)][:LOOKED_AT]
    if some and not any(Path(each).exists() for each in some):
        raise JobError(
            f"The worker on {platform.node()} does not see the photos: there is no {some[0]}.",
            SHARE_DISK,
        )

    def read(position: int) -> bytes:
        location, digest = shard.locations[position], shard.digests[position]
        try:
            data = reading.fetch(location)
        except OSError as error:
            why = error.strerror or error
            raise NotFound(f"{location} cannot be read: {why}.", "Put the file back.") from error
        # Stored copies are named by their digest, and `verify` checks them.
        if not Path(location).name.startswith(digest) and hashlib.sha256(data).hexdigest() != digest:
            raise NotFound(
                f"The bytes of image {digest[:12]} at {location} were changed.", "Import it again."
            )
        return data

    return read


def n_readers(shard: Shard) -> int | None:
    """Return how many threads should read the images of a shard at once; None = as from a disk."""
    return originals.N_READERS if any(map(store_urls.is_url, shard.locations)) else None
