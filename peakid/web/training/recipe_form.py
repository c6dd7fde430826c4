"""The recipe as a form, made from the model: the few fields most people change, then all others."""

from collections.abc import Callable, Sequence
from typing import Any, Literal, get_args, get_origin

import streamlit as st

from peakid.recipe import architectures, weight_files
from peakid.recipe import loading as recipes
from peakid.recipe.recipe import Recipe
from peakid.records import Run
from peakid.web import names
from peakid.web.training import recipe_draft, weights_folder, weights_here

GROUPS = {
    "Optimiser and learning rate": (
        "method",
        "base_lr",
        "schedule",
        "patience",
        "max_epochs",
        "max_minutes",
        "scratch_epochs",
        "optimiser",
        "weight_decay",
        "max_gradient",
    ),
    "Regularisation": ("augment", "is_mirrored", "label_smoothing", "dropout", "mix", "mix_strength", "l1"),
    "Data and classes": ("pretrained", "fraction", "resize", "batch_size", "balance", "folds", "refit"),
    "Machine and repeatability": ("device", "precision", "n_workers", "checkpoint_every_min", "seed"),
}
PER_ROW = 3

_STEPS = {"max_minutes": 5.0}
_FORMATS = {"max_minutes": "%.0f", "base_lr": "%.2e", "weight_decay": "%.4f", "l1": "%.2e"}
_PRETRAINED = {"auto": "if available", "require": "required", "none": "none (random weights)"}
_WORDS = {
    "fine-tune": "Fine-tuning",
    "linear-head": "Linear head on frozen features",
    "oversample": "Oversample small classes",
    "weighted": "Weighted loss",
    "one-cycle": "One cycle",
    "cosine": "Cosine",
    "flat-cosine": "Flat, then cosine",
    "step": "Step (a tenth each)",
    "constant": "Constant",
    "crop": "Crop the centre",
    "squish": "Squish to a square",
    "pad": "Pad to a square",
    "none": "None",
}


def show_simple() -> None:
    """Draw the fields most people change: architecture, image size, time budget, epochs."""
    here, now = weight_files.found(weights_folder.settings()), recipe_draft.values()
    others = (*simple_budget(), *simple_epochs())
    # The name of an architecture and its note need 350 px.
    widths = [5, *[2] * max(1 + len(others), 2)]
    cells = st.columns(widths, gap="small", vertical_alignment="bottom")
    with cells[0]:
        options = sorted(architectures.TABLE, key=lambda name: name not in here)
        _ask("arch", options=options, format_func=lambda name: f"{name} · {weights_here.note(name, here)}")
    with cells[1]:
        _ask_size()
    for cell, name in zip(cells[2:], others, strict=False):
        with cell:
            _ask(name)
    st.caption(weights_here.sentence(now, here))


def show_advanced(earlier: Sequence[Run]) -> None:
    """Draw all other fields under their headings.

    Args:
        earlier: Runs with a model, which a training can start from.
    """
    hidden = {"arch", "image_size_px", "allow_leaks", *simple_budget(), *simple_epochs(), *_idle()}
    grouped = {name for group in GROUPS.values() for name in group}
    others = tuple(name for name in Recipe.model_fields if name not in grouped)
    for heading, group in {**GROUPS, "More": others}.items():
        if fields := [name for name in group if name not in hidden]:
            st.markdown(f"**{heading}**")
            _show_rows(fields, earlier)


def simple_budget() -> tuple[str, ...]:
    """Return the time budget's field; none for a linear head, which takes one forward pass per image."""
    return () if recipe_draft.values()["method"] == "linear-head" else ("max_minutes",)


def simple_epochs() -> tuple[str, ...]:
    """Return the fields of epochs that matter for the chosen method and weights."""
    now = recipe_draft.values()
    if now["phases"] is not None or now["method"] == "linear-head":
        return ()
    return ("scratch_epochs",) if now["pretrained"] == "none" else ("head_epochs", "body_epochs")


def _idle() -> tuple[str, ...]:
    """Return the fields that would change nothing, and the phases, which have their own table."""
    if recipe_draft.values()["method"] == "linear-head":
        return recipes.FINE_TUNE_KEYS
    return ("phases", "refit") if simple_epochs() else ("phases", "refit", *recipes.SIMPLE_KEYS)


def _show_rows(fields: Sequence[str], earlier: Sequence[Run]) -> None:
    for start in range(0, len(fields), PER_ROW):  # Row by row: a checkbox is lower than other widgets.
        cells = st.columns(PER_ROW, gap="medium", vertical_alignment="bottom")
        for cell, name in zip(cells, fields[start : start + PER_ROW], strict=False):
            with cell:
                _ask_weights(earlier) if name == "pretrained" else _ask(name)


def _ask(
    name: str,
    *,
    options: Sequence[str] = (),
    format_func: Callable[[str], str] = lambda word: _WORDS.get(word, word),
    accept_new_options: bool = False,
    on_change: Callable[[str, str], None] | None = None,
) -> None:
    """Draw the widget that fits a field's type; what is chosen goes into the draft.

    Args:
        on_change: Called with the name of the field and the key of the widget instead of storing the value.
    """
    field, key, label = Recipe.model_fields[name], _key(name), recipe_draft.field_label(name)
    if st.session_state.get(key) != recipe_draft.values()[name]:
        # Only where they differ: writing it at every run would undo what is typed meanwhile.
        st.session_state[key] = recipe_draft.values()[name]
    changed, tip = on_change or _keep, f"{field.description}  \n{_allowed(name)}."
    if options or get_origin(field.annotation) is Literal:
        st.selectbox(
            label,
            options or get_args(field.annotation),
            format_func=format_func,
            accept_new_options=accept_new_options,
            key=key,
            help=tip,
            on_change=changed,
            args=(name, key),
        )
    elif field.annotation is bool:
        st.checkbox(label, key=key, help=tip, on_change=changed, args=(name, key))
    else:
        st.number_input(label, **_limits(name), key=key, help=tip, on_change=changed, args=(name, key))


def _allowed(name: str) -> str:
    """Return what a field accepts, or only its default where the widget shows every choice."""
    field = Recipe.model_fields[name]
    if field.annotation is bool:
        return f"Default: {'on' if field.default else 'off'}"
    if name == "arch" or get_origin(field.annotation) is Literal:
        return f"Default: {_WORDS.get(field.default, field.default)}"
    return f"Allowed: {recipes.allowed(name)}"


def _ask_weights(earlier: Sequence[Run]) -> None:
    """Draw the choice of weights: published ones, none, a file by its path, or an earlier run."""
    runs = {f"run:{run.run_id}": run for run in earlier}
    options = list(dict.fromkeys([*recipes.PRETRAINED_WORDS, *runs, recipe_draft.values()["pretrained"]]))

    def label(word: str) -> str:
        return names.run_option(runs[word]) if word in runs else _PRETRAINED.get(word, word)

    def keep(name: str, key: str) -> None:
        _keep(name, key)
        if key != _key(name):
            return
        if run := runs.get(st.session_state[key] or ""):  # Its weights fit only its own architecture.
            is_linear = recipe_draft.values()["method"] == "linear-head"
            recipe_draft.fill(
                {"arch": run.recipe["arch"], "method": "fine-tune"}, preset="standard" if is_linear else None
            )

    _ask("pretrained", options=options, accept_new_options=True, format_func=label, on_change=keep)


def _ask_size() -> None:
    fixed = architectures.find(recipe_draft.values()["arch"]).fixed_size_px
    if fixed is None:
        _ask("image_size_px")
        return
    recipe_draft.put("image_size_px", fixed)
    st.number_input(
        recipe_draft.field_label("image_size_px"),
        value=fixed,
        disabled=True,
        help=f"This architecture takes only images of {fixed} px.",
    )


def _keep(name: str, key: str) -> None:
    """Store what was typed, unless another recipe has replaced the widget meanwhile."""
    if key == _key(name) and st.session_state[key] is not None:  # An emptied field keeps its last value.
        recipe_draft.put(name, st.session_state[key])


def _key(name: str) -> str:
    return f"recipe:{recipe_draft.filled()}:{name}"


def _limits(name: str) -> dict[str, Any]:
    """Return range, step and format of a number field, in the type of the field."""
    field = Recipe.model_fields[name]
    limits = {
        limit: getattr(part, limit)
        for part in field.metadata
        for limit in ("ge", "gt", "le", "lt")
        if hasattr(part, limit)
    }
    kind: Any = field.annotation
    least, most = limits.get("ge", limits.get("gt")), limits.get("le", limits.get("lt"))
    step = 1 if kind is int else _STEPS.get(name) or field.default / 2 or 0.1
    style = {} if kind is int else {"format": _FORMATS.get(name, "%.2f")}
    return {"min_value": kind(least), "max_value": kind(most), "step": kind(step), **style}
