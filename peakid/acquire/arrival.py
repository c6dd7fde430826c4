"""One file offered to an import, wherever it comes from."""

from collections.abc import Callable
from dataclasses import dataclass

from peakid.records import NO_CREDIT, Credit, RejectionReason, Split


@dataclass(frozen=True)
class KnownObject:
    """What an earlier import found in an object of a store that has not changed since.

    Attributes:
        digest: Of its image; None = it was rejected, see `rejection`.
    """

    digest: str | None
    rejection: tuple[RejectionReason, str] | None = None


@dataclass(frozen=True)
class Arrival:
    """One file offered to an import. `path` is relative to the root; either `read` or `rejection` is set.

    `read` returns the bytes of the file. It is called in the decoding process, so it must be picklable. It
    may be called from any thread and more than once, and may raise OSError or UnreadableImage.

    Attributes:
        is_from_table: The label is from a table, not from the name of a folder.
        n_bytes: Size of what `read` holds in memory; 0 where it reads a file.
        version: What says that an object of a store has changed; '' for everything else.
        known: Set where such an object has not changed: it is not read again.
    """

    path: str
    label: str | None = None
    split: Split | None = None
    read: Callable[[], bytes] | None = None
    rejection: tuple[RejectionReason, str] | None = None
    credit: Credit = NO_CREDIT
    is_from_table: bool = False
    n_bytes: int = 0
    version: str = ""
    known: KnownObject | None = None
