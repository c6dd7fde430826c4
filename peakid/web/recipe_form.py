"""The recipe as a form: presets as cards, the few numbers most people change, and every other field folded, made from the recipe itself."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import streamlit as st

from peakid.learn import architectures, weight_files
from peakid.learn import recipe as recipes
from peakid.learn.recipe import Recipe
from peakid.settings import Settings, torch_checkpoints

LABELS = {
    "method": "Way of training",
    "arch": "Architecture",
    "pretrained": "Pretrained weights",
    "image_size_px": "Image size (px)",
    "resize": "How an image becomes square",
    "fraction": "Share of the train images",
    "max_minutes": "Time budget (minutes, 0 = none)",
    "batch_size": "Images in a batch (0 = automatic)",
    "head_epochs": "Epochs for the head alone",
    "body_epochs": "Epochs with every layer",
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
PER_ROW = 3
KEPT_BY_PRESETS = ("arch", "device")  # A preset says how long and how large, not with what.

_DRAFT = "recipe:draft"
_PRESET = "recipe:preset"
_FILLED = "recipe:filled"  # How often a preset has filled the form.
_FORMATS = {"base_lr": "%.5f", "weight_decay": "%.4f"}


def draft() -> dict[str, Any]:
    """Answer the values of the form as they stand in this session; at first those of the standard preset."""
    if _DRAFT not in st.session_state:
        st.session_state[_DRAFT] = Recipe().model_dump()
    return st.session_state[_DRAFT]


def use_preset(name: str) -> None:
    """Put a preset's values into the form; the architecture and the device stay."""
    kept = {field: draft()[field] for field in KEPT_BY_PRESETS}
    st.session_state[_DRAFT] = recipes.presets()[name].model_dump() | kept
    st.session_state[_PRESET] = name
    # New fields: what the browser still sends of the old ones, before it has drawn these, must not overwrite the preset.
    st.session_state[_FILLED] = st.session_state.get(_FILLED, 0) + 1


def show_presets() -> None:
    """Draw one card a preset; a click fills the form with it."""
    notes, presets = recipes.preset_notes(), recipes.presets()
    chosen = st.session_state.get(_PRESET, "standard")
    for cell, name in zip(st.columns(len(presets), gap="small"), presets, strict=True):
        with cell.container(border=True, height="stretch"):
            kind = "primary" if name == chosen else "secondary"
            st.button(name.capitalize(), type=kind, width="stretch", key=f"preset:{name}", on_click=use_preset, args=(name,))
            st.caption(f"{notes[name]}  \n{_length(presets[name])}")
    if changes := _changes(presets[chosen]):
        st.caption(f"Changed from {chosen}: {changes}.")


def show_simple() -> None:
    """Draw the choices most people make: the architecture, the image size, the epochs."""
    here = weights_here()
    cells = st.columns([3, 2, 2, 2], gap="small", vertical_alignment="bottom")
    with cells[0]:
        names = sorted(architectures.TABLE, key=lambda name: name not in here)
        _ask("arch", options=names, format_func=lambda name: f"{name} · {_weights_note(name, here)}")
    with cells[1]:
        _ask_size()
    for cell, name in zip(cells[2:], simple_epochs(), strict=False):
        with cell:
            _ask(name)
    st.caption(_weights_sentence(here))


def show_advanced() -> None:
    """Draw every field that is not asked for above."""
    shown = {"arch", "image_size_px", "allow_leaks", *simple_epochs(), *_idle()}
    names = [name for name in Recipe.model_fields if name not in shown]
    for start in range(0, len(names), PER_ROW):  # Row by row: a checkbox is lower than a field.
        for cell, name in zip(st.columns(PER_ROW, gap="medium", vertical_alignment="bottom"), names[start : start + PER_ROW], strict=False):
            with cell:
                _ask(name)


def simple_epochs() -> tuple[str, ...]:
    """Answer which numbers of epochs count with the way of training and the weights that are asked for."""
    if draft()["phases"] or draft()["method"] == "linear-head":
        return ()
    return ("scratch_epochs",) if draft()["pretrained"] == "none" else ("head_epochs", "body_epochs")


def _idle() -> tuple[str, ...]:
    """Answer the fields that would change nothing, and the phases, which only a recipe file can hold."""
    return ("phases",) if simple_epochs() else ("phases", *recipes.SIMPLE_KEYS)


def read(*, allow_leaks: bool) -> Recipe:
    """Answer the recipe that the form holds.

    Raises:
        BadInput: If a value does not fit.
    """
    values = draft() | {"allow_leaks": allow_leaks}
    return recipes.of_values(values)


def weights_here() -> dict[str, Path]:
    """Answer the weight file of every architecture that has one on this machine."""
    folder, hub = Settings().weights, torch_checkpoints()
    found = {name: weight_files.find(architecture, folder, hub) for name, architecture in architectures.TABLE.items()}
    return {name: path for name, path in found.items() if path is not None}


def _ask(name: str, *, options: Sequence[str] = (), **shown: Any) -> None:
    """Draw the widget that fits a field's type; what is chosen goes into the draft."""
    field, key = Recipe.model_fields[name], f"recipe:{st.session_state.get(_FILLED, 0)}:{name}"
    if st.session_state.get(key) != draft()[name]:  # Writing it at every run would undo what is typed meanwhile.
        st.session_state[key] = draft()[name]
    shown |= {"key": key, "help": f"{field.description}  \nAllowed: {recipes.allowed(name)}.", "on_change": _keep, "args": (name, key)}
    if name == "pretrained":
        options = list(dict.fromkeys([*recipes.PRETRAINED_WORDS, draft()[name]]))
        shown |= {"accept_new_options": True, "format_func": lambda word: _PRETRAINED.get(word, word)}
    if options or get_origin(field.annotation) is Literal:
        st.selectbox(LABELS[name], options or get_args(field.annotation), **shown)
    elif field.annotation is bool:
        st.checkbox(LABELS[name], **shown)
    else:
        st.number_input(LABELS[name], **_limits(name), **shown)


_PRETRAINED = {"auto": "if there are any", "require": "required", "none": "none: random weights"}


def _ask_size() -> None:
    fixed = architectures.find(draft()["arch"]).fixed_size_px
    if fixed is None:
        _ask("image_size_px")
        return
    draft()["image_size_px"] = fixed
    st.number_input(LABELS["image_size_px"], value=fixed, disabled=True, help=f"This architecture takes images of {fixed} px only.")


def _keep(name: str, key: str) -> None:
    if st.session_state[key] is not None:  # A field that was emptied keeps its last value.
        draft()[name] = st.session_state[key]


def _limits(name: str) -> dict[str, Any]:
    """Answer a number field's range and step from the recipe, in its own type."""
    field = Recipe.model_fields[name]
    limits = {limit: getattr(part, limit) for part in field.metadata for limit in ("ge", "gt", "le", "lt") if hasattr(part, limit)}
    kind: Any = field.annotation
    least, most = limits.get("ge", limits.get("gt")), limits.get("le", limits.get("lt"))
    step = 1 if kind is int else field.default / 2 or 0.1
    style = {} if kind is int else {"format": _FORMATS.get(name, "%.2f")}
    return {"min_value": kind(least), "max_value": kind(most), "step": kind(step), **style}


def _length(preset: Recipe) -> str:
    if preset.method == "linear-head":
        return f"{preset.image_size_px} px, one look at each image"
    epochs = sum(phase.epochs for phase in preset.planned(is_pretrained=preset.pretrained != "none"))
    return f"{preset.image_size_px} px, {epochs} epochs"


def _changes(preset: Recipe) -> str:
    """Say which values differ from the preset's: `image size (px) 64 instead of 160`."""
    now = draft()
    asked = [name for name in Recipe.model_fields if name not in ("allow_leaks", "phases", *KEPT_BY_PRESETS)]
    fields = [name for name in asked if now[name] != getattr(preset, name)]
    return ", ".join(f"{LABELS[name].lower()} {now[name]} instead of {getattr(preset, name)}" for name in fields)


def _weights_note(name: str, here: dict[str, Path]) -> str:
    if not architectures.find(name).weight_files:
        return "learns from scratch"
    return "weights are here" if name in here else f"{architectures.find(name).download_mb:.0f} MB to fetch"


def _weights_sentence(here: dict[str, Path]) -> str:
    """Say what the training will start from, before it is started."""
    arch, wish = draft()["arch"], draft()["pretrained"]
    if wish == "none":
        return "Starts from random weights: features have to be learned first, which takes many more images and epochs."
    if wish not in recipes.PRETRAINED_WORDS:
        return f"Starts from the weights in `{wish}`."
    if arch in here:
        return f"Starts from ImageNet weights in `{here[arch].name}`, on this machine."
    if not architectures.find(arch).weight_files:
        return f"{arch} starts from random weights: there are no others. That takes many more images and epochs."
    size = f"{architectures.find(arch).download_mb:.0f} MB"
    fallback = "fails" if wish == "require" else f"starts from random weights, with {draft()['scratch_epochs']} epochs"
    return f"ImageNet weights for {arch} are not on this machine. The training fetches them ({size}); without a network it {fallback}."
