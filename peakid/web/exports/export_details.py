"""One export: the check of its files against the trained model, and the files to download."""

import streamlit as st

from peakid.errors import PeakidError
from peakid.recipe import cards, export_formats
from peakid.records import Export
from peakid.store import exports
from peakid.web import session, words
from peakid.web.exports import proof_table, serve_link


def show(export: Export) -> None:
    """Draw how closely each format agrees with the trained model."""
    proof_table.show(export)
    if sentence := threshold_text(export):
        st.markdown(sentence)
    serve_link.show(export)


def show_files(export: Export) -> None:
    """Draw the files to download, and where they are."""
    st.markdown("**Files**")
    for file in export.files:
        _show_file(export, str(file["name"]), int(file["bytes"]))
    st.code(export.path, language=None, wrap_lines=True)


def not_usable(export: Export) -> str:
    """Say why an export cannot be tried, used from the code below or bundled; '' if it can."""
    if export.is_foreign:
        return "Only the restored backup says that this export is there, so it is not opened."
    if all(file["format"] != "onnx" for file in export.files):
        return "Trying photos, the server and a bundle need the ONNX file. Export the run again with it."
    return ""


def threshold(export: Export) -> float:
    """Return the confidence in 0..1 below which an export abstains; 0 if never, or without a card."""
    card = _card(export)
    return card.facts.threshold if card else 0.0


def threshold_text(export: Export) -> str:
    """Say below which confidence an export abstains; '' if it never does, or its card cannot be read."""
    card = _card(export)
    if card is None:
        return ""
    temperature = (
        card.temperature * card.facts.temperature
    )  # In the files, or of earlier exports beside them.
    scaled = "" if temperature == 1 else f" at temperature {temperature:.2f}"
    if not card.facts.threshold:
        return f"Its probabilities are scaled{scaled}." if scaled else ""
    return f"It gives no answer below a confidence of {card.facts.threshold:.3f}{scaled}."


def _card(export: Export) -> cards.ExportCard | None:
    if export.is_foreign:
        return None
    try:
        return cards.read_export(exports.folder(export) / export_formats.CARD)
    except (FileNotFoundError, PeakidError):
        return None


def _show_file(export: Export, name: str, n_bytes: int) -> None:
    path = None if export.is_foreign else exports.file_path(export, name)
    if path is not None and path.is_file():
        label = f"Download {session.plain(name)} ({words.n_bytes(n_bytes)})"
        key = f"{export.export_id}:{name}"
        st.download_button(label, path.read_bytes, name, on_click="ignore", key=key)
        if name == export_formats.FILE_NAMES["fastai"]:
            st.caption(f":material/warning: {export_formats.PICKLE_WARNING}")
    else:
        st.caption(f"{session.plain(name)} is missing. Export the run again.")
