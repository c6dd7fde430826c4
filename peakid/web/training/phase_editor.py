"""The phases of a training as a table to edit, and the way from simple epochs to phases and back."""

from collections.abc import Sequence
from typing import Any, get_args

import pandas as pd
import streamlit as st

from peakid.recipe import loading as recipes
from peakid.recipe import weight_files
from peakid.recipe.phase import Phase, Schedule
from peakid.recipe.recipe import Recipe
from peakid.web.training import recipe_draft

TITLES = {
    "name": "Name",
    "epochs": "Epochs",
    "learns": "What learns",
    "base_lr": "Peak rate",
    "lowest_lr_share": "Lowest layers",
    "schedule": "How the rate moves",
    "warmup_share": "Warm-up",
    "start_lr_share": "Starts at",
    "image_size_px": "Size (px)",
    "augment": "Augment",
    "patience": "Patience",
}
ORDER = (
    "name",
    "epochs",
    "learns",
    "base_lr",
    "image_size_px",
    "patience",
    "schedule",
    "augment",
    "lowest_lr_share",
    "warmup_share",
)
LEARNS = ("head", *(f"last-{n}" for n in range(1, 10)), "all")

_TEXT, _WHOLE = ("name", "learns", "base_lr", "schedule"), ("epochs", "image_size_px", "patience")
_ROWS = "phases:rows"  # What the table was filled with; what is edited in it comes on top.
_DROPPED = "phases:dropped"  # Those that stood there before someone went back to simple epochs.


def show() -> None:
    """Draw the table where the draft has phases, else the button that writes them out."""
    phases = recipe_draft.values()["phases"]
    if phases is None:
        _show_ways_in()
        return
    key = f"phases:{recipe_draft.filled()}"
    if key not in st.session_state or _ROWS not in st.session_state:
        st.session_state[_ROWS] = frame(phases)
    rows, order = st.session_state[_ROWS], [*ORDER, "start_lr_share"]
    edited = st.data_editor(
        rows,
        key=key,
        num_rows="dynamic",
        hide_index=True,
        column_config=_columns(rows),
        column_order=order,
        placeholder="recipe's",
    )
    recipe_draft.put("phases", values(edited))
    st.button(
        "Back to simple epochs",
        key="phases:drop",
        icon=":material/undo:",
        on_click=_drop,
        help="The table can be brought back.",
    )


def frame(phases: Sequence[Any]) -> pd.DataFrame:
    """Lay phases out as rows, one column a field, each of one type: rates as text, since one may be the word finder."""
    rows = [phase.model_dump() if isinstance(phase, Phase) else dict(phase) for phase in phases]
    table = pd.DataFrame(rows, columns=list(TITLES))
    rates = [row.get("base_lr", Phase.model_fields["base_lr"].default) for row in rows]
    table["base_lr"] = [rate if isinstance(rate, str) else f"{rate:g}" for rate in rates]
    kinds = {name: "string" if name in _TEXT else "Int64" if name in _WHOLE else "Float64" for name in TITLES}
    return table.astype(kinds)


def values(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Answer the rows as a recipe holds phases; a cell that is empty takes the field's default."""
    return [
        {
            str(name): _value(str(name), value)
            for name, value in row.items()
            if name in TITLES and not pd.isna(value)
        }
        for row in table.to_dict("records")
    ]


def written_out(recipe: Recipe) -> list[dict[str, Any]]:
    """Answer the phases that a recipe's simple numbers stand for; size and augmentation still follow the recipe."""
    phases = recipe.planned(is_pretrained=weight_files.is_pretrained(recipe))
    common = {"image_size_px": recipe.image_size_px, "augment": recipe.augment}
    return [
        phase.model_dump() | {name: None for name, value in common.items() if getattr(phase, name) == value}
        for phase in phases
    ]


def _value(name: str, value: Any) -> Any:
    if name != "base_lr":
        return value if name in _TEXT else int(value) if name in _WHOLE else float(value)
    try:
        return float(value)
    except ValueError:
        return value  # The word finder, or what the recipe will refuse.


def _columns(rows: pd.DataFrame) -> dict[str, Any]:
    config = st.column_config
    choices = {
        "learns": list(dict.fromkeys([*LEARNS, *rows["learns"].dropna()])),
        "schedule": get_args(Schedule),
    }
    columns: dict[str, Any] = {}
    for name, title in TITLES.items():
        field, default = Phase.model_fields[name], Phase.model_fields[name].default
        about: dict[str, Any] = {
            "label": title,
            "help": f"{field.description} Allowed: {recipes.allowed(name, Phase)}.",
        }
        if name in choices:
            columns[name] = config.SelectboxColumn(**about, options=choices[name], default=default)
        elif name in _TEXT:
            columns[name] = config.TextColumn(**about, default="0.001" if name == "base_lr" else default)
        else:
            columns[name] = config.NumberColumn(**about, default=default, step=1 if name in _WHOLE else None)
    columns["name"]["width"] = "medium"
    return columns


def _show_ways_in() -> None:
    recipe, _ = recipe_draft.checked()
    dropped = st.session_state.get(_DROPPED)
    with st.container(horizontal=True, vertical_alignment="center"):
        is_linear = recipe is not None and recipe.method == "linear-head"
        why = (
            "A linear head is solved at once: it has no phases."
            if is_linear
            else "Each with its own epochs, layers, rate and image size."
        )
        st.button(
            "Write the phases out",
            icon=":material/table_rows:",
            disabled=recipe is None or is_linear,
            on_click=_write_out,
            help=why,
        )
        if dropped and not is_linear:
            st.button(
                f"Bring back the {len(dropped)} phases",
                on_click=lambda: recipe_draft.fill({"phases": dropped}),
            )


def _write_out() -> None:
    recipe, _ = recipe_draft.checked()
    if recipe is not None:
        recipe_draft.fill({"phases": written_out(recipe)})


def _drop() -> None:
    st.session_state[_DROPPED] = recipe_draft.values()["phases"]
    recipe_draft.fill({"phases": None})
