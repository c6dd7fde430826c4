"""The recipe as a form: the few numbers most people change, and every other field under a few headings, made from the recipe itself."""

from collections.abc import Sequence
from typing import Any, Literal, get_args, get_origin

import streamlit as st

from peakid.recipe import architectures, weight_files
from peakid.recipe import loading as recipes
from peakid.recipe.recipe import Recipe
from peakid.records import Run
from peakid.web import names
from peakid.web.training import recipe_draft, weights_here

LABELS = {
    "method": "Way of training",
    "arch": "Architecture",
    "pretrained": "Pretrained weights",
    "image_size_px": "Image size (px)",
    "resize": "How an image becomes square",
    "fraction": "Share of the train images",
    "max_minutes": "Time budget (min)",
    "batch_size": "Images in a batch (0 = automatic)",
    "head_epochs": "Epochs: head",
    "body_epochs": "Epochs: all layers",
    "scratch_epochs": "Epochs from scratch",
    "base_lr": "Peak learning rate",
    "schedule": "How the rate moves",
    "patience": "Stop after epochs without progress",
    "max_epochs": "Cut every phase to (epochs)",
    "phases": "Phases",
    "optimiser": "Optimiser",
    "weight_decay": "Weight decay",
    "label_smoothing": "Label smoothing",
    "dropout": "Dropout",
    "l1": "L1 penalty",
    "max_gradient": "Longest gradient",
    "balance": "Classes of unequal size",
    "mix": "Mixed pictures",
    "mix_strength": "Strength of mixing",
    "augment": "Augmentation strength",
    "is_mirrored": "Mirror half of the images",
    "seed": "Seed",
    "device": "Device",
    "n_workers": "Loader processes",
    "precision": "Precision",
    "checkpoint_every_min": "Checkpoint every (minutes)",
    "folds": "Folds of cross-validation",
    "allow_leaks": "Train although look-alikes lie in different splits",
}
GROUPS = {
    "Optimiser and rates": (
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
    "Data and classes": ("pretrained", "fraction", "resize", "batch_size", "balance", "folds"),
    "Machine and repeatability": ("device", "precision", "n_workers", "checkpoint_every_min", "seed"),
}
PER_ROW = 3

_STEPS = {"max_minutes": 5.0}
_FORMATS = {"max_minutes": "%.0f", "base_lr": "%.2e", "weight_decay": "%.4f", "l1": "%.2e"}
_PRETRAINED = {"auto": "if there are any", "require": "required", "none": "none: random weights"}
_WORDS = {
    "fine-tune": "fine-tune, phase by phase",
    "linear-head": "one look at each image, one linear layer",
    "oversample": "show small classes more often",
    "weighted": "weigh mistakes on small classes more",
    "one-cycle": "one cycle: up, then down",
    "flat-cosine": "flat, then down along a cosine",
    "step": "in steps of a tenth",
}


def show_simple() -> None:
    """Draw the choices most people make: the architecture, the image size, the time budget, the epochs."""
    here, now = weight_files.found(), recipe_draft.values()
    cells = st.columns([4, 2, 2, 2, 2], gap="small", vertical_alignment="bottom")
    with cells[0]:
        options = sorted(architectures.TABLE, key=lambda name: name not in here)
        _ask("arch", options=options, format_func=lambda name: f"{name} · {weights_here.note(name, here)}")
    with cells[1]:
        _ask_size()
    for cell, name in zip(cells[2:], (*simple_budget(), *simple_epochs()), strict=False):
        with cell:
            _ask(name)
    st.caption(weights_here.sentence(now, here))


def show_advanced(earlier: Sequence[Run]) -> None:
    """Draw every field that is not asked for above, under its heading.

    Args:
        earlier: Runs with a model, which a training can go on from.
    """
    hidden = {"arch", "image_size_px", "allow_leaks", *simple_budget(), *simple_epochs(), *_idle()}
    grouped = {name for group in GROUPS.values() for name in group}
    others = tuple(name for name in Recipe.model_fields if name not in grouped)
    for heading, group in {**GROUPS, "More": others}.items():
        if fields := [name for name in group if name not in hidden]:
            st.markdown(f"**{heading}**")
            _show_rows(fields, earlier)


def simple_budget() -> tuple[str, ...]:
    """Answer the time budget where it counts: a linear head takes one look at each image, whatever the time."""
    return () if recipe_draft.values()["method"] == "linear-head" else ("max_minutes",)


def simple_epochs() -> tuple[str, ...]:
    """Answer which numbers of epochs count with the way of training and the weights that are asked for."""
    now = recipe_draft.values()
    if now["phases"] is not None or now["method"] == "linear-head":
        return ()
    return ("scratch_epochs",) if now["pretrained"] == "none" else ("head_epochs", "body_epochs")


def _idle() -> tuple[str, ...]:
    """Answer the fields that would change nothing, and the phases, which have a table of their own."""
    if recipe_draft.values()["method"] == "linear-head":
        return recipes.FINE_TUNE_KEYS
    return ("phases",) if simple_epochs() else ("phases", *recipes.SIMPLE_KEYS)


def _show_rows(fields: Sequence[str], earlier: Sequence[Run]) -> None:
    for start in range(0, len(fields), PER_ROW):  # Row by row: a checkbox is lower than a field.
        cells = st.columns(PER_ROW, gap="medium", vertical_alignment="bottom")
        for cell, name in zip(cells, fields[start : start + PER_ROW], strict=False):
            with cell:
                _ask_weights(earlier) if name == "pretrained" else _ask(name)


def _ask(name: str, *, options: Sequence[str] = (), **shown: Any) -> None:
    """Draw the widget that fits a field's type; what is chosen goes into the draft."""
    field, key = Recipe.model_fields[name], _key(name)
    if (
        st.session_state.get(key) != recipe_draft.values()[name]
    ):  # Writing it at every run would undo what is typed meanwhile.
        st.session_state[key] = recipe_draft.values()[name]
    shown = {
        "key": key,
        "help": f"{field.description}  \nAllowed: {recipes.allowed(name)}.",
        "on_change": _keep,
        "args": (name, key),
        **shown,
    }
    if options or get_origin(field.annotation) is Literal:
        shown = {"format_func": lambda word: _WORDS.get(word, word), **shown}
        st.selectbox(LABELS[name], options or get_args(field.annotation), **shown)
    elif field.annotation is bool:
        st.checkbox(LABELS[name], **shown)
    else:
        st.number_input(LABELS[name], **_limits(name), **shown)


def _ask_weights(earlier: Sequence[Run]) -> None:
    """Ask what to start from: published weights, none, a file by its path, or an earlier run."""
    runs = {f"run:{run.run_id}": run for run in earlier}
    options = list(dict.fromkeys([*recipes.PRETRAINED_WORDS, *runs, recipe_draft.values()["pretrained"]]))

    def told(word: str) -> str:
        return f"go on from {names.run(runs[word])}" if word in runs else _PRETRAINED.get(word, word)

    def kept(name: str, key: str) -> None:
        _keep(name, key)
        if key != _key(name):
            return
        if run := runs.get(st.session_state[key] or ""):  # Its weights fit its own architecture alone.
            is_linear = recipe_draft.values()["method"] == "linear-head"
            recipe_draft.fill(
                {"arch": run.recipe["arch"], "method": "fine-tune"}, preset="standard" if is_linear else None
            )

    _ask("pretrained", options=options, accept_new_options=True, format_func=told, on_change=kept)


def _ask_size() -> None:
    fixed = architectures.find(recipe_draft.values()["arch"]).fixed_size_px
    if fixed is None:
        _ask("image_size_px")
        return
    recipe_draft.put("image_size_px", fixed)
    st.number_input(
        LABELS["image_size_px"],
        value=fixed,
        disabled=True,
        help=f"This architecture takes images of {fixed} px only.",
    )


def _keep(name: str, key: str) -> None:
    """Put what was typed into the draft; not what the browser tells of fields that another recipe has replaced meanwhile."""
    if (
        key == _key(name) and st.session_state[key] is not None
    ):  # A field that was emptied keeps its last value.
        recipe_draft.put(name, st.session_state[key])


def _key(name: str) -> str:
    return f"recipe:{recipe_draft.filled()}:{name}"


def _limits(name: str) -> dict[str, Any]:
    """Answer a number field's range and step from the recipe, in its own type."""
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
