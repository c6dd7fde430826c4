"""The results of the jobs that evaluate a run. `results` reads these and all others."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar


@dataclass(frozen=True)
class FiguresResult:
    """The figures of a run were computed.

    Attributes:
        n_images: Images by split.
        has_probe: Whether there were embeddings for the linear probe.
    """

    kind: ClassVar[str] = "evaluate"
    run_id: int = 0
    n_images: Mapping[str, int] = field(default_factory=dict)
    has_probe: bool = False


@dataclass(frozen=True)
class HeatMapsResult:
    """The heat maps that were asked for and are stored now.

    Attributes:
        split: '' for the map of one image.
        n_images: Images that have at least one of the maps.
        n_trusted: Of the `n_maps`, those that passed their tests.
        digest, class_name: Of the map of one image; '' for those of a split.
        n_unread: Images whose files could not be read; `unread` lists the first hundred, with the reason.
    """

    kind: ClassVar[str] = "heat-maps"
    run_id: int = 0
    split: str = ""
    n_images: int = 0
    n_maps: int = 0
    n_trusted: int = 0
    digest: str = ""
    class_name: str = ""
    n_unread: int = 0
    unread: tuple[str, ...] = ()
