"""The start page: the next step to take, the counts of the workspace, its latest decisions and runs."""

from collections.abc import Sequence

import streamlit as st

from peakid.curate import classes, decisions
from peakid.curate.queues import pace, review_queue
from peakid.dataset import snapshot as snapshots
from peakid.evaluate import charts, score_text
from peakid.records import Run, Snapshot
from peakid.store import exports, runs, status
from peakid.store.status import Status
from peakid.web import names, navigation, session, theme, words
from peakid.web.navigation import NextStep, Progress
from peakid.web.workspaces import opening

N_LATEST = 6  # Decisions and runs listed.
TABLE_PX = 410  # Two side by side in a wide window, below each other in a narrow one.


def show_first_start() -> None:
    """Offer the two ways to begin: the demo and an import."""
    st.title("From a folder of photos to a classifier whose score can be believed")
    st.markdown(
        "Review each image with one key, freeze a snapshot, train in the background, look at the errors, "
        "export the model."
    )
    ways = st.columns(2, gap="medium")
    with ways[0].container(border=True, height="stretch"):
        st.header("Open the demo")
        st.markdown(
            "600 drawn mountains with known faults: wrong labels, duplicates, blurred and unrelated "
            "images. Ready in seconds."
        )
        if st.button("Open the demo", type="primary"):
            opening.demo(workspace.path.parent)
    with ways[1].container(border=True, height="stretch"):
        st.header("Import your photos")
        st.markdown(
            "A folder with one subfolder per class, a zip archive of it, or a table of labels. Your files "
            "are not changed."
        )
        if st.button("Import photos", type="primary"):
            navigation.go("collect")


def show_next(step: NextStep) -> None:
    with st.container(
        border=True, horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"
    ):
        st.markdown(f"**{step.sentence}**", width="content")
        if st.button(step.button, type="primary"):
            navigation.go(step.page)


def show_figures(counts: Status, n_unreviewed: int, newest: Run | None) -> None:
    # Wrapped where the window is narrow: a figure is never cut.
    cells = st.container(horizontal=True, gap="large")
    images_tip = "Identical files count as one image."
    cells.metric("Images", f"{counts.n_images:,}", help=images_tip, width="content")
    n_labels = counts.n_reviewed + n_unreviewed
    share = counts.n_reviewed / n_labels if n_labels else None
    reviewed_tip = f"{counts.n_reviewed:,} of {n_labels:,} images were reviewed by a person."
    cells.metric("Reviewed", score_text.percent(share), help=reviewed_tip, width="content")
    excluded_tip = "Excluded images are kept but never trained on. Excluding can be undone."
    cells.metric("Excluded", f"{counts.n_excluded:,}", help=excluded_tip, width="content")
    score = names.run_score(newest, snapshot_of(newest)) if newest else "-"
    score_tip = (
        f"{names.run_name(newest)}, best epoch, 95 % interval" if newest else "No run has finished yet."
    )
    cells.metric("Validation accuracy", score, help=score_tip, width="content")


def snapshot_of(run: Run) -> Snapshot | None:
    return next((each for each in frozen_ones if each.digest == run.snapshot_digest), None)


def show_workflow(states: dict[str, str]) -> None:
    cells = st.container(horizontal=True, gap="medium")
    for page in navigation.PAGES:
        if page.name in states:
            text = f"{page.icon} **{page.name.capitalize()}**  \n:gray[{states[page.name]}]"
            cells.markdown(text, width="content")


def show_latest_decisions() -> None:
    st.header("Latest decisions")
    lines = [
        {
            "When": words.ago(step.made_at),
            "By": words.who(step.actor),
            "What": words.step_text(step),
            "First image": step.first.path,
        }
        for step in decisions.steps(workspace, limit=N_LATEST)
    ]
    st.dataframe(lines, hide_index=True) if lines else st.caption("No decisions yet.")


def show_latest_runs(latest: Sequence[Run]) -> None:
    st.header("Latest runs")
    lines = [
        {
            "Run": names.run_name(run),
            "When": words.ago(run.created_at),
            "State": run.state,
            "Validation accuracy": names.run_score(run, snapshot_of(run)),
        }
        for run in latest
    ]
    st.dataframe(lines, hide_index=True) if lines else st.caption("No model has been trained yet.")


# 1 open
workspace = session.workspace()

# 2 ask
counts = status.read(workspace)
n_unreviewed = review_queue.count(workspace, "unreviewed")
all_runs, frozen_ones = runs.list_runs(workspace), snapshots.list_snapshots(workspace)
finished = [run for run in all_runs if run.state == "done"]
worth = review_queue.count_up_to(workspace, review_queue.WORTH, most=review_queue.MOST_ON_A_CHIP)
minutes = pace.minutes(worth.n, pace.seconds_an_image(workspace, actor=session.actor()))
done = Progress(n_unreviewed, len(finished), len(exports.list_exports(workspace)))

# 3 draw, 4 act
if counts.n_images == 0:
    show_first_start()
else:
    st.title("Overview")
    show_next(navigation.next_step(counts, worth, minutes, done))
    show_figures(counts, n_unreviewed, finished[0] if finished else None)
    theme.plot(charts.class_balance(classes.list_classes(workspace), theme=theme.current()), key="balance")
    show_workflow(navigation.states(counts, done))
    with st.container(horizontal=True, gap="medium"):
        with st.container(width=TABLE_PX):
            show_latest_decisions()
        with st.container(width=TABLE_PX):
            show_latest_runs(all_runs[:N_LATEST])
