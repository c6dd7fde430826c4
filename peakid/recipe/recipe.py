"""All numbers of a training in one frozen record, each with its unit, range, default and reason. Imports no torch."""

import re
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, ValidationError, field_validator, model_validator

from peakid import resources
from peakid.errors import BadInput
from peakid.recipe import architectures
from peakid.recipe.phase import Phase, Schedule
from peakid.recipe.phase import field as _field
from peakid.records import Resize

RECIPES_DIR = resources.path("recipes")
REPRODUCED_DIR = RECIPES_DIR / "reproduce"
PRETRAINED_WORDS = ("auto", "require", "none")
# What written-out phases replace; naming one of them beside phases would change nothing.
SIMPLE_KEYS = ("head_epochs", "body_epochs", "scratch_epochs", "base_lr", "schedule", "patience")
# What a linear head, solved at once on unchanged images, has no use for.
FINE_TUNE_KEYS = (
    *(
        *SIMPLE_KEYS,
        "max_epochs",
        "phases",
        "optimiser",
        "weight_decay",
        "label_smoothing",
        "dropout",
        "l1",
        "max_gradient",
    ),
    *("mix", "mix_strength", "augment", "is_mirrored", "max_minutes"),
)

Method = Literal[
    "fine-tune",    # Gradient descent, phase by phase.
    "linear-head",  # Every image through the frozen body once, then one linear layer on what it answers.
]  # fmt: skip

Optimiser = Literal[
    "adamw",  # Adam with decoupled weight decay, fastai's default.
    "adam",   # Adam with weight decay inside the gradient, as torch.optim.Adam has it.
    "sgd",    # Plain steps with momentum.
]  # fmt: skip

Balance = Literal[
    "none",        # Every image counts the same.
    "oversample",  # Images of small classes come several times an epoch, until all classes are as large as the largest.
    "weighted",    # A mistake on a class of n images costs 1/n of what it would alone.
]  # fmt: skip

Mix = Literal[
    "none",    # Every picture alone.
    "mixup",   # Two pictures shine through each other, and both labels count in proportion.
    "cutmix",  # A window of one picture shows another, and both labels count in proportion.
]  # fmt: skip

Precision = Literal[
    "auto",  # bfloat16 where a CUDA GPU has it, else float16 on CUDA; full on any other device.
    "full",  # 32 bit everywhere.
]  # fmt: skip

Device = Literal[
    "auto",  # The first there is of cuda, mps, cpu.
    "cuda",  # An NVIDIA or ROCm GPU.
    "mps",   # The GPU of an Apple machine.
    "cpu",   # Bit-identical from run to run with the same seed and machine.
]  # fmt: skip


class Recipe(BaseModel):
    """What a person may choose about a training. `Recipe.model_fields` holds each field's unit, range and reason."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    method: Method = _field(
        "fine-tune",
        "fine-tune|linear-head",
        "A linear head takes one look at each image: minutes where fine-tuning takes an hour.",
    )
    arch: str = _field(
        "resnet18", "name", "ResNet-18 is the usual first baseline: small enough for a laptop."
    )
    pretrained: str = _field(
        "auto",
        "auto|require|none|path|run:N",
        "auto looks for ImageNet weights and says on the run what it found; run:7 goes on from run 7.",
    )
    image_size_px: int = _field(
        160,
        "px",
        "Side of the square shown to the model. 160 costs half the work of 224; 348 scraped photos of two classes reach .90 with it.",
        ge=32,
        le=1024,
    )
    resize: Resize = _field(
        "crop", "crop|squish|pad", "Middle crop keeps proportions; a photo's subject is rarely at its rim."
    )
    fraction: float = _field(
        1.0,
        "share",
        "Of each class's train images: a tenth tells in a tenth of the time what a recipe is worth.",
        gt=0,
        le=1,
    )
    max_minutes: float = _field(
        0.0,
        "minutes",
        "Shortens every phase so that the training ends in time; 0 shortens none.",
        ge=0,
        le=10_000,
    )
    batch_size: int = _field(
        32,
        "images",
        "With a few hundred images, larger batches leave too few steps in an epoch. 0 takes what the set and the memory bear.",
        ge=0,
        le=1024,
    )
    head_epochs: int = _field(
        5,
        "epochs",
        "With the body frozen, so that a random head does not spoil pretrained features.",
        ge=0,
        le=200,
    )
    body_epochs: int = _field(3, "epochs", "With every layer learning.", ge=0, le=500)
    scratch_epochs: int = _field(
        30,
        "epochs",
        "Instead of the two above when the weights are random: features have to be learned first.",
        ge=1,
        le=1000,
    )
    base_lr: float = _field(
        1e-3,
        "per step",
        "Peak rate of the head; the body gets less. fastai's 2e-3 with 3 head epochs gave .87 on 348 photos, this .90.",
        gt=0,
        le=1,
    )
    schedule: Schedule = _field(
        "one-cycle", "name", "How the rate moves within a phase: up, then down to nothing."
    )
    patience: int = _field(
        0,
        "epochs",
        "End a phase when the loss on valid has not fallen for so many epochs; 0 never does.",
        ge=0,
        le=100,
    )
    max_epochs: int = _field(
        0, "epochs", "Cuts every phase to so many, to try a recipe out; 0 cuts nothing.", ge=0, le=1000
    )
    phases: tuple[Phase, ...] | None = _field(
        None,
        "list",
        "Written out in a recipe file, they replace the epochs and rates above; None makes them of those.",
        max_length=20,
    )
    optimiser: Optimiser = _field("adamw", "adamw|adam|sgd", "Adam needs the least tuning on small sets.")
    weight_decay: float = _field(
        0.01, "per step", "fastai's default for Adam with decoupled decay.", ge=0, le=1
    )
    label_smoothing: float = _field(
        0.1,
        "share",
        "Scraped labels are partly wrong; smoothing keeps the model from learning them by heart.",
        ge=0,
        le=0.5,
    )
    dropout: float = _field(
        0.5, "share", "Of the head's last features, left out at each step; fastai's default.", ge=0, le=0.9
    )
    l1: float = _field(
        0.0, "per weight", "Pulls weights to zero; only for trainings from random weights.", ge=0, le=0.1
    )
    max_gradient: float = _field(
        0.0, "norm", "Longer gradients are shortened to it; 0 leaves them.", ge=0, le=1000
    )
    balance: Balance = _field(
        "none",
        "none|oversample|weighted",
        "Change it where the largest class has five times the smallest or more.",
    )
    mix: Mix = _field(
        "none", "none|mixup|cutmix", "Helps over many epochs (20 and more); in few it only slows learning."
    )
    mix_strength: float = _field(
        0.4, "alpha", "Of the beta distribution that shares are drawn from; fastai's default.", gt=0, le=4
    )
    augment: float = _field(
        1.0, "strength", "0 shows each image unchanged, 1 the usual small turns, zooms and light.", ge=0, le=2
    )
    is_mirrored: bool = _field(
        True,
        "yes/no",
        "Mirror half of the training images. Switch off where left and right tell classes apart.",
    )
    seed: int = _field(0, "number", "Names one order of images and one random head.", ge=0, lt=2**31)
    device: Device = _field("auto", "auto|cuda|mps|cpu", "auto takes the fastest there is.")
    n_workers: int = _field(
        0,
        "processes",
        "Batches come from a pixel cache faster than a model eats them; 0 is repeatable.",
        ge=0,
        le=64,
    )
    precision: Precision = _field(
        "auto", "auto|full", "Half the bits are twice as fast on a GPU and as accurate; a CPU gains nothing."
    )
    checkpoint_every_min: float = _field(
        5.0,
        "minutes",
        "Beside the one after each epoch: what a killed training loses at most.",
        gt=0,
        le=1440,
    )
    folds: int = _field(
        0,
        "folds",
        "0 trains once. 3 or more trains as often, so that every image is predicted by a model that never saw it.",
        ge=0,
        le=20,
    )
    allow_leaks: bool = _field(
        False, "yes/no", "Train although near-duplicates sit in different splits; the score is then too good."
    )

    @field_validator("arch")
    @classmethod
    def _is_tested(cls, name: str) -> str:
        return architectures.find(name).name

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        fixed = architectures.find(self.arch).fixed_size_px
        if fixed is not None and self.image_size_px != fixed:
            raise BadInput(
                f"{self.arch} takes images of {fixed} px only, not {self.image_size_px} px.",
                f"Use --set image_size_px={fixed}.",
            )
        if self.batch_size == 1:
            raise BadInput(
                "batch_size=1: BatchNorm has no deviation of one image.",
                "Use --set batch_size=2 or more, or 0 for automatic.",
            )
        if self.phases is None and self.head_epochs + self.body_epochs == 0:
            raise BadInput(
                "head_epochs and body_epochs are both 0: nothing would be learned.",
                "Use --set head_epochs=3.",
            )
        if self.phases is not None and not self.phases:
            raise BadInput(
                "The list of phases is empty: nothing would be learned.",
                "Write at least one [[phases]], or leave them out.",
            )
        if self.folds in (1, 2):
            # One fold is predicted and another one chooses the epoch, so two would leave nothing to learn from.
            raise BadInput(
                f"folds={self.folds}: cross-validation takes at least 3 folds.",
                "Use --set folds=5, or folds=0 for none.",
            )
        if self.l1 and self.pretrained != "none":
            raise BadInput(
                f"l1={self.l1:g} would pull pretrained weights to zero (pretrained={self.pretrained}).",
                "Use --set pretrained=none or l1=0.",
            )
        return self

    def planned(self, *, is_pretrained: bool) -> tuple[Phase, ...]:
        """Answer the phases of a training: those written out, else head and body as fastai's `fine_tune` has them.

        Random weights are never frozen and learn at one rate: there is nothing in them worth keeping.

        Args:
            is_pretrained: Whether weights were really found.
        """
        if is_pretrained and self.method == "linear-head":
            return (self._filled(Phase(name="linear head", learns="head", augment=0.0)),)
        phases = self.phases or (self._fine_tune() if is_pretrained else self._scratch())
        if not is_pretrained:
            phases = tuple(
                phase.model_copy(update={"learns": "all", "lowest_lr_share": 1.0}) for phase in phases
            )
        return tuple(self._filled(phase) for phase in phases)

    def _fine_tune(self) -> tuple[Phase, ...]:
        # As fastai's fine_tune: the rate rises during the head phase and the body phase brings it down, from half of it on,
        # and the lowest layers learn a hundred times slower. Flat rates collapsed a model to one class when tried.
        common: dict[str, Any] = {"schedule": self.schedule, "patience": self.patience}
        head: dict[str, Any] = {
            "name": "head",
            "learns": "head",
            "epochs": self.head_epochs,
            "base_lr": self.base_lr,
            "warmup_share": 0.99,
        }
        body: dict[str, Any] = {
            "name": "body",
            "epochs": self.body_epochs,
            "base_lr": self.base_lr / 2,
            "warmup_share": 0.3,
            "start_lr_share": 0.2,
        }
        return tuple(Phase(**each, **common) for each in (head, body) if each["epochs"])

    def _scratch(self) -> tuple[Phase, ...]:
        return (
            Phase(
                name="scratch",
                epochs=self.scratch_epochs,
                base_lr=self.base_lr,
                schedule=self.schedule,
                patience=self.patience,
            ),
        )

    def _filled(self, phase: Phase) -> Phase:
        """Put the recipe's own size, strength and limit where a phase has none."""
        size = min(phase.image_size_px or self.image_size_px, self.image_size_px)
        fixed = architectures.find(self.arch).fixed_size_px
        return phase.model_copy(
            update={
                "name": phase.name or phase.learns,
                "image_size_px": fixed or size,
                "augment": self.augment if phase.augment is None else phase.augment,
                "epochs": min(phase.epochs, self.max_epochs or phase.epochs),
            }
        )


def with_settings(recipe: Recipe, settings: Sequence[str]) -> Recipe:
    """Answer the recipe with `key=value` settings applied, as `--set` gives them.

    A path in `pretrained` becomes absolute, because the job that reads it may run in another folder.

    Raises:
        BadInput: If a setting is no `key=value`, its key is unknown or its value does not fit.
        UnknownArchitecture: If `arch` is not in the tested list.
    """
    named: dict[str, Any] = dict(_split(setting) for setting in settings)
    if named.get("phases") == "none":
        named["phases"] = None
    idle = [key for key in SIMPLE_KEYS if key in named]
    if recipe.phases and idle and "phases" not in named:
        raise BadInput(
            f"{idle[0]}={named[idle[0]]} would change nothing: this recipe has {len(recipe.phases)} phases of its own.",
            "Change them in a recipe file, shorten them with --set max_epochs=1, or drop them with --set phases=none.",
        )
    changed = of_values({**recipe.model_dump(), **named})
    useless = [
        key for key in ("head_epochs", "body_epochs") if key in named and changed.method == "linear-head"
    ]
    if useless:
        raise BadInput(
            f"{useless[0]}={named[useless[0]]} would change nothing: a linear head is solved at once.",
            "Leave it out, or use --recipe standard.",
        )
    return changed


def asked_for(name: str | None, settings: Sequence[str], *, tried: Sequence[str] = ()) -> Recipe:
    """Answer the recipe a person names, with settings; without a name `quick`, or `standard` where a setting only means something to it.

    Args:
        tried: Settings that a sweep will change; they choose between the two as well.

    Raises:
        BadInput: If a name or value does not fit.
        UnknownArchitecture: If `arch` is not in the tested list.
    """
    keys = {setting.partition("=")[0].strip() for setting in (*settings, *tried)}
    default = "quick" if keys.isdisjoint(FINE_TUNE_KEYS) else "standard"
    return with_settings(named(name or default), settings)


def named(name: str | Path) -> Recipe:
    """Read a recipe by a preset's name, or from a TOML file.

    Raises:
        BadInput: If it is neither, or a value does not fit.
    """
    files = [folder / f"{name}.toml" for folder in (RECIPES_DIR, REPRODUCED_DIR)]
    return load(next((file for file in files if file.is_file()), Path(name)))


def load(file: Path) -> Recipe:
    """Read a recipe from TOML: only what differs from the default; `about` is a sentence for people.

    Raises:
        BadInput: If there is no such file, it is no TOML or a value does not fit.
        UnknownArchitecture: If `arch` is not in the tested list.
    """
    values = _read(file)
    values.pop("about", None)
    return of_values(values)


def presets() -> dict[str, Recipe]:
    """Read every recipe that comes with Peakid, by name, quickest first."""
    return {name: load(RECIPES_DIR / f"{name}.toml") for name in preset_notes()}


def preset_notes() -> dict[str, str]:
    """Answer for each preset the sentence that says what it is for, quickest first."""
    known = ["quick", "standard", "thorough", "scratch"]
    return {name: str(_read(RECIPES_DIR / f"{name}.toml").get("about", "")) for name in known}


def reproduced() -> dict[str, Recipe]:
    """Read the trainings that came before Peakid, by name, so that their scores can be measured again."""
    return {file.stem: load(file) for file in sorted(REPRODUCED_DIR.glob("*.toml"))}


def reproduced_notes() -> dict[str, str]:
    """Answer for each of them the sentence that says what it was."""
    return {file.stem: str(_read(file).get("about", "")) for file in sorted(REPRODUCED_DIR.glob("*.toml"))}


def _names() -> list[str]:
    return [*preset_notes(), *(file.stem for file in sorted(REPRODUCED_DIR.glob("*.toml")))]


def _split(setting: str) -> tuple[str, str]:
    key, equals, value = setting.partition("=")
    if not equals:
        raise BadInput(
            f"The setting '{setting}' is not of the form key=value.", "For example: --set arch=mobilenet_v2"
        )
    return key.strip(), value.strip()


def _read(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadInput(
            f"The recipe {file} cannot be read: {error.strerror}.",
            f"Give a .toml file, or one of: {', '.join(_names())}.",
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadInput(
            f"The recipe {file} is not valid TOML: {error}.", "Write one `key = value` a line."
        ) from error


def of_values(values: dict[str, Any]) -> Recipe:
    """Check values by field name, as a form or a file gives them.

    Raises:
        BadInput: If one does not fit.
        UnknownArchitecture: If `arch` is not in the tested list.
    """
    if isinstance(values.get("pretrained"), str):
        values = {**values, "pretrained": _located(values["pretrained"])}
    try:
        return Recipe.model_validate(values)
    except ValidationError as error:
        raise _in_words(error) from error


def run_of(pretrained: str) -> int | None:
    """Answer the run that a training goes on from: `run:7` gives 7; None for everything else."""
    match = re.fullmatch(r"run:(\d+)", pretrained)
    return int(match.group(1)) if match else None


def _located(pretrained: str) -> str:
    if pretrained in PRETRAINED_WORDS or run_of(pretrained) is not None:
        return pretrained
    path = Path(pretrained).expanduser().absolute()
    if not path.is_file():
        raise BadInput(
            f"pretrained={pretrained}: there is no such weights file.",
            f"Give the path of a state_dict, run:N, or {', '.join(PRETRAINED_WORDS)}.",
        )
    return str(path)


def _in_words(error: ValidationError) -> BadInput:
    first = error.errors(include_url=False)[0]
    key = str(first["loc"][0])
    if first["type"] == "extra_forbidden":
        return _unknown(first["loc"])
    why = f"{first['msg'][0].lower()}{first['msg'][1:]}"
    if key == "phases":
        return _in_phase(first["loc"], first["input"], why)
    return BadInput(f"{key}={first['input']} does not fit: {why}.", f"Allowed: {allowed(key)}.")


def _in_phase(where: tuple[int | str, ...], value: Any, why: str) -> BadInput:
    """Say which phase, counted from 1, and which of its values does not fit."""
    if len(where) < 3:
        return BadInput(
            f"phases={value} does not fit: {why}.", "Write each phase as a [[phases]] table in a recipe file."
        )
    name = str(where[2])
    field = Phase.model_fields[name]
    if name == "base_lr":  # A number or a word: the reason given is that of the number alone.
        why = "a rate lies over 0 and up to 1, or is the word finder"
    return BadInput(
        f"Phase {int(where[1]) + 1}: {name}={value} does not fit: {why}.",
        f"Allowed: {allowed(name, Phase)}. {field.description}",
    )


def _unknown(where: tuple[int | str, ...]) -> BadInput:
    known = Phase.model_fields if len(where) > 1 else Recipe.model_fields
    kind = "phase" if len(where) > 1 else "recipe"
    return BadInput(f"A {kind} has no setting '{where[-1]}'.", f"Known are: {', '.join(known)}.")


def allowed(key: str, model: type[BaseModel] = Recipe) -> str:
    """Say what one field takes, for messages and forms: `32..1024 px, default 160`."""
    field = model.model_fields[key]
    limits = {
        name: getattr(part, name)
        for part in field.metadata
        for name in ("ge", "gt", "le", "lt")
        if hasattr(part, name)
    }
    low = f"{limits['ge']}" if "ge" in limits else f"over {limits['gt']}" if "gt" in limits else ""
    high = f"{limits['le']}" if "le" in limits else f"under {limits['lt']}" if "lt" in limits else ""
    extra = field.json_schema_extra
    unit = extra["unit"] if isinstance(extra, dict) else ""
    return f"{low}{'..' if low else ''}{high} {unit}, default {field.default}".strip()
