"""What a run was trained on, and the warnings that belong to its score."""

import streamlit as st

from peakid.evaluate import score_warnings
from peakid.evaluate.report import EvaluationReport
from peakid.records import Run
from peakid.store.workspace import Workspace
from peakid.web import names, session


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
    st.caption(
        session.plain(text), help=session.plain(f"Started from {run.started_from}, on {run.trained_on}.")
    )


def show_warnings(workspace: Workspace, run: Run, scored: EvaluationReport, *, n_leaks: int) -> None:
    """Draw the warnings about a score and about the training behind it, in one box.

    Args:
        n_leaks: Groups of near duplicates in several splits of the snapshot.
    """
    lines = score_warnings.of(workspace, scored, run, n_leaks=n_leaks)
    if lines:
        st.warning("  \n".join(session.plain(line) for line in lines), icon=":material/warning:")
