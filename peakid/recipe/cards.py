"""Read the cards of exports and runs: what must be true before a model's file is opened."""

from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from peakid import documents
from peakid.errors import WeightsUnfit
from peakid.records import Resize
from peakid.remedies import action

MAX_SIZE_PX = 1024  # As in a recipe.
MAX_CLASSES = 100_000
MAX_NAME_CHARS = 1000
MAX_FILES = 100


def _is_one_name(name: str) -> str:
    if name in ("", ".", "..") or set(name) & set("/\\\0"):
        raise ValueError("expected the name of a file in the same folder")
    return name


def _are_different(names: list[str]) -> list[str]:
    if len(set(names)) < len(names):
        double = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the class {documents.shown(double)} is listed twice")
    return names


ClassName = Annotated[str, Field(min_length=1, max_length=MAX_NAME_CHARS)]
ClassNames = Annotated[
    list[ClassName], Field(min_length=1, max_length=MAX_CLASSES), AfterValidator(_are_different)
]
FileName = Annotated[str, AfterValidator(_is_one_name)]
Finite = Annotated[float, Field(allow_inf_nan=False)]
Positive = Annotated[float, Field(allow_inf_nan=False, gt=0)]


class _Card(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", strict=True)

    class_names: ClassNames
    image_size_px: int = Field(ge=1, le=MAX_SIZE_PX)
    resize: Resize
    pixels_version: int


class ExportFile(BaseModel):
    """One file of an export, as its card names it."""

    model_config = ConfigDict(frozen=True, extra="ignore", strict=True)

    name: FileName
    format: str
    sha256: str


class CardFacts(BaseModel):
    """What the facts of an export say about using it; exports of earlier versions say nothing.

    Attributes:
        threshold: Confidence below which it abstains.
        temperature: That is still to be applied to what the file gives: of exports before the files applied
            it themselves. 1 = none.
    """

    model_config = ConfigDict(frozen=True, extra="ignore", strict=True)

    threshold: float = Field(default=0.0, ge=0, le=1, allow_inf_nan=False)
    temperature: float = Field(default=1.0, ge=0.01, le=100, allow_inf_nan=False)


class CallTime(BaseModel):
    """How long a call took on the machine that exported."""

    model_config = ConfigDict(frozen=True, extra="ignore", strict=True)

    p50_ms: Annotated[float, Field(allow_inf_nan=False, ge=0)]


class FormatFacts(BaseModel):
    """How a file was checked: `agreement` is the share of `n_images` with the run's first choice, 0..1.

    Attributes:
        batch: The time for `export_records.N_BATCH` images at once; None = not measured.
    """

    model_config = ConfigDict(frozen=True, extra="ignore", strict=True)

    n_images: int = Field(ge=0)
    agreement: float = Field(ge=0, le=1, allow_inf_nan=False)
    batch: CallTime | None = None


class CardFigures(BaseModel):
    """How the files of an export were checked, by format; exports of earlier versions say nothing."""

    model_config = ConfigDict(frozen=True, extra="ignore", strict=True)

    formats: dict[str, FormatFacts] = Field(default_factory=dict)


class ExportCard(_Card):
    """What an export's card.json tells about using it.

    Attributes:
        temperature: That the files apply: never to be applied to their probabilities again.
    """

    files: list[ExportFile] = Field(max_length=MAX_FILES)
    temperature: float = Field(default=1.0, ge=0.01, le=100, allow_inf_nan=False)
    facts: CardFacts = CardFacts()
    figures: CardFigures = CardFigures()


class RunCard(_Card):
    """What the card of a trained model tells about using its weights."""

    model_config = ConfigDict(frozen=True, extra="ignore", strict=False)  # JSON has lists, not tuples.

    arch: str
    mean: tuple[Finite, Finite, Finite]
    std: tuple[Positive, Positive, Positive]
    recipe: dict[str, Any]
    pretrained: str
    libraries: dict[str, str]
    head: Literal["two-layer", "linear"] = "two-layer"


Kind = TypeVar("Kind", bound=_Card)


def read_export(file: Path) -> ExportCard:
    """Read the card of an export.

    Raises:
        FileNotFoundError: If there is none.
        WeightsUnfit: If it is damaged, or a value does not fit.
    """
    return _checked(file, ExportCard, "Export the run again.", "list_runs")


def read_run(file: Path) -> RunCard:
    """Read the card of a trained model.

    Raises:
        FileNotFoundError: If there is none.
        WeightsUnfit: If it is damaged, or a value does not fit.
    """
    return _checked(file, RunCard, "Train again.", "train")


def _checked(file: Path, kind: type[Kind], remedy: str, next_action: Literal["list_runs", "train"]) -> Kind:
    try:
        return kind.model_validate(documents.read_json(file))
    except documents.UnreadableDocument as error:
        raise WeightsUnfit(f"The card {file} is damaged: {error}.", remedy, action(next_action)) from error
    except ValidationError as error:
        problem = documents.first_problem(error)
        raise WeightsUnfit(f"The card {file} is damaged: {problem}.", remedy, action(next_action)) from error
