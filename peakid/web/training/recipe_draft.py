"""The recipe as it stands in this session's form, and whether its values make one."""

from collections.abc import Mapping
from typing import Any

import streamlit as st

from peakid.errors import BadInput, PeakidError
from peakid.recipe import loading as recipes
from peakid.recipe import schedule, weight_files
from peakid.recipe.recipe import Recipe
from peakid.web import session

FIRST_PRESET = "quick"
KEPT_BY_PRESETS = ("arch", "device")  # A preset says how long and how large, not with what.
KEPT_BY_REPRODUCED = ("device",)  # A training that came before is its architecture.

_DRAFT = "recipe:draft"
_PRESET = "recipe:preset"
_FILLED = "recipe:filled"  # How often the form was filled by something else than typing.
_OWN_ARCH = "recipe:own_arch"  # What a person had chosen before a reproduced recipe brought its own.


def values() -> dict[str, Any]:
    """Answer the values of the form; at first those of the quickest preset."""
    if _DRAFT not in st.session_state:
        first = recipes.presets()[FIRST_PRESET].model_dump()
        st.session_state[_DRAFT] = first | {"arch": weight_files.likeliest(first["arch"])}
    return st.session_state[_DRAFT]


def preset() -> str:
    """Name the preset or reproduced recipe that filled the form last."""
    return st.session_state.get(_PRESET, FIRST_PRESET)


def filled() -> int:
    """Count how often the form was filled; part of every field's key.

    What the browser still sends of the old fields, before it has drawn the new ones, must not overwrite what filled them.
    """
    return st.session_state.get(_FILLED, 0)


def fill(changed: Mapping[str, Any], *, preset: str | None = None) -> None:
    """Put values into the form.

    Args:
        preset: The recipe whose values they are, or which they are closest to; None = still the one before.
    """
    st.session_state[_DRAFT] = values() | dict(changed)
    st.session_state[_PRESET] = preset or st.session_state.get(_PRESET, FIRST_PRESET)
    st.session_state[_FILLED] = filled() + 1


def use_preset(name: str) -> None:
    """Put a preset's values into the form; the person's architecture and the device stay."""
    kept = {field: values()[field] for field in KEPT_BY_PRESETS}
    kept["arch"] = st.session_state.pop(_OWN_ARCH, kept["arch"])
    fill(recipes.presets()[name].model_dump() | kept, preset=name)


def use_reproduced(name: str) -> None:
    """Put a training that came before into the form, with its architecture."""
    st.session_state.setdefault(_OWN_ARCH, values()["arch"])
    fill(
        recipes.reproduced()[name].model_dump() | {field: values()[field] for field in KEPT_BY_REPRODUCED},
        preset=name,
    )


def put(name: str, value: object) -> None:
    """Keep what was typed or chosen."""
    values()[name] = value
    if name == "arch":
        st.session_state.pop(_OWN_ARCH, None)


def read(*, allow_leaks: bool = False) -> Recipe:
    """Answer the recipe that the form holds.

    Raises:
        BadInput: If a value does not fit.
    """
    return recipes.of_values(values() | {"allow_leaks": allow_leaks})


def checked(*, allow_leaks: bool = False) -> tuple[Recipe | None, PeakidError | None]:
    """Answer the recipe, or why the values make none."""
    try:
        return read(allow_leaks=allow_leaks), None
    except PeakidError as error:
        return None, error


def show_problem(error: PeakidError) -> None:
    """Draw why the values make no recipe, in words that fit a form."""
    session.show_error(BadInput(error.message, error.remedy.replace("--set ", "")))


def lines(recipe: Recipe) -> list[schedule.PhaseRates]:
    """Answer the rate over the epochs that are planned; none for a linear head, which is solved at once."""
    phases = recipe.planned(is_pretrained=weight_files.is_pretrained(recipe))
    if recipe.method == "linear-head" and weight_files.is_pretrained(recipe):
        return []
    return schedule.over_epochs(phases)
