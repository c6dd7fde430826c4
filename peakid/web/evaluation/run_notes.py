"""What a run was trained on, and the warnings that belong to its score."""

import streamlit as st

from peakid.dataset import snapshot as snapshots
from peakid.evaluate import ranked_labels
from peakid.evaluate.report import EvaluationReport
from peakid.records import Run
from peakid.store.workspace import Workspace
from peakid.web import names, session, words


def show_origin(run: Run) -> None:
    """Say which recipe, weights and snapshot a run was trained with, or where its predictions come from."""
    if run.imported is not None:
        text = f"{names.model_summary(run)}, for {names.snapshot_of(run)}"
        file = f"From {run.imported.file_name}, SHA-256 {run.imported.sha256[:8]}."
        st.caption(session.plain(f"{text[:1].upper()}{text[1:]}"), help=session.plain(file))
        return
    is_random = run.starting_weights is not None and not run.starting_weights.is_pretrained
    weights = "random weights" if is_random else "pretrained weights"
    kept = f"best epoch {run.best_epoch}" if run.best_epoch else "no model kept"
    text = f"{names.recipe_summary(run.recipe)} from {weights}, {kept}, {names.snapshot_of(run)}"
    st.caption(session.plain(text), help=session.plain(f"Started from {run.started_from}, on {run.device}."))


def show_warnings(workspace: Workspace, run: Run, scored: EvaluationReport) -> None:
    """Draw the warnings about a score and about the training behind it, in one box."""
    # The report itself says when the model predicts a single class.
    training = [warning.text for warning in run.warnings if warning.kind != "collapsed"]
    lines = [*scored.warnings, *_data_warnings(workspace, run, scored), *training]
    if lines:
        st.warning("  \n".join(session.plain(line) for line in lines), icon=":material/warning:")


def _data_warnings(workspace: Workspace, run: Run, scored: EvaluationReport) -> list[str]:
    found = []
    if n_leaks := snapshots.show(workspace, run.snapshot_digest).n_leaks:
        groups = words.n_of(n_leaks, "group")
        found.append(
            f"{groups} of near duplicates are in different splits of its snapshot: the score is too high."
        )
    if scored.n_unreviewed:
        n_labels = f"{scored.n_unreviewed:,} of {scored.n_images:,} labels"
        found.append(f"{n_labels} here were never confirmed by a person.")
    if scored.n_either:
        shows = "shows" if scored.n_either == 1 else "show"
        images = words.n_of(scored.n_either, "image")
        found.append(f"{images} also {shows} the predicted class: counted as correct.")
    if scored.n_changed:
        images, was = words.n_of(scored.n_changed, "image"), "was" if scored.n_changed == 1 else "were"
        found.append(
            f"{images} here {was} relabelled or excluded since. Train again to include these changes."
        )
    ranked = ranked_labels.find(workspace, run, scored.split, with_tta=scored.tta is not None)
    return [*found, ranked.sentence] if ranked.sentence else found
