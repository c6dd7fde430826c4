"""The phases of a training as an editable table, and the change between simple epochs and phases."""

from collections.abc import Sequence
from typing import Any, get_args

import pandas as pd
import streamlit as st

from peakid.recipe import loading as recipes
from peakid.recipe import weight_files
from peakid.recipe.phase import Phase, Schedule
from peakid.recipe.recipe import Recipe
from peakid.web.training import recipe_draft, weights_folder

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

FIELDS = tuple(Phase.model_fields)

_TEXT, _WHOLE = ("name", "learns", "base_lr", "schedule"), ("epochs", "image_size_px", "patience")
_ROWS = "phases:rows"  # What the table was filled with; Streamlit adds the edits.
_DROPPED = "phases:dropped"  # The phases before a person went back to simple epochs.


def show() -> None:
    """Draw the table of phases, or the button that creates it where the draft has none."""
    phases = recipe_draft.values()["phases"]
    if phases is None:
        _show_buttons()
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
        placeholder="as recipe",
    )
    recipe_draft.put("phases", values(edited))
    st.button(
        "Back to simple epochs",
        key="phases:drop",
        icon=":material/undo:",
        on_click=_drop,
        help="The table can be restored.",
    )


def frame(phases: Sequence[Any]) -> pd.DataFrame:
    """Return phases as a table, one column per field; learning rates as text, since one may be `finder`."""
    rows = [phase.model_dump() if isinstance(phase, Phase) else dict(phase) for phase in phases]
    table = pd.DataFrame(rows, columns=list(FIELDS))
    default_lr = Phase.model_fields["base_lr"].default
    rates = [row.get("base_lr", default_lr) for row in rows]
    table["base_lr"] = [rate if isinstance(rate, str) else f"{rate:g}" for rate in rates]
    kinds = {name: "string" if name in _TEXT else "Int64" if name in _WHOLE else "Float64" for name in FIELDS}
    return table.astype(kinds)


def values(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Return the rows as the phases of a recipe; an empty cell gets the default of its field."""
    return [
        {
            str(name): _value(str(name), value)
            for name, value in row.items()
            if name in FIELDS and not pd.isna(value)
        }
        for row in table.to_dict("records")
    ]


def written_out(recipe: Recipe) -> list[dict[str, Any]]:
    """Return a recipe's simple epochs as phases; size and augmentation still follow the recipe."""
    phases = recipe.planned(is_pretrained=weight_files.is_pretrained(recipe, weights_folder.settings()))
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
        return value  # The word finder, or a text that the recipe will refuse.


def _columns(rows: pd.DataFrame) -> dict[str, Any]:
    config = st.column_config
    choices = {
        "learns": list(dict.fromkeys([*LEARNS, *rows["learns"].dropna()])),
        "schedule": get_args(Schedule),
    }
    columns: dict[str, Any] = {}
    for name in FIELDS:
        field, default = Phase.model_fields[name], Phase.model_fields[name].default
        label = recipe_draft.field_label(name, Phase)
        tip = f"{field.description} Allowed: {recipes.allowed(name, Phase)}."
        if name in choices:
            columns[name] = config.SelectboxColumn(label, help=tip, options=choices[name], default=default)
        elif name in _TEXT:
            columns[name] = config.TextColumn(
                label, help=tip, default=f"{default:g}" if name == "base_lr" else default
            )
        else:
            columns[name] = config.NumberColumn(
                label, help=tip, default=default, step=1 if name in _WHOLE else None
            )
    columns["name"]["width"] = "medium"
    return columns


def _show_buttons() -> None:
    recipe, _ = recipe_draft.checked()
    dropped = st.session_state.get(_DROPPED)
    with st.container(horizontal=True, vertical_alignment="center"):
        is_linear = recipe is not None and recipe.method == "linear-head"
        why = (
            "A linear head is solved directly: it has no phases."
            if is_linear
            else "Each phase has its own epochs, layers, learning rate and image size."
        )
        st.button(
            "Edit phases",
            icon=":material/table_rows:",
            disabled=recipe is None or is_linear,
            on_click=_write_out,
            help=why,
        )
        if dropped and not is_linear:
            st.button(
                f"Restore the {len(dropped)} phases",
                on_click=lambda: recipe_draft.fill({"phases": dropped}),
            )


def _write_out() -> None:
    recipe, _ = recipe_draft.checked()
    if recipe is not None:
        recipe_draft.fill({"phases": written_out(recipe)})


def _drop() -> None:
    st.session_state[_DROPPED] = recipe_draft.values()["phases"]
    recipe_draft.fill({"phases": None})
