"""The arguments of each kind of job as frozen records, and their form in the database (JSON)."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, ClassVar

from pydantic import TypeAdapter, ValidationError

from peakid.acquire.sources.browsing.adapter import Adapter
from peakid.jobs.albums.arguments import PreviewAlbumsArguments, UndoAlbumsArguments, WriteAlbumsArguments
from peakid.records import Source


@dataclass(frozen=True)
class RecipeArguments:
    """A recipe on a snapshot.

    Attributes:
        snapshot: Its digest.
        recipe: The fields of a `Recipe` as stored. The task validates them. A page only displays them: a job
            of an earlier version may have fields that today's recipe does not know.
    """

    snapshot: str = ""
    recipe: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class TrainArguments(RecipeArguments):
    """Attributes:
    allows_random: Start from random weights where the recipe's pretrained ones are not found.
    n_ranks: Processes that train together, over which each batch is split; the settings name the engine.
    """

    kind: ClassVar[str] = "train"
    allows_random: bool = False
    n_ranks: int = 1


@dataclass(frozen=True)
class RateFinderArguments(RecipeArguments):
    kind: ClassVar[str] = "lr-find"


@dataclass(frozen=True)
class EstimateArguments(RecipeArguments):
    kind: ClassVar[str] = "estimate"


@dataclass(frozen=True)
class SweepArguments(RecipeArguments):
    """Attributes:
    tried: Each `key=value,value`.
    minutes: No further combination starts after this time.
    allows_random: As in `TrainArguments`, for every combination.
    """

    kind: ClassVar[str] = "sweep"
    tried: tuple[str, ...] = ()
    minutes: float = 0.0
    allows_random: bool = False


@dataclass(frozen=True)
class TtaArguments:
    """`n_views` counts the views in addition to the unchanged image."""

    kind: ClassVar[str] = "tta"
    run_id: int = 0
    n_views: int = 0


@dataclass(frozen=True)
class AttributeArguments:
    """The two snapshots to train on, and how they differ, as in `results.AttributionResult`.

    Attributes:
        with_them: The digest of the snapshot with the decisions, `without` that without them.
    """

    kind: ClassVar[str] = "attribute"
    run_id: int = 0
    title: str = ""
    with_them: str = ""
    without: str = ""
    n_seeds: int = 1
    split: str = "valid"
    n_relabelled: int = 0
    n_added: int = 0
    n_removed: int = 0
    dropped_classes: tuple[str, ...] = ()


@dataclass(frozen=True)
class HeatMapsArguments:
    """The maps of `limit` images of a split; with a digest, that of one image, whatever the split.

    Attributes:
        class_name: Of that image's map; '' = the predicted class.
    """

    kind: ClassVar[str] = "heat-maps"
    run_id: int = 0
    split: str = "valid"
    limit: int = 0
    digest: str = ""
    class_name: str = ""


@dataclass(frozen=True)
class ExportArguments:
    """`out` is an absolute path; None = a new folder in the workspace's exports."""

    kind: ClassVar[str] = "export"
    run_id: int = 0
    formats: tuple[str, ...] = ()
    out: str | None = None


@dataclass(frozen=True)
class CollectArguments:
    """`name` is that of a collection."""

    kind: ClassVar[str] = "collect"
    name: str = ""


@dataclass(frozen=True)
class RetrainArguments:
    """`run_id` is the run whose recipe is used again; `n_new` the reviewed images that it did not have."""

    kind: ClassVar[str] = "retrain"
    run_id: int = 0
    n_new: int = 0


@dataclass(frozen=True)
class BrowseArguments:
    """As `gathering.Wanted`; `collection` is the one that fetches the list at once, '' = none."""

    kind: ClassVar[str] = "browse"
    adapter: Adapter | None = None
    classes: tuple[str, ...] = ()
    template: str = ""
    n_most: int = 0
    collection: str = ""


@dataclass(frozen=True)
class BundleArguments:
    """Attributes:
    threshold: Confidence in 0..1 below which the model abstains; None = that of the export.
    names_people: The model card warns that classes name people.
    intended_use: What the model is for, in words.
    key: Path of the private key that signs the files; "" = they are not signed.
    is_page: It writes one HTML page instead of a zip; only the threshold counts for it.
    """

    kind: ClassVar[str] = "bundle"
    export_id: int = 0
    threshold: float | None = None
    names_people: bool = False
    intended_use: str = ""
    key: str = ""
    is_page: bool = False


@dataclass(frozen=True)
class VerifyArguments:
    kind: ClassVar[str] = "verify"


@dataclass(frozen=True)
class ScanArguments:
    kind: ClassVar[str] = "scan"


@dataclass(frozen=True)
class ChangedCopiesArguments:
    """`arch`: whose pretrained body embeds the views. The limits of the search were chosen with this one."""

    kind: ClassVar[str] = "changed-copies"
    arch: str = "timm/tf_efficientnet_lite0"  # A package holds its weights.


@dataclass(frozen=True)
class ImportArguments:
    """`path`, `root` and `links_within` are absolute; `root` None = the folder of the table.

    Attributes:
        path_column: The chosen columns of a table; None = by their names.
    """

    kind: ClassVar[str] = "import"
    source: Source = "folder"
    path: str = ""
    root: str | None = None
    in_place: bool = False
    path_column: str | None = None
    label_column: str | None = None
    split_column: str | None = None
    follow_links: bool = False
    links_within: str | None = None


@dataclass(frozen=True)
class MapArguments:
    """`set_id`: the embeddings to lay out; `method`: pca or umap."""

    kind: ClassVar[str] = "map"
    set_id: int = 0
    method: str = "umap"


@dataclass(frozen=True)
class IndexArguments:
    """`set_id`: the embeddings to index."""

    kind: ClassVar[str] = "index-neighbours"
    set_id: int = 0


@dataclass(frozen=True)
class EmbedArguments:
    """Attributes:
    backbone: The name of its architecture.
    retries: Read images again that could not be read before.
    n_views: More than 1: also the means over so many views of each photo, after the embeddings of one.
    """

    kind: ClassVar[str] = "embed"
    backbone: str = ""
    retries: bool = False
    n_views: int = 1


@dataclass(frozen=True)
class SimilarArguments:
    """`path` is an absolute path of a picture, `name` what it is called in reasons."""

    kind: ClassVar[str] = "similar"
    path: str = ""
    name: str = ""


@dataclass(frozen=True)
class FiguresArguments:
    """The run whose figures are computed."""

    kind: ClassVar[str] = "evaluate"
    run_id: int = 0


@dataclass(frozen=True)
class NameImagesArguments:
    kind: ClassVar[str] = "name-images"


@dataclass(frozen=True)
class OpenSetArguments:
    """`folder`: absolute path of the photos; None = excluded images of the workspace."""

    kind: ClassVar[str] = "open-set"
    run_id: int = 0
    folder: str | None = None


@dataclass(frozen=True)
class LearningCurveArguments:
    """`with_training`: trainings with the recipe of the run, instead of a linear head on embeddings."""

    kind: ClassVar[str] = "learning-curve"
    run_id: int = 0
    with_training: bool = False


Arguments = (
    TrainArguments
    | RateFinderArguments
    | EstimateArguments
    | SweepArguments
    | TtaArguments
    | AttributeArguments
    | ExportArguments
    | CollectArguments
    | RetrainArguments
    | BrowseArguments
    | BundleArguments
    | VerifyArguments
    | ScanArguments
    | ChangedCopiesArguments
    | ImportArguments
    | MapArguments
    | IndexArguments
    | EmbedArguments
    | SimilarArguments
    | NameImagesArguments
    | FiguresArguments
    | OpenSetArguments
    | LearningCurveArguments
    | HeatMapsArguments
    | PreviewAlbumsArguments
    | WriteAlbumsArguments
    | UndoAlbumsArguments
)

_ADAPTERS: dict[str, TypeAdapter[Arguments]] = {
    kind.kind: TypeAdapter(kind)
    for kind in (
        TrainArguments,
        RateFinderArguments,
        EstimateArguments,
        SweepArguments,
        TtaArguments,
        AttributeArguments,
        ExportArguments,
        CollectArguments,
        RetrainArguments,
        BrowseArguments,
        BundleArguments,
        VerifyArguments,
        ScanArguments,
        ChangedCopiesArguments,
        ImportArguments,
        MapArguments,
        IndexArguments,
        EmbedArguments,
        SimilarArguments,
        NameImagesArguments,
        FiguresArguments,
        OpenSetArguments,
        LearningCurveArguments,
        HeatMapsArguments,
        PreviewAlbumsArguments,
        WriteAlbumsArguments,
        UndoAlbumsArguments,
    )
}


def document(arguments: Arguments) -> dict[str, Any]:
    """Return the arguments as stored in `job.arguments`."""
    return asdict(arguments)


def parse(kind: str, stored: Mapping[str, Any]) -> Arguments | None:
    """Return stored arguments as a record; missing keys get their defaults.

    None for an unknown kind of job or values of another shape, as a newer version may have written: the
    list of jobs still has to show such a job.
    """
    try:
        return _ADAPTERS[kind].validate_python(stored) if kind in _ADAPTERS else None
    except ValidationError:
        return None
