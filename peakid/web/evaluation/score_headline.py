"""The accuracy in one line: its interval, the baselines to beat, and what test-time augmentation changes."""

from dataclasses import dataclass

import streamlit as st

from peakid.errors import BadInput, NoEmbeddings, PeakidError
from peakid.evaluate import figures, score_text
from peakid.evaluate.report import EvaluationReport, TtaEffect
from peakid.suggest import linear_probe
from peakid.suggest.linear_probe import ProbeScore
from peakid.web import navigation, session, words
from peakid.web.evaluation.view import EvaluationView

SPLITS = {"train": "Accuracy (train)", "valid": "Accuracy (validation)", "test": "Accuracy (test)"}
PROBE_HELP = "A linear classifier on frozen features is the baseline that a training should beat."
LUCK_P = 0.05  # As in `Comparison.is_real`.


@dataclass(frozen=True)
class Figure:
    """One number next to the accuracy."""

    title: str
    value: str
    tip: str


def show(view: EvaluationView) -> None:
    """Draw the accuracy next to its baselines: chance, the most frequent class, and the linear probe."""
    scored = view.scored
    label = SPLITS.get(scored.split, "Accuracy (cross-validation)") + (", with TTA" if scored.tta else "")
    value = score_text.score(scored.accuracy, scored.accuracy_interval, scored.n_images)
    tip = "Share of images whose predicted label is the given one, with its 95 % interval."
    probe, why_not = _probe(view)
    cells = st.container(horizontal=True, gap="medium")  # Wrapped where the window is narrow, never cut.
    cells.metric(label, value, help=tip, width="content")
    for other in [*_others(scored), *_of_probe(probe)]:
        cells.metric(other.title, other.value, help=other.tip, width="content")
    if scored.tta:
        st.caption(tta_finding(scored.tta))
    if probe is not None:
        st.caption(probe_finding(probe))
    elif why_not is not None:
        _offer_embeddings(why_not)


def probe_finding(probe: ProbeScore) -> str:
    """Say how the run compares with the linear probe, on the images that both predict."""
    low, high = (100 * bound for bound in probe.difference_interval)
    difference = f"{score_text.difference(probe.difference)} ({low:+.1f} to {high:+.1f})"
    of = "" if probe.n_images == probe.n_all else f" of {probe.n_all:,}"
    on = f"on {probe.n_images:,}{of} images"
    verdict = {
        "better": "this model is better than the frozen backbone",
        "worse": "the frozen backbone is better than this model",
    }.get(probe.verdict, "no difference established")
    return f"Against the linear probe: {difference} {on}, {verdict} (p = {probe.mcnemar_p:.2g})."


def _probe(view: EvaluationView) -> tuple[ProbeScore | None, PeakidError | None]:
    """Return the linear probe, or why there is none. That of a large split is computed by the job alone."""
    try:
        if not figures.is_cheap(view.workspace, view.run, view.split):
            return linear_probe.stored_score(view.workspace, view.run, view.split), None
        return linear_probe.of_run(view.workspace, view.run, view.split), None
    except (NoEmbeddings, BadInput) as error:
        return None, error


def _of_probe(probe: ProbeScore | None) -> list[Figure]:
    if probe is None:
        return []
    size = f" at {probe.size_px} px" if probe.size_px else ""
    tip = (
        f"A linear classifier on frozen features of {session.plain(probe.backbone)}{size}, trained on "
        f"{probe.n_train:,} training images and scored on {probe.n_images:,} of the same images."
    )
    value = score_text.score(probe.accuracy, probe.accuracy_interval)
    return [Figure("Linear probe", value, tip)]


def _offer_embeddings(why_not: PeakidError) -> None:
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        sentence = f"No linear probe to compare with: {why_not.message[:1].lower()}{why_not.message[1:]}"
        st.caption(session.plain(sentence), width="content", help=PROBE_HELP)
        if st.button("Compute the embeddings", type="tertiary", icon=":material/arrow_forward:"):
            navigation.go("collect")


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
    found.append(Figure("Chance", score_text.baseline(scored.chance_accuracy), chance_tip))
    # A name is in the tip, not in the label: a screen reader would read its escapes.
    always_tip = f"Accuracy of always predicting {session.plain(scored.majority_class)}."
    found.append(Figure("Most frequent class", score_text.baseline(scored.majority_accuracy), always_tip))
    if scored.split == "test":
        views_tip = "How often the test score was shown. Choosing runs by it makes it too optimistic."
        found.append(Figure("Test views", f"{scored.n_test_looks:,}", views_tip))
    return found
