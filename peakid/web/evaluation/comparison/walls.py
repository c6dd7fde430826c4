"""The images that only one of two runs predicts correctly, as two walls that are judged in place."""

import streamlit as st

from peakid.curate import classes
from peakid.curate.queues import compared_runs
from peakid.evaluate.comparing.compare import RunsCompared
from peakid.store.workspace import Workspace
from peakid.web import address, navigation
from peakid.web.gallery import delivery, gallery, loaded_page
from peakid.web.review import queue_chips

WALL_PX, LOW_PX = 340, 190
ONE_ROW = 4  # Images that fit in a low wall.


def show(workspace: Workspace, pair: RunsCompared) -> None:
    """Draw the images won and lost from the first run to the second; keys judge them."""
    a, b = pair.run_ids
    queues = {
        "won": compared_runs.won_queue(a, b, pair.split),
        "lost": compared_runs.won_queue(b, a, pair.split),
    }
    change = pair.differences[0]  # Counting the queues would read all predictions of a run again.
    counts = {"won": change.n_only_b, "lost": change.n_only_a}
    titles = {"won": f"Won by run {b}", "lost": f"Lost by run {b}"}
    st.header("Images that only one of them is right on")
    chosen = address.segments(
        "Images",
        "wall",
        list(queues),
        default="won" if counts["won"] or not counts["lost"] else "lost",
        format_func=lambda each: f"{titles[each]} ({counts[each]:,})",
    )
    if not counts[chosen]:
        wrong, right = (a, b) if chosen == "won" else (b, a)
        st.caption(f"Run {right} is right on no image that run {wrong} is wrong on.")
        return
    height_px = LOW_PX if counts[chosen] <= ONE_ROW else WALL_PX
    _show_wall(workspace, queues[chosen], a if chosen == "won" else b, height_px)


def _show_wall(workspace: Workspace, queue: str, wrong: int, height_px: int) -> None:
    plan = delivery.plan(queue)
    page = loaded_page.load(workspace, plan, after=address.text("after") or "")
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        st.caption(f"Those that run {wrong} is surest about come first.", width="content")
        st.page_link(
            navigation.page("review"),
            label="Open in Review",
            icon=":material/open_in_full:",
            query_params={"queue": queue},
            width="content",
        )
    if page.images:
        order = queue_chips.class_order(queue, classes.names(workspace))
        gallery.show(page, order, plan=plan, workspace=workspace, height_px=height_px)
