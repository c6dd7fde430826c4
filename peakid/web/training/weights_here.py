"""Pretrained weights: which are on this machine, and what a training will start from."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import streamlit as st

from peakid.recipe import architectures, weight_files
from peakid.recipe import loading as recipes
from peakid.recipe.weight_files import Check, WeightsRow
from peakid.web import tables, words
from peakid.web.training import weights_folder

CHECKS: dict[Check, str] = {
    "hash agrees": "hash matches",
    "hash differs": "hash differs: damaged?",
    "size agrees": "size matches",
    "size differs": "size differs: damaged?",
    "unpublished": "not a published file",
    "": "",
}


def note(arch: str, here: Mapping[str, Path]) -> str:
    """Return in two words what an architecture starts from."""
    if not architectures.find(arch).weight_files:
        return "no published weights"
    if arch in here:
        return "weights here"
    return f"{architectures.find(arch).download_mb:.0f} MB download"


def sentence(values: Mapping[str, Any], here: Mapping[str, Path]) -> str:
    """Return what a training with these values of a recipe will start from."""
    arch, wish = values["arch"], values["pretrained"]
    if wish == "none":
        return "Starts from random weights, which needs many more images and epochs."
    if (run_id := recipes.run_of(wish)) is not None:
        return f"Starts from the model of run {run_id}; classes that both have keep their head weights."
    if wish not in recipes.PRETRAINED_WORDS:
        return f"Starts from the weights in `{wish}`."
    if arch in here:
        return f"Starts from ImageNet weights in `{here[arch].name}`, on this machine."
    if not architectures.find(arch).weight_files:
        return f"{arch} has no published weights. Random weights need many more images and epochs."
    size = f"{architectures.find(arch).download_mb:.0f} MB"
    text = f"ImageNet weights for {arch} are not on this machine. The training downloads them ({size});"
    unless = "" if wish == "require" else ", unless random weights are confirmed below"
    return f"{text} offline it fails{unless}."


def show_table() -> None:
    """Draw the folded list of available weights and of files to download for the others."""
    with st.expander("Weights", icon=":material/download_done:"):
        weights_folder.choose(key="weights:field")
        reads_files = st.checkbox(
            "Check the hashes",
            key="weights:reads",
            help="Reads every file; one or two seconds per gigabyte.",
        )
        rows = weight_files.listed(weights_folder.settings(), reads_files=reads_files)
        n_here = sum(row.file is not None for row in rows)
        st.caption(
            f"{n_here} of {len(rows)} architectures have pretrained weights on this machine. A training "
            "downloads the others; for a machine without a network, put their files into "
            f"{words.plain(str(rows[0].put_in))}. {weight_files.ORDER}"
        )
        tables.show(
            [_cells(row) for row in rows],
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
    "Folder": st.column_config.TextColumn(width=240),
}


def _cells(row: WeightsRow) -> dict[str, str]:
    if row.file is not None:
        state, name, place, size = "available", row.file.name, row.file.parent, words.n_bytes(row.n_bytes)
    elif row.file_name:
        state, name, place, size = "to download", row.file_name, row.put_in, f"{row.download_mb:.1f} MB"
    else:
        state, name, place, size = "no published weights", "-", "-", "-"
    column = {
        "Architecture": row.arch,
        "Weights": state,
        "File": name,
        "Size": size,
        "Check": CHECKS[row.check],
    }
    return column | {"Folder": str(place)}
