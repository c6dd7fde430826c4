"""What is here, what waits for you, what runs."""

import streamlit as st

from peakid.acquire import drawn
from peakid.curate import classes, decisions, scan
from peakid.curate.queues import pace, review_queue
from peakid.evaluate import charts
from peakid.records import Run
from peakid.store import exports, runs, status
from peakid.store.status import Status
from peakid.web import journey, session, theme, words
from peakid.web.jobs import progress


def show_first_start() -> None:
    """Two ways in."""
    st.title("From a folder of photos to a classifier whose score can be believed")
    st.markdown(
        "Review what was collected with one key an image, freeze it, train in the background, see where the model errs, export it."
    )
    ways = st.columns(2, gap="medium")
    with ways[0].container(border=True, height="stretch"):
        st.subheader("Open the demo")
        st.markdown(
            "600 drawn mountains with planted faults: wrong labels, copies, blurred and foreign pictures. Made here in seconds."
        )
        if st.button("Open the demo", type="primary"):
            open_demo()
    with ways[1].container(border=True, height="stretch"):
        st.subheader("Import a folder")
        st.markdown(
            "Your own photos: a folder with one folder a class, a zip of it, or a table of labels. Your files stay as they are."
        )
        if st.button("Import a folder", type="primary"):
            journey.go("collect")


def open_demo() -> None:
    with progress.bar() as report:
        drawn.import_demo(workspace, actor=session.actor(), report=report)
        scan.scan(workspace, report=report)
    journey.go("review")


def show_figures(counts: Status, n_unreviewed: int, done: list[Run]) -> None:
    cells = st.columns(4)
    cells[0].metric(
        "Images", f"{counts.n_images:,}", help="By their bytes: a copy of a file is the same image."
    )
    n_asked = counts.n_reviewed + n_unreviewed
    cells[1].metric(
        "Reviewed",
        f"{counts.n_reviewed / n_asked:.0%}" if n_asked else "–",
        help=f"{counts.n_reviewed:,} of {n_asked:,}",
    )
    cells[2].metric(
        "Excluded", f"{counts.n_excluded:,}", help="Never trained on; kept, and taken back with one key."
    )
    accuracy = done[0].metrics.get("accuracy") if done else None
    known = f"{accuracy:.0%}" if accuracy is not None else "–"
    cells[3].metric(
        "Accuracy on valid",
        known,
        help=f"Run {done[0].run_id}, best epoch" if done else "No run has ended yet.",
    )


def show_next(step: journey.Step) -> None:
    with st.container(
        border=True, horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"
    ):
        st.markdown(f"**{step.sentence}**", width="content")
        if st.button(step.button, type="primary"):
            journey.go(step.page)


def show_journey(stands: dict[str, str]) -> None:
    cells = st.columns(len(stands))
    for cell, stop in zip(cells, [stop for stop in journey.JOURNEY if stop.name in stands], strict=True):
        cell.markdown(f"{stop.icon} **{stop.name.capitalize()}**  \n:gray[{stands[stop.name]}]")


def show_latest(done: list[Run]) -> None:
    left, right = st.columns(2, gap="large")
    left.subheader("Latest decisions")
    steps = decisions.steps(workspace, limit=6)
    lines = [
        {
            "When": words.ago(s.made_at),
            "By": words.who(s.actor),
            "What": words.told_step(s),
            "First image": s.first.path,
        }
        for s in steps
    ]
    left.dataframe(lines, hide_index=True) if lines else left.caption("Nothing has been decided yet.")
    right.subheader("Latest runs")
    trained = [
        {
            "Run": run.run_id,
            "When": words.ago(run.created_at),
            "Snapshot": run.snapshot_name or run.snapshot_digest[:8],
            "State": run.state,
        }
        | {"Accuracy on valid": run.metrics.get("accuracy")}
        for run in done[:6]
    ]
    percent = {"Accuracy on valid": st.column_config.NumberColumn(format="percent")}
    right.dataframe(trained, hide_index=True, column_config=percent) if trained else right.caption(
        "No model has been trained yet."
    )


# 1 open
workspace = session.workspace()

# 2 ask
counts = status.read(workspace)
n_unreviewed = review_queue.count(workspace, "unreviewed")
all_runs = runs.list_runs(workspace)
done = [run for run in all_runs if run.state == "done"]
worth = review_queue.counted(workspace, review_queue.WORTH, most=review_queue.MOST_ON_A_CHIP)
minutes = pace.minutes(worth.n, pace.seconds_an_image(workspace, actor=session.actor()))
facts = {
    "n_unreviewed": n_unreviewed,
    "n_done_runs": len(done),
    "n_exports": len(exports.list_exports(workspace)),
}

# 3 draw, 4 act
if counts.n_images == 0:
    show_first_start()
else:
    st.title("Overview")
    show_next(journey.next_step(counts, worth, minutes, **facts))
    show_figures(counts, n_unreviewed, done)
    theme.plot(charts.class_balance(classes.list_classes(workspace), theme=theme.current()), key="balance")
    show_journey(journey.states(counts, **facts))
    show_latest(all_runs)
