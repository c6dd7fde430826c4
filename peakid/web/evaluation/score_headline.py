"""The score in one line: what it is, how sure it is, what it must beat, and what test-time augmentation changed."""

import streamlit as st

from peakid.evaluate import charts
from peakid.evaluate.report import EvaluationReport, TtaEffect
from peakid.web import session, words


def show(scored: EvaluationReport) -> None:
    """Draw the accuracy with its interval beside chance, the most frequent class and, where views were averaged, the plain score."""
    low, high = scored.accuracy_interval
    others = _others(scored)
    cells = st.columns([5, *(width for _, _, _, width in others)], gap="small")
    headline = f"{scored.accuracy:.2f} ({low:.2f}–{high:.2f}), n = {scored.n_images:,}"
    what = f"Accuracy on {scored.split}{', with views averaged' if scored.tta else ''}"
    cells[0].metric(
        what, headline, help="Share of images predicted as they are labelled, with its 95 % interval."
    )
    for cell, (label, value, tip, _) in zip(cells[1:], others, strict=True):
        cell.metric(label, value, help=tip)
    if scored.tta:
        st.caption(finding(scored.tta))


def finding(effect: TtaEffect) -> str:
    """Say what the views changed and whether that is more than luck."""
    averaged = f"Averages {effect.n_views + 1} looks at each image"
    if not effect.n_only_views and not effect.n_only_plain:
        return f"{averaged}: the same images are right. Exports give the plain answers."
    is_equal, is_luck = effect.n_only_views == effect.n_only_plain, effect.mcnemar_p >= 0.05
    verdict = (
        "no difference"
        if is_equal
        else f"{'this may be luck' if is_luck else 'more than luck'} (p = {effect.mcnemar_p:.2g})"
    )
    changed = f"{words.n_of(effect.n_only_views, 'image')} newly right, {effect.n_only_plain:,} newly wrong"
    return f"{averaged}: {changed}; {verdict}. Exports give the plain answers."


def _others(scored: EvaluationReport) -> list[tuple[str, str, str, int]]:
    """List label, value, tip and width of the figures beside the score."""
    always = f"Always {session.plain(charts.short(scored.majority_class))}"
    found = (
        [
            (
                "Plain",
                f"{scored.tta.plain_accuracy:.2f}",
                "Without views: what runs are compared by and exports answer.",
                2,
            )
        ]
        if scored.tta
        else []
    )
    found.append(("Chance", f"{scored.chance_accuracy:.2f}", "What guessing would reach.", 2))
    found.append(
        (
            always,
            f"{scored.majority_accuracy:.2f}",
            "What answering the most frequent class alone would reach.",
            3,
        )
    )
    if scored.split == "test":
        found.append(
            ("Looks at test", f"{scored.n_test_looks:,}", "A score chosen by looking often is too good.", 2)
        )
    return found
