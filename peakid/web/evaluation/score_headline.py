"""The accuracy in one line: its interval, the baselines to beat, and the effect of test-time augmentation."""

from dataclasses import dataclass

import streamlit as st

from peakid.evaluate import score_text
from peakid.evaluate.report import EvaluationReport, TtaEffect
from peakid.web import session, words

SPLITS = {"train": "Accuracy (train)", "valid": "Accuracy (validation)", "test": "Accuracy (test)"}
LUCK_P = 0.05  # As in `Comparison.is_real`.


@dataclass(frozen=True)
class Figure:
    """One number next to the accuracy."""

    title: str
    value: str
    tip: str


def show(scored: EvaluationReport) -> None:
    """Draw the accuracy next to chance, the most frequent class and, with TTA, the accuracy without it."""
    label = SPLITS.get(scored.split, "Accuracy (cross-validation)") + (", with TTA" if scored.tta else "")
    value = score_text.score(scored.accuracy, scored.accuracy_interval, scored.n_images)
    tip = "Share of images whose predicted label is the given one, with its 95 % interval."
    cells = st.container(horizontal=True, gap="medium")  # Wrapped where the window is narrow, never cut.
    cells.metric(label, value, help=tip, width="content")
    for other in _others(scored):
        cells.metric(other.title, other.value, help=other.tip, width="content")
    if scored.tta:
        st.caption(tta_finding(scored.tta))


def tta_finding(effect: TtaEffect) -> str:
    """Say what test-time augmentation changed and whether the change is significant."""
    averaged = f"Averages the predictions for {effect.n_views + 1} views of each image"
    exports = "Exports predict without test-time augmentation."
    if not effect.n_only_views and not effect.n_only_plain:
        return f"{averaged}: the same images are correct. {exports}"
    changed = f"{words.n_of(effect.n_only_views, 'image')} newly correct, {effect.n_only_plain:,} newly wrong"
    return f"{averaged}: {changed}; {_significance(effect)}. {exports}"


def _significance(effect: TtaEffect) -> str:
    if effect.n_only_views == effect.n_only_plain:
        return "no difference"
    is_significant = effect.mcnemar_p < LUCK_P
    return f"{'significant' if is_significant else 'not significant'} (p = {effect.mcnemar_p:.2g})"


def _others(scored: EvaluationReport) -> list[Figure]:
    found = []
    if scored.tta:
        plain_tip = "Without test-time augmentation, as runs are compared and exports predict."
        found.append(Figure("Without TTA", score_text.percent(scored.tta.plain_accuracy), plain_tip))
    chance_tip = "Expected accuracy of guessing at random."
    found.append(Figure("Chance", score_text.percent(scored.chance_accuracy), chance_tip))
    # A name is in the tip, not in the label: a screen reader would read its escapes.
    always_tip = f"Accuracy of always predicting {session.plain(scored.majority_class)}."
    found.append(Figure("Most frequent class", score_text.percent(scored.majority_accuracy), always_tip))
    if scored.split == "test":
        views_tip = "How often the test score was shown. Choosing runs by it makes it too optimistic."
        found.append(Figure("Test views", f"{scored.n_test_looks:,}", views_tip))
    return found
