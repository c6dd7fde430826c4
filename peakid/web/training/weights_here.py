"""Which pretrained weights are on this machine, in a word, a sentence, and a table."""

from pathlib import Path
from typing import Any

import streamlit as st

from peakid.recipe import architectures, weight_files
from peakid.recipe import loading as recipes
from peakid.recipe.weight_files import Check, WeightsRow
from peakid.settings import Settings, torch_checkpoints
from peakid.web import words

CHECKS: dict[Check, str] = {
    "hash agrees": "hash as in its name",
    "hash differs": "another hash than its name says: damaged?",
    "size agrees": "as long as published",
    "size differs": "not as long as published: damaged?",
    "unpublished": "not a published file",
    "": "",
}


def note(arch: str, here: dict[str, Path]) -> str:
    """Say in a word what an architecture starts from."""
    if not architectures.find(arch).weight_files:
        return "learns from scratch"
    return "weights are here" if arch in here else f"{architectures.find(arch).download_mb:.0f} MB to fetch"


def sentence(values: dict[str, Any], here: dict[str, Path]) -> str:
    """Say what a training with these values of a recipe will start from, before it is started."""
    arch, wish = values["arch"], values["pretrained"]
    if wish == "none":
        return "Starts from random weights: features have to be learned first, which takes many more images and epochs."
    if (run_id := recipes.run_of(wish)) is not None:
        return (
            f"Goes on from the model of run {run_id}; classes that both know keep what was learned of them."
        )
    if wish not in recipes.PRETRAINED_WORDS:
        return f"Starts from the weights in `{wish}`."
    if arch in here:
        return f"Starts from ImageNet weights in `{here[arch].name}`, on this machine."
    if not architectures.find(arch).weight_files:
        return (
            f"{arch} starts from random weights: there are no others. That takes many more images and epochs."
        )
    size = f"{architectures.find(arch).download_mb:.0f} MB"
    told = f"ImageNet weights for {arch} are not on this machine. The training fetches them ({size});"
    return f"{told} without a network it {_fallback(values)}."


def _fallback(values: dict[str, Any]) -> str:
    if values["pretrained"] == "require":
        return "fails"
    if values["phases"]:
        return "runs the same phases from random weights, every layer learning"
    return f"starts from random weights, with {values['scratch_epochs']} epochs"


def show_table() -> None:
    """Draw the folded list of what is here and what to fetch for the others."""
    with st.expander("Pretrained weights on this machine", icon=":material/download_done:"):
        reads_files = st.checkbox(
            "Read the files and compare their hashes",
            key="weights:reads",
            help="A second or two for each gigabyte.",
        )
        rows = weight_files.listed(Settings().weights, torch_checkpoints(), reads_files=reads_files)
        n_here = sum(row.file is not None for row in rows)
        st.caption(
            f"{n_here} of {len(rows)} architectures have weights here. A training fetches the others by itself; on a machine without a "
            f"network, put their files into `{rows[0].put_in}`."
        )
        st.dataframe(
            [_line(row) for row in rows],
            hide_index=True,
            column_config=_COLUMNS,
            placeholder="",
            key="weights:table",
        )


_COLUMNS = {
    "Architecture": st.column_config.TextColumn(width=180),
    "Weights": st.column_config.TextColumn(width=90),
    "File": st.column_config.TextColumn(width=270),
    "Size": st.column_config.TextColumn(width=80, alignment="right"),
    "Check": st.column_config.TextColumn(width=160),
    "Where it lies, or is to be put": st.column_config.TextColumn(width=240),
}


def _line(row: WeightsRow) -> dict[str, Any]:
    if row.file is not None:
        state, name, place, size = "here", row.file.name, row.file.parent, words.n_bytes(row.n_bytes)
    elif row.file_name:
        state, name, place, size = "to fetch", row.file_name, row.put_in, f"{row.download_mb:.1f} MB"
    else:
        state, name, place, size = "no published weights", "", "", ""
    column = {
        "Architecture": row.arch,
        "Weights": state,
        "File": name,
        "Size": size,
        "Check": CHECKS[row.check],
    }
    return column | {"Where it lies, or is to be put": str(place)}
