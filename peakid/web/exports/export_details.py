"""One export: the check of its files against the trained model, and the files to download."""

import streamlit as st

from peakid.errors import PeakidError
from peakid.evaluate import score_text
from peakid.recipe import cards, export_formats
from peakid.records import Export
from peakid.store import exports
from peakid.web import session, tables, words


def show(export: Export) -> None:
    """Draw how closely each format agrees with the trained model."""
    st.markdown("**Checked**: each file predicted the run's validation images again before it was published.")
    check = [
        {
            "Format": name,
            "Images": f"{int(facts['n_images']):,}",
            "Same prediction": score_text.percent(facts["agreement"]),
            "Largest difference": f"{facts['max_abs_diff']:.1e}" if facts["max_abs_diff"] else "0",
        }
        for name, facts in export.parity.items()
    ]
    tables.wrapped(check)
    st.caption(
        "Same prediction: images for which it predicts the same class as the trained model. Largest "
        "difference: between a probability and that of the trained model, 0 to 1."
    )
    if sentence := threshold_text(export):
        st.markdown(sentence)


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
    facts = _facts(export)
    return facts.threshold if facts else 0.0


def threshold_text(export: Export) -> str:
    """Say below which confidence an export abstains; '' if it never does, or its card cannot be read."""
    facts = _facts(export)
    if facts is None:
        return ""
    scaled = "" if facts.temperature == 1 else f" at temperature {facts.temperature:.2f}"
    if not facts.threshold:
        return f"Its probabilities are scaled{scaled}." if scaled else ""
    return f"It gives no answer below a confidence of {facts.threshold:.3f}{scaled}."


def _facts(export: Export) -> cards.CardFacts | None:
    if export.is_foreign:
        return None
    try:
        return cards.read_export(exports.folder(export) / export_formats.CARD).facts
    except (FileNotFoundError, PeakidError):
        return None


def _show_file(export: Export, name: str, n_bytes: int) -> None:
    path = None if export.is_foreign else exports.file_path(export, name)
    if path is not None and path.is_file():
        label = f"Download {session.plain(name)} ({words.n_bytes(n_bytes)})"
        key = f"{export.export_id}:{name}"
        st.download_button(label, path.read_bytes, name, on_click="ignore", key=key)
    else:
        st.caption(f"{session.plain(name)} is missing. Export the run again.")
