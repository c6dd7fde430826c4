"""The arguments of the jobs of albums: preview, write, take back. `jobs.arguments` lists them with others."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from peakid.serve.albums.journal import Mode


@dataclass(frozen=True)
class PreviewAlbumsArguments:
    """`folder`: absolute path of the photos."""

    kind: ClassVar[str] = "preview-albums"
    export_id: int = 0
    folder: str = ""


@dataclass(frozen=True)
class WriteAlbumsArguments:
    """The rules are those of `AlbumRules`; what a person moved is read from the workspace.

    Attributes:
        preview: Its key.
        out: Absolute path of the folder of the albums.
    """

    kind: ClassVar[str] = "write-albums"
    preview: str = ""
    out: str = ""
    mode: Mode = "copy"
    threshold: float = 0.0
    groups: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    is_nested: bool = False
    keeps_twins: bool = True
    others_unfamiliar: bool = False


@dataclass(frozen=True)
class UndoAlbumsArguments:
    """`out`: absolute path of the folder of the albums."""

    kind: ClassVar[str] = "undo-albums"
    out: str = ""
