"""The results of the jobs that read images without training. `results` reads these and all others."""

from dataclasses import dataclass
from typing import ClassVar

from peakid.acquire.sources.browsing.records import ClassPage
from peakid.acquire.verification import Damage, Move
from peakid.curate.duplicates.view_search import ViewReport
from peakid.embed.stored import UnreadImage
from peakid.engines.records import EngineUse
from peakid.import_records import NO_READING, ImportReading
from peakid.records import RejectionRow, ScanReport


@dataclass(frozen=True)
class VerifyResult:
    """`damaged` and `moved` list the first hundred of `n_damaged` and `n_moved`.

    `database`, `losses`, `n_unknown` and `notes` are those of `verification.Verified`.
    """

    kind: ClassVar[str] = "verify"
    n_images: int | None = None
    n_damaged: int | None = None
    damaged: tuple[Damage, ...] = ()
    n_moved: int = 0
    moved: tuple[Move, ...] = ()
    n_redrawn: int = 0
    database: tuple[str, ...] = ()
    losses: tuple[str, ...] = ()
    n_unknown: int = 0
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class ScanResult:
    """`scan` is None until the scan has ended; `engine`, where none was used."""

    kind: ClassVar[str] = "scan"
    scan: ScanReport | None = None
    engine: EngineUse | None = None


@dataclass(frozen=True)
class ChangedCopiesResult:
    """Copies that views of the images found. `search` is None until the search has ended.

    Attributes:
        n_embedded: Images whose views were embedded by this job.
        n_groups: Proposed groups that wait for a person now.
    """

    kind: ClassVar[str] = "changed-copies"
    arch: str = ""
    n_embedded: int = 0
    search: ViewReport | None = None
    n_groups: int = 0


@dataclass(frozen=True)
class ImportResult:
    """`rejections` lists the first hundred of `n_rejected`; `scan` is None until the scan has ended."""

    kind: ClassVar[str] = "import"
    n_added: int = 0
    n_known: int = 0
    n_rejected: int = 0
    rejections: tuple[RejectionRow, ...] = ()
    seconds: float = 0.0
    scan: ScanReport | None = None
    reading: ImportReading = NO_READING
    n_mended: int = 0


@dataclass(frozen=True)
class CollectResult:
    """As `collecting.collect.CollectReport`; `scan` is None until the scan has ended."""

    kind: ClassVar[str] = "collect"
    name: str = ""
    n_images: int = 0
    n_new: int = 0
    n_rejected: int = 0
    n_waiting: int = 0
    seconds: float = 0.0
    scan: ScanReport | None = None


@dataclass(frozen=True)
class RetrainResult:
    """The new snapshot, and the job that trains on it; None until it is queued."""

    kind: ClassVar[str] = "retrain"
    snapshot: str = ""
    job_id: int | None = None


@dataclass(frozen=True)
class BrowseResult:
    """A list of `n_urls` pictures in the uploads of the workspace; `list_name` is '' where there is none."""

    kind: ClassVar[str] = "browse"
    list_name: str = ""
    n_urls: int = 0
    pages: tuple[ClassPage, ...] = ()


@dataclass(frozen=True)
class MapResult:
    """A layout with `n_images` of the `n_embedded` images that have an embedding."""

    kind: ClassVar[str] = "map"
    n_images: int = 0
    n_embedded: int = 0
    seconds: float = 0.0
    method: str = "umap"


@dataclass(frozen=True)
class IndexResult:
    """An index of neighbours with `n_indexed` of `n_rows` embeddings."""

    kind: ClassVar[str] = "index-neighbours"
    n_rows: int = 0
    n_indexed: int = 0
    seconds: float = 0.0


@dataclass(frozen=True)
class EmbedResult:
    """The embeddings of a backbone after the job.

    Attributes:
        n_images: Images that have an embedding.
        n_new: Of them, those that this job computed.
        n_unread: Images whose files could not be read, now or before; `unread` lists the first hundred.
        images_per_s: Of the images that this job computed; 0 where there were none.
        engine: What it has used; None where the job computed them itself.
        n_views: Views of each photo whose mean was computed; 1 = embeddings of one view.
        n_averaged: Images that have such a mean.
    """

    kind: ClassVar[str] = "embed"
    backbone: str = ""
    size_px: int = 0
    n_images: int = 0
    n_new: int = 0
    n_dimensions: int = 0
    n_unread: int = 0
    unread: tuple[UnreadImage, ...] = ()
    images_per_s: float = 0.0
    engine: EngineUse | None = None
    n_views: int = 1
    n_averaged: int = 0


@dataclass(frozen=True)
class SimilarResult:
    """The queue `similar:DIGEST` has the `n_images` most similar to the picture."""

    kind: ClassVar[str] = "similar"
    digest: str = ""
    name: str = ""
    n_images: int = 0


@dataclass(frozen=True)
class NameImagesResult:
    """`n_images` show `n_classes` of the ImageNet classes."""

    kind: ClassVar[str] = "name-images"
    n_images: int = 0
    n_classes: int = 0
