"""The choice of export formats: the usual two, and those that few need, each with what it is for."""

from collections.abc import Sequence

import streamlit as st

from peakid.recipe import export_formats
from peakid.recipe.export_formats import TITLES, USES, Format
from peakid.web import words

USUAL: tuple[Format, ...] = ("onnx", "safetensors")
OTHERS = tuple(name for name in export_formats.FORMATS if name not in USUAL)
KEY = "export-format:"


def show() -> list[Format]:
    """Draw the choice, and return the chosen formats."""
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        usual = st.pills(
            "Formats",
            USUAL,
            default=USUAL,
            selection_mode="multi",
            wrap=True,
            format_func=lambda each: words.chosen(
                TITLES[each], each in st.session_state.get("formats", USUAL)
            ),
            key="formats",
            help=" ".join(f"{TITLES[each]}: {USES[each]}" for each in USUAL),
            width="content",
        )
        n_others = sum(bool(st.session_state.get(f"{KEY}{each}")) for each in OTHERS)
        with st.popover("More formats" + (f" ({n_others})" if n_others else ""), width="content"):
            return [*usual, *(each for each in OTHERS if _is_chosen(each))]


def show_warning(formats: Sequence[Format]) -> None:
    """Say what an export.pkl is where it is chosen."""
    if "fastai" in formats:
        st.warning(export_formats.PICKLE_WARNING, icon=":material/warning:")


def _is_chosen(name: Format) -> bool:
    is_available = export_formats.is_available(name)
    with st.container(gap="xxsmall"):
        is_chosen = st.checkbox(TITLES[name], key=f"{KEY}{name}", disabled=not is_available)
        st.caption(USES[name])
        if not is_available:
            st.caption(f"Not installed here. To install it: `{export_formats.install_command(name)}`")
    return is_chosen and is_available
