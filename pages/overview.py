"""The start page: the way to a model with its next step, the counts of the workspace, its latest runs."""

import streamlit as st

from peakid.curate import classes, decisions
from peakid.curate.queues import pace, review_queue
from peakid.dataset import snapshot as snapshots
from peakid.evaluate import run_scores, score_text
from peakid.jobs import queue
from peakid.records import Run
from peakid.store import exports, runs, status
from peakid.store.evaluation import goals
from peakid.store.status import Status
from peakid.web import names, navigation, session
from peakid.web.jobs import engine_choice
from peakid.web.navigation import Progress
from peakid.web.overview import class_panel, goal_panel, journey, latest, score_panel
from peakid.web.overview.journey import Journey
from peakid.web.workspaces import opening

N_LATEST = 6  # Decisions and runs listed.


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
    if newest:
        score = names.run_score(newest, by_digest.get(newest.snapshot_digest))
        tip = "Of the newest run with a score, with its 95 % interval and number of images."
        cells.metric(f"{names.run_name(newest)}, validation", score, help=tip, width="content")


# 1 open
workspace = session.workspace()

# 2 ask
counts = status.read(workspace)
n_unreviewed = review_queue.count(workspace, "unreviewed")
all_runs = runs.list_runs(workspace)
scored = [run for run in all_runs if run.has_score]
trained = [run for run in scored if not run.is_imported]
by_digest = {frozen.digest: frozen for frozen in snapshots.list_snapshots(workspace)}
newest = next(iter(trained or scored), None)
points = run_scores.of_runs(list(reversed(scored)), by_digest)
trainings = [job for job in queue.list_active(workspace) if job.kind in journey.TRAININGS]
worth = review_queue.count_up_to(workspace, review_queue.WORTH, most=review_queue.MOST_ON_A_CHIP)
minutes = pace.minutes(worth.n, pace.seconds_an_image(workspace, actor=session.actor()))
done = Progress(n_unreviewed, len(trained), len(exports.list_exports(workspace)))

# 3 draw, 4 act
if counts.n_images == 0:
    show_first_start()
else:
    st.title("Overview")
    way = Journey(counts, worth, done, trained, trainings)
    journey.show(workspace, way, navigation.next_step(counts, worth, minutes, done))
    show_figures(counts, n_unreviewed, newest)
    snapshot_names = {each.snapshot_id: names.snapshot_name(each) for each in by_digest.values()}
    goal = goals.read(workspace)
    if newest:
        goal_panel.show(workspace, newest, by_digest)
    has_scores = len(points) > (0 if goal else 1)
    cells = st.columns(2 if has_scores else 1, gap="large")
    if has_scores:
        with cells[0]:
            score_panel.show(points, snapshot_names, goal=goal.accuracy if goal else None)
    with cells[-1]:
        class_panel.show(classes.list_classes(workspace))
    engine_choice.show(key="engine:overview")
    latest.show_runs(all_runs[:N_LATEST], by_digest)
    latest.show_decisions(decisions.steps(workspace, limit=N_LATEST))
