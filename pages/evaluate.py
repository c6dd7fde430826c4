"""How good a run is, how sure that is, which images it errs on, and whether another run does better."""

import streamlit as st

from peakid.dataset import snapshot as snapshots
from peakid.errors import PeakidError
from peakid.evaluate import charts, report
from peakid.evaluate.report import EvaluationReport
from peakid.records import Run
from peakid.store import runs
from peakid.web import address, journey, names, session, theme, words
from peakid.web.evaluation import class_table, run_comparison, score_headline, tta_panel
from peakid.web.jobs import job_panel
from peakid.web.review import confusion_cell

SPLITS = {"valid": "Valid: to choose by", "test": "Test: to report", "cv": "Cross-validated: every image"}


def show_empty(sentence: str) -> None:
    st.info(sentence, icon=":material/grid_on:")
    if st.button("Go to training", type="primary"):
        journey.go("train")


def score(run: Run, split: str, *, with_tta: bool) -> EvaluationReport | None:
    """Answer the report of a split; that of test only where this session has asked for it, once plainly and once with views."""
    if split != "test":
        return report.evaluate(workspace, run.run_id, split=split, with_tta=with_tta, actor=session.actor())
    held = f"test:{run.run_id}:{with_tta}"
    if held not in st.session_state:
        st.markdown(
            "The test score is for the end. Whoever chooses among runs by it makes it a score to choose by, and it will be too good. "
            f"This run's was looked at {times(run.n_test_looks)} so far."
        )
        if not st.button("Look at the test score", icon=":material/visibility:"):
            return None
        st.session_state[held] = report.evaluate(
            workspace, run.run_id, split="test", with_tta=with_tta, actor=session.actor()
        )
        st.rerun()
    return st.session_state[held]


def times(n: int) -> str:
    return "once" if n == 1 else f"{n:,} times"


def show_what_it_saw(run: Run) -> None:
    name = session.plain(names.short_snapshot(run.snapshot_name, run.snapshot_digest))
    is_random = run.starting_weights is not None and not run.starting_weights.is_pretrained
    started = "random weights" if is_random else "pretrained weights"
    kept = f"epoch {run.best_epoch} kept" if run.best_epoch else "no model kept"
    said = f"{names.recipe(run.recipe)} from {started}, {kept}, snapshot {name}"
    st.caption(said, help=session.plain(f"Started from {run.started_from}, on {run.device}."))


def show_warnings(run: Run, scored: EvaluationReport) -> None:
    told = [*scored.warnings, *(each.text for each in run.warnings if each.kind != "collapsed")]
    if n_leaks := snapshots.show(workspace, run.snapshot_digest).n_leaks:
        told.append(
            f"{words.n_of(n_leaks, 'group')} of look-alikes lie in several splits of its snapshot: the score is too good."
        )
    if scored.n_unreviewed:
        told.append(
            f"{scored.n_unreviewed:,} of {scored.n_images:,} labels here were never confirmed by a person."
        )
    if scored.n_either:
        shows = "shows" if scored.n_either == 1 else "show"
        told.append(
            f"{words.n_of(scored.n_either, 'image')} also {shows} the class that was answered: counted as right."
        )
    if scored.n_changed:
        were = "was" if scored.n_changed == 1 else "were"
        told.append(
            f"{words.n_of(scored.n_changed, 'image')} here {were} judged anew since; train again to count that."
        )
    if told:
        st.warning("  \n".join(session.plain(each) for each in told), icon=":material/warning:")


def show_matrix(run: Run, scored: EvaluationReport) -> None:
    left, right = st.columns([5, 6], gap="medium")
    cell = None if scored.tta else confusion_cell.opened(scored.class_names)  # Queues hold the plain answers.
    with left:
        # Another key for another cell: a selection left in the figure would fade the numbers of all others.
        key = f"confusion:{run.run_id}:{scored.split}:{cell}"
        figure = charts.confusion(scored.class_names, scored.confusion, theme=theme.current())
        if cell:
            confusion_cell.outline(figure, *cell)
        rows = "Rows are what was given, columns what was predicted."
        if scored.tta:
            theme.plot(figure, key=f"{key}:tta")
            st.caption(f"{rows} To see a cell's images and judge them, switch test-time augmentation off.")
        else:
            theme.plot(
                figure,
                key=key,
                on_select=lambda: confusion_cell.open_clicked(key, scored.class_names),
                selection_mode="points",
            )
            st.caption(f"{rows} Click a cell to see its images and judge them.")
    with right:
        if cell:
            confusion_cell.show(workspace, run.run_id, scored.split, *(scored.class_names[i] for i in cell))
        else:
            theme.plot(charts.recall_bars(scored.per_class, theme=theme.current()), key="recall")


def show_comparison(run: Run) -> None:
    others = {str(each.run_id): each for each in usable.values() if each.run_id != run.run_id}
    if not others:
        return
    st.subheader("Against another run")
    earlier = next((each for each in others if int(each) < run.run_id), None)
    other = address.select(
        "Compared with",
        "against",
        list(others),
        default=earlier,
        format_func=lambda each: names.run(others[each]),
    )
    try:
        run_comparison.show(workspace, others[other], run, actor=session.actor())
    except PeakidError as error:
        session.show_error(error)


# 1 open
workspace = session.workspace()
st.title("Evaluate")

job_panel.renew_ended(workspace)

# 2 ask
every = {str(run.run_id): run for run in runs.list_runs(workspace)}
usable = {run_id: run for run_id, run in every.items() if run.best_epoch is not None}
if not every:
    show_empty(
        "Here a run's score will stand with its interval, its confusions and the images behind them. No model has been trained yet."
    )
else:
    cells = st.columns([3, 2], gap="medium", vertical_alignment="bottom")
    with cells[0]:
        run = every[
            address.select(
                "Run",
                "run",
                list(every),
                default=next(iter(usable), None),
                format_func=lambda i: names.run(every[i]),
            )
        ]
    with cells[1]:
        is_folded = bool(run.recipe.get("folds")) and run.state == "done"
        split = address.segments(
            "Split",
            "split",
            ["cv"] if is_folded else ["valid", "test"],
            format_func=lambda each: SPLITS[each],
        )
    if run.best_epoch is None and not is_folded:
        show_empty(
            f"Run {run.run_id} ({run.state}) has kept no epoch, so there is nothing to score. Choose another run, or train again."
        )
    # 3 draw, 4 act
    elif scored := score(run, split, with_tta=tta_panel.show(workspace, run, split)):
        score_headline.show(scored)
        show_what_it_saw(run)
        show_warnings(run, scored)
        show_matrix(run, scored)
        st.subheader("Every class")
        class_table.show(scored.per_class)
        show_comparison(run)
