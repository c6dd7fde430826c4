"""How each format of an export was checked, side by side, and the way to the images on which it differs."""

from collections.abc import Sequence

import streamlit as st

from peakid.curate.queues import selections
from peakid.evaluate import score_text
from peakid.export_records import ExportFigures, FormatFigures, Latency
from peakid.records import Export
from peakid.store import images
from peakid.web import navigation, session, tables, words

TIMES = "Times are medians, with the time that 19 of 20 calls stayed below"


def show(export: Export) -> None:
    """Draw the table, and a button for each format that differs from the trained model."""
    st.markdown(
        "**Checked**: in a process of its own, each file predicted the run's validation images again before"
        " it was published."
    )
    tables.wrapped([line(name, parity, export.figures) for name, parity in export.parity.items()])
    st.caption(explanation(export.figures))
    for name, figures in export.figures.formats.items():
        if figures.disagreements:
            _offer_review(export, name, [each.digest for each in figures.disagreements])
    if found := unfamiliar_text(export.figures):
        st.markdown(found)
    if export.figures.familiar and export.figures.familiar.unfamiliar:
        _offer_review(export, "", export.figures.familiar.unfamiliar)


def line(name: str, parity: dict[str, float], figures: ExportFigures) -> dict[str, str]:
    """Return one line of the table; an export of an earlier version has only what it stored."""
    cells = {
        "Format": str(name),
        "Images": f"{int(parity['n_images']):,}",
        "Same prediction": score_text.percent(parity["agreement"]),
        "Largest difference": f"{parity['max_abs_diff']:.1e}" if parity["max_abs_diff"] else "0",
    }
    found = figures.formats.get(name)
    return cells if found is None else cells | _more(found)


def _more(found: FormatFigures) -> dict[str, str]:
    return {
        "Accuracy": score_text.score(found.accuracy, found.accuracy_interval, found.n_images),
        "Size": "-" if found.n_bytes is None else words.n_bytes(found.n_bytes),
        "One photo": time_text(found.one_image),
        "32 photos": time_text(found.batch),
        "One with decoding": time_text(found.decoded),
    }


def time_text(found: Latency | None) -> str:
    """Return a time as `4.1 ms (5.2)`: the median, and what 19 of 20 calls stayed below."""
    if found is None:
        return "-"
    digits = 1 if found.p95_ms < 100 else 0
    return f"{found.p50_ms:,.{digits}f} ms ({found.p95_ms:,.{digits}f})"


def explanation(figures: ExportFigures) -> str:
    """Say what the columns mean."""
    parts = [
        "Same prediction: images for which it predicts the same class as the trained model. Largest"
        " difference: between a probability and that of the trained model, 0 to 1."
    ]
    if figures.machine:
        parts.append(f"{TIMES} in brackets, from pixels on this machine ({words.plain(figures.machine)}).")
    n_checked = max((each.n_images for each in figures.formats.values()), default=0)
    if n_checked < figures.n_valid:
        parts.append(f"The images are a sample of the {figures.n_valid:,} of validation.")
    return " ".join(parts)


def unfamiliar_text(figures: ExportFigures) -> str:
    """Say how unfamiliar photos are told; '' for an export that does not tell them."""
    found = figures.familiar
    if found is None:
        return ""
    n = len(found.unfamiliar)
    return (
        "It says when a photo looks like nothing it learned: when it is farther from what it learned than"
        f" 99 % of the validation images are. That holds for {n:,} of these {found.n_valid:,}."
    )


def _offer_review(export: Export, name: str, digests: Sequence[str]) -> None:
    """Draw a button that opens images in Review; those that were forgotten since are left out."""
    workspace = session.workspace()
    ids = images.ids_of(workspace, digests)
    if not ids:
        return
    looks = "looks" if len(ids) == 1 else "look"
    of_what = f"on which {name} differs" if name else f"that {looks} like nothing it learned"
    label = f"Review the {words.n_of(len(ids), 'image')} {of_what}"
    if st.button(
        label, icon=":material/arrow_forward:", type="tertiary", key=f"differs:{export.export_id}:{name}"
    ):
        queue = selections.create(workspace, ids, actor=session.actor(), run_id=export.run_id)
        navigation.go("review", queue=queue)
