"""The recipe in this session's form: its values, their labels, and whether they make a valid recipe."""

from collections.abc import Mapping
from typing import Any

import streamlit as st
from pydantic import BaseModel

from peakid import near_names
from peakid.errors import BadInput, NotFound, PeakidError
from peakid.recipe import architectures, schedule, weight_files
from peakid.recipe import loading as recipes
from peakid.recipe.recipe import Recipe
from peakid.remedies import action
from peakid.web.training import weights_folder

FIRST_PRESET = "quick"
KEPT_BY_PRESETS = ("arch", "device")  # A preset sets duration and size, not the architecture.
KEPT_BY_REPRODUCED = ("device",)  # A published recipe includes its architecture.

ALLOW_LEAKS = "allow_leaks"  # Key of the checkbox in web/snapshots/snapshot_choice.py.

_DRAFT = "recipe:draft"
_PRESET = "recipe:preset"
_FILLED = "recipe:filled"  # How often the form was filled by a button or a link.
_OWN_ARCH = "recipe:own_arch"  # The person's choice before a published recipe replaced it.


def values() -> dict[str, Any]:
    """Return the values of the form by field; at first those of the quickest preset."""
    if _DRAFT not in st.session_state:
        st.session_state[_DRAFT] = first().model_dump()
    return st.session_state[_DRAFT]


def first() -> Recipe:
    """Return the quickest preset with an architecture whose weights are here, if there is one."""
    preset = recipes.presets()[FIRST_PRESET]
    here = weight_files.found(weights_folder.settings())
    return recipes.of_values(preset.model_dump() | {"arch": weight_files.likeliest(preset.arch, here)})


def preset() -> str:
    """Return the name of the preset or published recipe that filled the form last."""
    return st.session_state.get(_PRESET, FIRST_PRESET)


def filled() -> int:
    """Return how often the form was filled. It is part of every widget's key.

    The browser may still send values of the old widgets before it has drawn the new ones; under their old
    keys these do not overwrite the new values.
    """
    return st.session_state.get(_FILLED, 0)


def fill(changed: Mapping[str, Any], *, preset: str | None = None) -> None:
    """Put values into the form.

    Args:
        preset: The recipe that the values are from or closest to; None = unchanged.
    """
    st.session_state[_DRAFT] = values() | dict(changed)
    st.session_state[_PRESET] = preset or st.session_state.get(_PRESET, FIRST_PRESET)
    st.session_state[_FILLED] = filled() + 1


def use_preset(name: str) -> None:
    """Put a preset's values into the form, except architecture and device."""
    kept = {field: values()[field] for field in KEPT_BY_PRESETS}
    kept["arch"] = st.session_state.pop(_OWN_ARCH, kept["arch"])
    fill(recipes.presets()[name].model_dump() | kept, preset=name)


def use_reproduced(name: str) -> None:
    """Put a published recipe into the form, including its architecture."""
    st.session_state.setdefault(_OWN_ARCH, values()["arch"])
    fill(
        recipes.reproduced()[name].model_dump() | {field: values()[field] for field in KEPT_BY_REPRODUCED},
        preset=name,
    )


def put(name: str, value: object) -> None:
    """Store one value that was typed or chosen."""
    values()[name] = value
    if name == "arch":
        st.session_state.pop(_OWN_ARCH, None)


def read(*, allow_leaks: bool = False) -> Recipe:
    """Return the form's values as a recipe.

    Raises:
        BadInput: If a value does not fit.
    """
    return recipes.of_values(values() | {"allow_leaks": allow_leaks})


def checked(*, allow_leaks: bool = False) -> tuple[Recipe | None, PeakidError | None]:
    """Return the recipe, or the error of the value that does not fit."""
    try:
        return read(allow_leaks=allow_leaks), None
    except PeakidError as error:
        return None, error


def set_from_text(key: str, text: str) -> None:
    """Put one value into the form that is given as text, as in an address.

    Raises:
        BadInput: If there is no such field or the value does not fit; the form is unchanged then.
        UnknownArchitecture: If `arch` is not in the tested list.
    """
    if key not in Recipe.model_fields:
        raise BadInput(
            f"A recipe has no setting {key!r}.",
            near_names.remedy(
                key, Recipe.model_fields, f"Known settings are {', '.join(Recipe.model_fields)}."
            ),
        )
    if key == "phases" and text != "none":
        raise BadInput("Phases cannot be set from an address.", "Edit them in the table of phases.")
    value = None if key == "phases" else _value_of(key, text)
    fill({key: value})
    if key == "arch":
        st.session_state.pop(_OWN_ARCH, None)
    if key == "allow_leaks":
        st.session_state[ALLOW_LEAKS] = value


def use_recipe(name: str) -> None:
    """Put a preset or a published recipe into the form.

    Raises:
        NotFound: If there is no such recipe.
    """
    if name in recipes.preset_notes():
        use_preset(name)
    elif name in recipes.reproduced_notes():
        use_reproduced(name)
    else:
        first = next(iter(recipes.preset_notes()))
        raise NotFound(f"No recipe {name!r}.", "Choose one below.", action("choose_recipe", recipe=first))


def _value_of(key: str, text: str) -> object:
    """Read a value with the form's other values, or alone where those do not fit each other."""
    if key == "arch":  # Its image size is set when the form is drawn.
        return architectures.find(text).name
    try:
        recipe = recipes.of_values(values() | {key: text})
    except BadInput:
        recipe = recipes.of_values({key: text})
    return getattr(recipe, key)


def field_label(name: str, model: type[BaseModel] = Recipe) -> str:
    """Return the label of a field of a recipe or phase: its title in the model, or its name."""
    field = model.model_fields.get(name)
    return (field.title if field else None) or name


def planned_rates(recipe: Recipe) -> list[schedule.PhaseRates]:
    """Return the planned learning rate over the epochs; empty for a linear head, which has no epochs."""
    is_pretrained = weight_files.is_pretrained(recipe, weights_folder.settings())
    phases = recipe.planned(is_pretrained=is_pretrained)
    if recipe.method == "linear-head" and is_pretrained:
        return []
    return schedule.over_epochs(phases)
