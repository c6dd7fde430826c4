"""Recipes that fill the form at one click: the presets, and the trainings that came before Peakid."""

from collections.abc import Callable
from pathlib import Path

import streamlit as st

from peakid.recipe import loading as recipes
from peakid.recipe import weight_files
from peakid.recipe.recipe import Recipe
from peakid.web import words
from peakid.web.training import recipe_draft, recipe_form, weights_here

PER_ROW = 3


def show() -> None:
    """Draw one card a preset, the others folded below, and what was changed since."""
    notes, presets, reproduced = recipes.preset_notes(), recipes.presets(), recipes.reproduced()
    for cell, name in zip(st.columns(len(presets), gap="small"), presets, strict=True):
        with cell.container(border=True, height="stretch"):
            _button(name, recipe_draft.use_preset)
            st.caption(f"{notes[name]}  \n{length(presets[name])}")
    with st.expander("Reproduce a training that came before", icon=":material/history_edu:"):
        _show_reproduced(reproduced)
    chosen = recipe_draft.preset()
    changes = _changes((presets | reproduced)[chosen], is_reproduced=chosen in reproduced)
    filled = f"Filled in: {title(chosen)}." if chosen in reproduced else ""
    place = st.empty()  # Always there: what is unfolded below would fold up if its place moved.
    if told := f"Changed from {title(chosen)}: {changes}." if changes else filled:
        place.caption(told)


def title(name: str) -> str:
    """Name a recipe in a sentence: `quick`, `Swiss peaks`."""
    return (
        name
        if name in recipes.preset_notes()
        else name.replace("-scratch", " from scratch").replace("-", " ").capitalize()
    )


def length(recipe: Recipe) -> str:
    """Say how large and how long: `448 px, 120 epochs in 6 phases`."""
    if recipe.method == "linear-head":
        return f"{recipe.image_size_px} px, one look at each image"
    phases = recipe.planned(is_pretrained=recipe.pretrained != "none")
    at_most = "up to " if any(phase.patience for phase in phases) else ""
    epochs = f"{at_most}{words.n_of(sum(phase.epochs for phase in phases), 'epoch')}"
    return f"{recipe.image_size_px} px, {epochs}" + (
        f" in {len(phases)} phases" if recipe.phases and len(phases) > 1 else ""
    )


def _show_reproduced(reproduced: dict[str, Recipe]) -> None:
    st.caption(
        "Each is filled in whole, with its architecture, so that its score can be measured again on your images."
    )
    notes, here = recipes.reproduced_notes(), weight_files.found()
    for start in range(0, len(reproduced), PER_ROW):
        for cell, name in zip(
            st.columns(PER_ROW, gap="small"), list(reproduced)[start : start + PER_ROW], strict=False
        ):
            with cell.container(border=True, height="stretch"):
                _button(name, recipe_draft.use_reproduced)
                st.caption(
                    f"{notes[name]}  \n{reproduced[name].arch}, {length(reproduced[name])}  \n{_weights(reproduced[name], here)}"
                )


def _button(name: str, use: Callable[[str], None]) -> None:
    kind = "primary" if name == recipe_draft.preset() else "secondary"
    label = title(name)[0].upper() + title(name)[1:]
    st.button(label, type=kind, width="stretch", key=f"preset:{name}", on_click=use, args=(name,))


def _weights(recipe: Recipe, here: dict[str, Path]) -> str:
    """Say what it will start from, and what happens where that is not here."""
    if recipe.pretrained == "none":
        return "Random weights, as it had"
    if recipe.arch in here:
        return "Its weights are on this machine"
    return f"{weights_here.note(recipe.arch, here)}; without a network it starts from random weights"


def _changes(preset: Recipe, *, is_reproduced: bool) -> str:
    """Say which values differ from the preset's: `image size (px) 64 instead of 160`."""
    now, kept = (
        recipe_draft.values(),
        recipe_draft.KEPT_BY_REPRODUCED if is_reproduced else recipe_draft.KEPT_BY_PRESETS,
    )
    fields = [
        name
        for name in Recipe.model_fields
        if name not in ("allow_leaks", "phases", *kept) and now[name] != getattr(preset, name)
    ]
    told = [
        f"{recipe_form.LABELS[name].lower()} {now[name]} instead of {getattr(preset, name)}"
        for name in fields
    ]
    recipe, _ = recipe_draft.checked()
    return ", ".join(
        [*told, *(["its phases"] if recipe is not None and recipe.phases != preset.phases else [])]
    )
