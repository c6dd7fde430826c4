"""The results of the jobs of albums: preview, write, take back. `jobs.results` reads these and all others."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from peakid.engines.records import EngineUse


@dataclass(frozen=True)
class PreviewAlbumsResult:
    """The photos of a folder were predicted.

    Attributes:
        preview: The key of the preview.
        n_new: Photos that were predicted now; the others had been before and are unchanged.
        n_unreadable: Files that cannot be read.
        engine: What predicted them; None where the job did.
    """

    kind: ClassVar[str] = "preview-albums"
    preview: str = ""
    export_id: int = 0
    folder: str = ""
    n_photos: int = 0
    n_new: int = 0
    n_unreadable: int = 0
    engine: EngineUse | None = None


@dataclass(frozen=True)
class WriteAlbumsResult:
    """Albums were written.

    Attributes:
        albums: Photos by album, the largest first.
        n_made: Files made now; `n_kept` were there already, and `n_removed` were of an earlier sorting.
        n_left: Files of an earlier sorting that were changed since, and stay; `left` lists the first hundred.
    """

    kind: ClassVar[str] = "write-albums"
    preview: str = ""
    out: str = ""
    mode: str = ""
    albums: Mapping[str, int] = field(default_factory=dict)
    n_made: int = 0
    n_kept: int = 0
    n_removed: int = 0
    n_left: int = 0
    left: tuple[str, ...] = ()


@dataclass(frozen=True)
class UndoAlbumsResult:
    """Albums were taken back. `n_left` files were changed since, and stay; `left` lists the first hundred."""

    kind: ClassVar[str] = "undo-albums"
    out: str = ""
    n_removed: int = 0
    n_left: int = 0
    left: tuple[str, ...] = ()
