"""Load a recipe from a preset, a TOML file, `key=value` settings or a form, and explain what does not fit."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from peakid import documents, files, near_names, resources
from peakid.errors import BadInput
from peakid.recipe import fields
from peakid.recipe.phase import RATE_RANGE, Phase
from peakid.recipe.recipe import Recipe
from peakid.remedies import action

RECIPES_DIR = resources.path("recipes")
REPRODUCED_DIR = RECIPES_DIR / "reproduce"
PRESETS = ("quick", "standard", "thorough", "scratch")  # The quickest first.
MAX_FILE_BYTES = 2**20  # A recipe with 20 phases has 4 KB.
PRETRAINED_WORDS = ("auto", "require", "none")
# Settings that a list of phases replaces; changing one of them in addition would have no effect.
SIMPLE_KEYS = ("head_epochs", "body_epochs", "scratch_epochs", "base_lr", "schedule", "patience")
# Settings without effect on a linear head, which is fitted by L-BFGS on unchanged images.
FINE_TUNE_KEYS = (
    *SIMPLE_KEYS,
    *("max_epochs", "phases", "optimiser", "weight_decay", "label_smoothing", "dropout", "l1"),
    *("max_gradient", "mix", "mix_strength", "augment", "is_mirrored", "max_minutes"),
)


def with_settings(recipe: Recipe, settings: Sequence[str]) -> Recipe:
    """Return the recipe with `key=value` settings applied.

    A path in `pretrained` becomes absolute, because the job that reads it may run in another folder.

    Raises:
        BadInput: If a setting is not of the form `key=value`, its key is unknown, its value does not fit, or
        it
            would have no effect.
        UnknownArchitecture: If `arch` is not in the tested list.
    """
    values: dict[str, Any] = dict(_key_and_value(setting) for setting in settings)
    if values.get("phases") == "none":
        values["phases"] = None
    replaced = [key for key in SIMPLE_KEYS if key in values]
    if recipe.phases and replaced and "phases" not in values:
        raise BadInput(
            f"{replaced[0]}={values[replaced[0]]} would change nothing: this recipe has {len(recipe.phases)} "
            "phases of its own.",
            "Change them in a recipe file, limit their epochs with max_epochs, or drop them.",
            action("set_recipe", key="max_epochs", value=1),
            action("set_recipe", key="phases", value="none"),
        )
    changed = of_values({**recipe.model_dump(), **values})
    useless = [key for key in ("head_epochs", "body_epochs") if key in values]
    if useless and changed.method == "linear-head":
        raise BadInput(
            f"{useless[0]}={values[useless[0]]} would change nothing: a linear head has no epochs.",
            "Leave it out, or use a recipe that fine-tunes.",
            action("choose_recipe", recipe="standard"),
        )
    if changed.refit and changed.method == "fine-tune" and "refit" in values:
        raise BadInput(
            "refit=yes would change nothing: only a linear head is refitted.",
            "Leave it out, or use a recipe with a linear head.",
            action("choose_recipe", recipe="quick"),
        )
    return changed


def requested(name: str | None, settings: Sequence[str], *, tried: Sequence[str] = ()) -> Recipe:
    """Return a recipe by name, with settings applied.

    Without a name it is `quick`, or `standard` where a setting only has an effect on fine-tuning.

    Args:
        tried: Settings that a sweep will vary; they choose between the two as well.

    Raises:
        BadInput: If a name or value does not fit.
        UnknownArchitecture: If `arch` is not in the tested list.
    """
    keys = {setting.partition("=")[0].strip() for setting in (*settings, *tried)}
    default = "quick" if keys.isdisjoint(FINE_TUNE_KEYS) else "standard"
    return with_settings(named(name or default), settings)


def named(name: str | Path) -> Recipe:
    """Read a recipe by the name of a preset, or from a TOML file.

    Raises:
        BadInput: If it is neither, or a value does not fit.
    """
    known = {file.stem: file for file in [*_reproduced_files(), *(_preset_file(each) for each in PRESETS)]}
    return load(known.get(str(name)) or Path(name))


def load(file: Path) -> Recipe:
    """Read a recipe from TOML: only what differs from the default; `about` is a sentence for people.

    Raises:
        BadInput: If the file cannot be read, is not TOML or a value does not fit.
        UnknownArchitecture: If `arch` is not in the tested list.
    """
    values = _read(file)
    values.pop("about", None)
    return of_values(values)


def presets() -> dict[str, Recipe]:
    """Read every recipe that comes with Peakid, by name, the quickest first."""
    return {name: load(_preset_file(name)) for name in PRESETS}


def preset_notes() -> dict[str, str]:
    """Return for each preset the sentence that says what it is for, the quickest first."""
    return {name: _about(_preset_file(name)) for name in PRESETS}


def reproduced() -> dict[str, Recipe]:
    """Read the published recipes that can be reproduced, by name."""
    return {file.stem: load(file) for file in _reproduced_files()}


def reproduced_notes() -> dict[str, str]:
    """Return for each published recipe the sentence that says what it was."""
    return {file.stem: _about(file) for file in _reproduced_files()}


def of_values(values: Mapping[str, Any]) -> Recipe:
    """Check values by field name, as a form or a file has them.

    Raises:
        BadInput: If one does not fit.
        UnknownArchitecture: If `arch` is not in the tested list.
    """
    if isinstance(values.get("pretrained"), str):
        values = {**values, "pretrained": _with_absolute_path(values["pretrained"])}
    try:
        return Recipe.model_validate(values)
    except ValidationError as error:
        raise _explained(error) from error


def value_of(key: str, text: str) -> Any:
    """Return a setting's text as its field reads it, or unchanged where it only fits together with others.

    Raises:
        BadInput: If the field itself refuses it.
    """
    try:
        return getattr(of_values({key: text}), key)
    except BadInput as error:
        if isinstance(error.__cause__, ValidationError):  # Refused by the field, not by a combination.
            raise
        return text


def run_of(pretrained: str) -> int | None:
    """Return the run that a training continues from: `run:7` gives 7; None for everything else."""
    match = re.fullmatch(r"run:(\d+)", pretrained)
    return int(match.group(1)) if match else None


_PURE_NUMBERS = ("alpha", "norm", "number", "share", "strength")  # After a range, these units say nothing.


def allowed(key: str, model: type[BaseModel] = Recipe) -> str:
    """Return what one field accepts, for messages and forms: `32..1024 px, default 160`."""
    field = model.model_fields[key]
    extra = field.json_schema_extra
    unit = str(extra["unit"]) if isinstance(extra, dict) and extra["unit"] not in _PURE_NUMBERS else ""
    if field.annotation is bool:
        return f"{unit}, default {'yes' if field.default else 'no'}"
    values = f"{_range(fields.limits(field))} {unit}".strip()
    if field.default is None:
        return values
    return f"{values}, default {'empty' if field.default == '' else field.default}"


def _range(bounds: Mapping[str, float]) -> str:
    """Return bounds as text: `32..1024`, `over 0, up to 1`; empty where there are none."""
    if "gt" in bounds:
        return f"over {bounds['gt']}, up to {bounds['le']}"
    if "ge" not in bounds:
        return ""
    # Only whole numbers have a bound that they must stay under.
    return f"{bounds['ge']}..{bounds['le'] if 'le' in bounds else bounds['lt'] - 1}"


def _reproduced_files() -> list[Path]:
    return sorted(REPRODUCED_DIR.glob("*.toml"))


def _preset_file(name: str) -> Path:
    return RECIPES_DIR / f"{name}.toml"


def _about(file: Path) -> str:
    return str(_read(file).get("about", ""))


def _key_and_value(setting: str) -> tuple[str, str]:
    key, equals, value = setting.partition("=")
    if not equals:
        raise BadInput(
            f"The setting '{documents.shown(setting)}' is not of the form key=value.",
            "For example: arch=mobilenet_v2",
        )
    return key.strip(), value.strip()


def _read(file: Path) -> dict[str, Any]:
    try:
        return documents.read_toml(file, limit=MAX_FILE_BYTES)
    except (FileNotFoundError, documents.UnreadableDocument) as error:
        names = [*PRESETS, *(each.stem for each in _reproduced_files())]
        reason = "there is no such file" if isinstance(error, FileNotFoundError) else str(error)
        raise BadInput(
            f"The recipe {documents.shown_path(file)} cannot be read: {reason}.",
            near_names.remedy(
                file.name,
                names,
                f"Give a .toml file, or one of: {', '.join(names)}. A file has one `key = value` per line.",
            ),
        ) from error


def _with_absolute_path(pretrained: str) -> str:
    if pretrained in PRETRAINED_WORDS or run_of(pretrained) is not None:
        return pretrained
    path = files.expanded(pretrained)
    if not files.is_regular(path):
        raise BadInput(
            f"pretrained={documents.shown_path(pretrained)}: there is no such weights file.",
            f"Give the path of a state_dict, run:N, or {', '.join(PRETRAINED_WORDS)}.",
        )
    return str(path)


def _explained(error: ValidationError) -> BadInput:
    first = error.errors(include_url=False)[0]
    key = str(first["loc"][0])
    if first["type"] == "extra_forbidden":
        return _unknown(first["loc"])
    reason = f"{first['msg'][0].lower()}{first['msg'][1:]}"
    if key == "phases":
        return _in_phase(first["loc"], first["input"], reason)
    value = documents.shown(first["input"])
    return BadInput(f"{key}={value} does not fit: {reason}.", f"Allowed: {allowed(key)}.")


def _in_phase(location: tuple[int | str, ...], value: object, reason: str) -> BadInput:
    """Explain which phase, counted from 1, and which of its values does not fit."""
    text = documents.shown(value)
    if len(location) < 3:
        return BadInput(
            f"phases={text} does not fit: {reason}.",
            "Write each phase as a [[phases]] table in a recipe file.",
        )
    name = str(location[2])
    if name == "base_lr":  # A number or a word: pydantic's reason is about the number alone.
        reason = RATE_RANGE
    return BadInput(
        f"Phase {int(location[1]) + 1}: {name}={text} does not fit: {reason}.",
        f"Allowed: {allowed(name, Phase)}. {Phase.model_fields[name].description}",
    )


def _unknown(location: tuple[int | str, ...]) -> BadInput:
    is_phase = len(location) > 1
    known = Phase.model_fields if is_phase else Recipe.model_fields
    kind = "phase" if is_phase else "recipe"
    name = documents.shown(location[-1])
    remedy = near_names.remedy(str(location[-1]), known, f"Known are: {', '.join(known)}.")
    return BadInput(f"A {kind} has no setting '{name}'.", remedy)
