"""One file offered to an import, wherever it comes from."""

from collections.abc import Callable
from dataclasses import dataclass

from peakid.records import NO_CREDIT, Credit, RejectionReason, Split


@dataclass(frozen=True)
class Arrival:
    """One file offered to an import. `path` is relative to the root; either `read` or `rejection` is set.

    `read` returns the bytes of the file. It is called in the decoding process, so it must be picklable. It
    may be called from any thread and more than once, and may raise OSError or UnreadableImage.

    Attributes:
        is_from_table: The label is from a table, not from the name of a folder.
    """

    path: str
    label: str | None = None
    split: Split | None = None
    read: Callable[[], bytes] | None = None
    rejection: tuple[RejectionReason, str] | None = None
    credit: Credit = NO_CREDIT
    is_from_table: bool = False
