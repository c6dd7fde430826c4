"""All numbers of a training in one frozen record, each with its unit, range, default and reason. Imports no torch."""

import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from peakid.errors import BadInput
from peakid.learn import architectures
from peakid.records import Resize

RECIPES_DIR = Path(__file__).resolve().parents[2] / "recipes"
PRETRAINED_WORDS = ("auto", "require", "none")

Device = Literal[
    "auto",  # The first there is of cuda, mps, cpu.
    "cuda",  # An NVIDIA or ROCm GPU.
    "mps",   # The GPU of an Apple machine.
    "cpu",   # Bit-identical from run to run with the same seed and machine.
]  # fmt: skip


def _field(default: Any, unit: str, reason: str, **limits: Any) -> Any:
    return Field(default, description=reason, json_schema_extra={"unit": unit}, **limits)


class Recipe(BaseModel):
    """What a person may choose about a training. `Recipe.model_fields` holds each field's unit, range and reason."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    arch: str = _field("resnet18", "name", "ResNet-18 is the usual first baseline: small enough for a laptop.")
    pretrained: str = _field("auto", "auto|require|none|path", "auto looks for ImageNet weights and says on the run what it found.")
    image_size_px: int = _field(
        160,
        "px",
        "Side of the square shown to the model. 160 costs half the work of 224; 348 scraped photos of two classes reach .90 with it.",
        ge=32,
        le=1024,
    )
    resize: Resize = _field("crop", "crop|squish|pad", "Middle crop keeps proportions; a photo's subject is rarely at its rim.")
    batch_size: int = _field(32, "images", "With a few hundred images, larger batches leave too few steps in an epoch.", ge=2, le=1024)
    head_epochs: int = _field(5, "epochs", "With the body frozen, so that a random head does not spoil pretrained features.", ge=0, le=200)
    body_epochs: int = _field(3, "epochs", "With every layer learning.", ge=0, le=500)
    scratch_epochs: int = _field(
        30, "epochs", "Instead of the two above when the weights are random: features have to be learned first.", ge=1, le=1000
    )
    base_lr: float = _field(
        1e-3,
        "per step",
        "Peak rate of the head; the body gets less. fastai's 2e-3 with 3 head epochs gave .87 on 348 photos, this .90.",
        gt=0,
        le=1,
    )
    weight_decay: float = _field(0.01, "per step", "fastai's default for Adam with decoupled decay.", ge=0, le=1)
    label_smoothing: float = _field(
        0.1, "share", "Scraped labels are partly wrong; smoothing keeps the model from learning them by heart.", ge=0, le=0.5
    )
    augment: float = _field(1.0, "strength", "0 shows each image unchanged, 1 the usual small turns, zooms and light.", ge=0, le=2)
    is_mirrored: bool = _field(True, "yes/no", "Mirror half of the training images. Switch off where left and right tell classes apart.")
    seed: int = _field(0, "number", "Names one order of images and one random head.", ge=0, lt=2**31)
    device: Device = _field("auto", "auto|cuda|mps|cpu", "auto takes the fastest there is.")
    n_workers: int = _field(0, "processes", "Batches come from a pixel cache faster than a model eats them; 0 is repeatable.", ge=0, le=64)
    allow_leaks: bool = _field(False, "yes/no", "Train although near-duplicates sit in different splits; the score is then too good.")

    @field_validator("arch")
    @classmethod
    def _is_tested(cls, name: str) -> str:
        return architectures.find(name).name

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        fixed = architectures.find(self.arch).fixed_size_px
        if fixed is not None and self.image_size_px != fixed:
            raise BadInput(
                f"{self.arch} takes images of {fixed} px only, not {self.image_size_px} px.", f"Use --set image_size_px={fixed}."
            )
        if self.head_epochs + self.body_epochs == 0:
            raise BadInput("head_epochs and body_epochs are both 0: nothing would be learned.", "Use --set head_epochs=3.")
        return self


def with_settings(recipe: Recipe, settings: Sequence[str]) -> Recipe:
    """Answer the recipe with `key=value` settings applied, as `--set` gives them.

    A path in `pretrained` becomes absolute, because the job that reads it may run in another folder.

    Raises:
        BadInput: If a setting is no `key=value`, its key is unknown or its value does not fit.
        UnknownArchitecture: If `arch` is not in the tested list.
    """
    return _checked({**recipe.model_dump(), **dict(_split(setting) for setting in settings)})


def load(file: Path) -> Recipe:
    """Read a recipe from TOML: only what differs from the default; `about` is a sentence for people.

    Raises:
        BadInput: If there is no such file, it is no TOML or a value does not fit.
        UnknownArchitecture: If `arch` is not in the tested list.
    """
    values = _read(file)
    values.pop("about", None)
    return _checked(values)


def presets() -> dict[str, Recipe]:
    """Read every recipe that comes with Peakid, by name, quickest first."""
    return {name: load(RECIPES_DIR / f"{name}.toml") for name in preset_notes()}


def preset_notes() -> dict[str, str]:
    """Answer for each preset the sentence that says what it is for, quickest first."""
    known = ["quick", "standard", "thorough", "scratch"]
    return {name: str(_read(RECIPES_DIR / f"{name}.toml").get("about", "")) for name in known}


def _split(setting: str) -> tuple[str, str]:
    key, equals, value = setting.partition("=")
    if not equals:
        raise BadInput(f"The setting '{setting}' is not of the form key=value.", "For example: --set arch=mobilenet_v2")
    return key.strip(), value.strip()


def _read(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadInput(f"The recipe {file} cannot be read: {error.strerror}.", "Give the path of a .toml file.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadInput(f"The recipe {file} is not valid TOML: {error}.", "Write one `key = value` a line.") from error


def _checked(values: dict[str, Any]) -> Recipe:
    if isinstance(values.get("pretrained"), str):
        values = {**values, "pretrained": _located(values["pretrained"])}
    try:
        return Recipe.model_validate(values)
    except ValidationError as error:
        raise _in_words(error) from error


def _located(pretrained: str) -> str:
    if pretrained in PRETRAINED_WORDS:
        return pretrained
    path = Path(pretrained).expanduser().absolute()
    if not path.is_file():
        raise BadInput(
            f"pretrained={pretrained}: there is no such weights file.", f"Give the path of a state_dict, or {', '.join(PRETRAINED_WORDS)}."
        )
    return str(path)


def _in_words(error: ValidationError) -> BadInput:
    first = error.errors(include_url=False)[0]
    key = str(first["loc"][0])
    if first["type"] == "extra_forbidden":
        return BadInput(f"A recipe has no setting '{key}'.", f"Known are: {', '.join(Recipe.model_fields)}.")
    unit = allowed(key)
    return BadInput(f"{key}={first['input']} does not fit: {first['msg'][0].lower()}{first['msg'][1:]}.", f"Allowed: {unit}.")


def allowed(key: str) -> str:
    """Say what one field takes, for messages and forms: `32..1024 px, default 160`."""
    field = Recipe.model_fields[key]
    limits = {name: getattr(part, name) for part in field.metadata for name in ("ge", "gt", "le", "lt") if hasattr(part, name)}
    low = f"{limits['ge']}" if "ge" in limits else f"over {limits['gt']}" if "gt" in limits else ""
    high = f"{limits['le']}" if "le" in limits else f"under {limits['lt']}" if "lt" in limits else ""
    extra = field.json_schema_extra
    unit = extra["unit"] if isinstance(extra, dict) else ""
    return f"{low}{'..' if low else ''}{high} {unit}, default {field.default}".strip()
