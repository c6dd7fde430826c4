"""Recipes that fill the form with one click: the presets, and published recipes to reproduce."""

from collections.abc import Callable, Mapping
from pathlib import Path

import streamlit as st

from peakid.recipe import loading as recipes
from peakid.recipe import weight_files
from peakid.recipe.recipe import Recipe
from peakid.web import words
from peakid.web.training import recipe_draft, weights_folder, weights_here

PER_ROW = 3


def show() -> None:
    """Draw one card per preset, the published recipes folded below, and what was changed since."""
    notes, presets, reproduced = recipes.preset_notes(), recipes.presets(), recipes.reproduced()
    for cell, name in zip(st.columns(len(presets), gap="small"), presets, strict=True):
        with cell.container(border=True, height="stretch"):
            _button(name, recipe_draft.use_preset)
            st.caption(f"{notes[name]}  \n{length(presets[name])}")
    with st.expander("Reproduce a published recipe", icon=":material/history_edu:"):
        _show_reproduced(reproduced)
    chosen = recipe_draft.preset()
    changes = _changes((presets | reproduced)[chosen], is_reproduced=chosen in reproduced)
    filled = f"The form has {title(chosen)}." if chosen in reproduced else ""
    place = st.empty()  # Always there: an open expander below would close if its position changed.
    if text := f"Changed from {title(chosen)}: {changes}." if changes else filled:
        place.caption(text)


def title(name: str) -> str:
    """Return the name of a recipe within a sentence: `quick`, `Swiss peaks`."""
    return (
        name
        if name in recipes.preset_notes()
        else name.replace("-scratch", " from scratch").replace("-", " ").capitalize()
    )


def length(recipe: Recipe) -> str:
    """Return image size and epochs of a recipe: `448 px, 120 epochs in 6 phases`."""
    if recipe.method == "linear-head":
        return f"{recipe.image_size_px} px, linear head"
    phases = recipe.planned(is_pretrained=recipe.pretrained != "none")
    at_most = "up to " if any(phase.patience for phase in phases) else ""
    epochs = f"{at_most}{words.n_of(sum(phase.epochs for phase in phases), 'epoch')}"
    return f"{recipe.image_size_px} px, {epochs}" + (
        f" in {len(phases)} phases" if recipe.phases and len(phases) > 1 else ""
    )


def _show_reproduced(reproduced: dict[str, Recipe]) -> None:
    st.caption("Each fills the whole form, including the architecture, to measure its score on your images.")
    notes, here = recipes.reproduced_notes(), weight_files.found(weights_folder.settings())
    for start in range(0, len(reproduced), PER_ROW):
        for cell, name in zip(
            st.columns(PER_ROW, gap="small"), list(reproduced)[start : start + PER_ROW], strict=False
        ):
            with cell.container(border=True, height="stretch"):
                _button(name, recipe_draft.use_reproduced)
                recipe = reproduced[name]
                lines = [notes[name], f"{recipe.arch}, {length(recipe)}", _weights(recipe, here)]
                st.caption("  \n".join(lines))


def _button(name: str, use: Callable[[str], None]) -> None:
    kind = "primary" if name == recipe_draft.preset() else "secondary"
    label = title(name)[0].upper() + title(name)[1:]
    st.button(label, type=kind, width="stretch", key=f"preset:{name}", on_click=use, args=(name,))


def _weights(recipe: Recipe, here: Mapping[str, Path]) -> str:
    """Return what a recipe starts from."""
    if recipe.pretrained == "none":
        return "Random weights"
    if recipe.arch in here:
        return "Weights on this machine"
    return weights_here.note(recipe.arch, here)


def _changes(preset: Recipe, *, is_reproduced: bool) -> str:
    """Return which values differ from the recipe: `Image size (px) 64 instead of 160`."""
    now, kept = (
        recipe_draft.values(),
        recipe_draft.KEPT_BY_REPRODUCED if is_reproduced else recipe_draft.KEPT_BY_PRESETS,
    )
    fields = [
        name
        for name in Recipe.model_fields
        if name not in ("allow_leaks", "phases", *kept) and now[name] != getattr(preset, name)
    ]
    changes = [
        f"{recipe_draft.field_label(name)} {now[name]} instead of {getattr(preset, name)}" for name in fields
    ]
    recipe, _ = recipe_draft.checked()
    return ", ".join(
        [*changes, *(["its phases"] if recipe is not None and recipe.phases != preset.phases else [])]
    )
