"""The score of a run with its interval, then its errors and its comparison with other runs as tabs."""

from collections.abc import Callable

import streamlit as st

from peakid.evaluate.figures import Figures
from peakid.records import Run
from peakid.store import run_predictions, runs
from peakid.web import address, names, navigation, session
from peakid.web.evaluation import (
    figures_panel,
    import_panel,
    judged_now,
    report_download,
    run_notes,
    score_headline,
    tta_panel,
)
from peakid.web.evaluation.comparison import tab as comparison_tab
from peakid.web.evaluation.errors import tab as errors_tab
from peakid.web.evaluation.learning_curve import tab as learning_curve_tab
from peakid.web.evaluation.slices import tab as slices_tab
from peakid.web.evaluation.trust import tab as trust_tab
from peakid.web.evaluation.view import EvaluationView
from peakid.web.jobs import engine_choice, submission
from peakid.web.training import first_model

SPLITS = {
    "valid": "Validation (for choosing)",
    "test": "Test (for reporting)",
    "cv": "Cross-validation (every image)",
}

TABS: dict[str, tuple[str, Callable[[EvaluationView], None]]] = {
    "errors": ("Errors", errors_tab.show),
    "trust": ("Trust", trust_tab.show),
    "slices": ("Slices", slices_tab.show),
    "compare": ("Compare", comparison_tab.show),
    "curve": ("Learning curve", learning_curve_tab.show),
}


def show_empty(sentence: str) -> None:
    first_model.show_way(workspace, sentence, page="train", label="Train a model")


def choose_run() -> Run:
    run_id = address.select(
        "Run",
        "run",
        list(all_runs),
        default=next(iter(usable), None),
        format_func=lambda each: names.run_option(all_runs[each]),
    )
    return all_runs[run_id]


def choose_split(run: Run) -> str:
    options = ["cv"] if run.is_cross_validated else ["valid", "test"]
    if run.is_imported:  # It may be of one split only.
        has = [each for each in options if run_predictions.has_rows(workspace, run.run_id, each)]
        options = has or options
    return address.segments("Split", "split", options, format_func=SPLITS.__getitem__)


def link_to_models(run: Run) -> None:
    st.page_link(
        navigation.page("models"),
        label="Try or export this run",
        query_params={"run": str(run.run_id)},
        width="content",
    )


def find_figures(run: Run, split: str, *, with_tta: bool) -> Figures | None:
    """Return the figures of a split; those of test only after a click in this session, which is counted."""
    key = f"test:{run.run_id}:{with_tta}"
    has_rows = run_predictions.has_rows(workspace, run.run_id, split)  # Else the attempt says why not.
    if split != "test" or key in st.session_state or not has_rows:
        return figures_panel.find(workspace, run, split, with_tta=with_tta)
    st.markdown(
        "The test score is for reporting the final model. Choosing runs by it makes it too optimistic. "
        f"For this run, it has {shown_times(run.n_test_looks)}."
    )
    if not st.button("Show the test score", icon=":material/visibility:"):
        return None
    if figures_panel.find(workspace, run, split, with_tta=with_tta) is not None:
        runs.look_at_test(workspace, run.run_id, session.actor())
        st.session_state[key] = True
        st.rerun()
    return None


def shown_times(n: int) -> str:
    return {0: "not been shown yet", 1: "been shown once"}.get(n, f"been shown {n:,} times")


def show_tab(view: EvaluationView) -> None:
    """Draw the score and what matters most, then the chosen tab; the others cost nothing."""
    score_headline.show(view)
    run_notes.show_origin(view.run)
    judged_now.show(view)
    chosen = address.segments("What to look at", "tab", list(TABS), format_func=lambda each: TABS[each][0])
    TABS[chosen][1](view)


# 1 open
workspace = session.workspace()
submission.renew_ended(workspace)
st.title("Evaluate")
import_panel.show_done()

# 2 ask
all_runs = {str(run.run_id): run for run in runs.list_runs(workspace)}
usable = {run_id: run for run_id, run in all_runs.items() if run.has_model or run.is_imported}

# 3 draw, 4 act
if not all_runs:
    show_empty(
        "No model has been trained yet. Once there is a run, its score, its confusion matrix and its "
        "errors are shown here."
    )
    import_panel.show(workspace)
else:
    with st.container(horizontal=True, gap="medium", vertical_alignment="bottom"):
        with st.container(width=430):
            run = choose_run()
        with st.container(width="content"):
            split = choose_split(run)
    with st.container(horizontal=True, gap="medium", vertical_alignment="center"):
        with_tta = run.has_score and tta_panel.show(workspace, run, split)
        if run.has_model:
            link_to_models(run)
    view = None
    if not run.has_score:
        show_empty(f"{names.run_name(run)} ({run.state}) kept no model. Choose another run, or train again.")
    elif found := find_figures(run, split, with_tta=with_tta):
        others = tuple(each for each in usable.values() if each.run_id != run.run_id)
        view = EvaluationView(workspace, run, split, found, others, session.actor())
        show_tab(view)
    with st.container(horizontal=True, gap="medium", vertical_alignment="center"):
        if view is not None:
            report_download.show(view)
        import_panel.show(workspace)
    if run.has_model:
        engine_choice.show(key="engine:evaluate")
