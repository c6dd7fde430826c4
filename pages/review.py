"""Review the images of one queue, as a grid or one at a time."""

import streamlit as st

from peakid.curate import classes, image_issues
from peakid.embed import layouts
from peakid.jobs import suggester
from peakid.web import address, navigation, session
from peakid.web.atlas import counts_panel, from_review
from peakid.web.collect import embedding_panel
from peakid.web.gallery import delivery, gallery, loaded_page, remarks
from peakid.web.review import class_guide, filter_bar, issue_panel, next_step, queue_chips
from peakid.web.search import find_panel, more_like_this
from peakid.web.suggestions import accept_panel, empty_queue, queue_panel

EMPTY = {
    "worth": "Nothing is left that is worth your time before the next model. The rest is under Unreviewed.",
    "conflicts": "No duplicates have different labels. A scan finds duplicates.",
    "model-disagrees": "No model disagrees with an unreviewed label of an image that it was not trained on.",
    "uncertain": "No model is less than 50 % sure of an unreviewed image that it was not trained on.",
    "recent": "No image has been judged yet.",
    "sample": "Every image of this sample is reviewed.",
    "audit": "Every image of this random sample is judged.",
    "unreviewed": "Every label was given or confirmed by a person. Next: freeze a snapshot and train on it.",
    "flagged": "No image is flagged. Press F on an image that needs a second look.",
    "excluded": "No image is excluded. Press X to exclude an image from training. Its file is kept.",
    "all": "There are no images yet. Import a folder, an archive or a table of photos.",
    **find_panel.EMPTY,
    "issue": "No unreviewed image has this issue. A higher threshold finds more.",
    "errors": "Every error of this run is judged. Train again to see what the new labels change.",
}

# 1 open
workspace = session.workspace()
queue = queue_chips.requested(workspace)
after, filters = address.text("after") or "", filter_bar.current()

# 2 ask
folded = queue_chips.show(workspace, queue)
with st.empty().container():  # Always there: else the grid is drawn anew where what is above it goes.
    next_step.show(workspace)
    embedding_panel.show_lack(workspace)
    queue_panel.show(workspace, queue)
with st.container(horizontal=True, vertical_alignment="center", gap="small"):
    queue_chips.show_more(workspace, folded, queue)
    filter_bar.show(workspace, queue)
    counts_panel.show_button()
    find_panel.show(workspace)
    find_panel.show_searching(workspace)
    class_guide.show(workspace, queue_chips.class_order(queue, classes.names(workspace)))
kind, _, detail = queue.partition(":")
if kind == "issue":
    issue_panel.show(workspace, image_issues.known(detail))


def show_empty() -> None:
    """Say why the queue is empty, with the button that leads on."""
    if filters:
        navigation.show_empty(workspace, "No image of this queue passes the filters.")
        if st.button("Remove all filters"):
            filter_bar.clear()
            st.rerun()
        return
    sentence = empty_queue.sentence(workspace, kind) or EMPTY.get(kind, "This queue is empty.")
    navigation.show_empty(workspace, sentence)
    if kind == "sample" and st.button("Draw another sample"):
        address.write(queue=queue_chips.next_sample(queue), after=None)
        st.rerun()
    if kind == "unreviewed" and classes.names(workspace) and st.button("Freeze a snapshot"):
        navigation.go("snapshots")


# 3 draw (4 act: events are saved before the next run)
@st.fragment
def show_grid() -> None:
    """Draw the images. A key runs this alone; the whole page runs again only where its counts are old."""
    with session.reported():  # An error inside a fragment does not reach the shell.
        draw_grid()


def draw_grid() -> None:
    """Draw the images of the loaded page, and save the events that came with this run."""
    suggester.ensure(workspace)
    plan = delivery.plan(queue)
    if plan.is_page_rerun or accept_panel.was_undone(workspace):
        delivery.rerun_page(plan)
    page = loaded_page.load(workspace, plan, after=after, filters=filters)
    above = st.empty()  # As above.
    if not page.images:
        with above.container():
            show_empty()
    # Also without images: what emptied the queue can be undone there, and an undo on its way is saved.
    names = queue_chips.class_order(queue, classes.names(workspace))
    has_map = layouts.is_possible(workspace)
    acts = {**remarks.ACTS, **more_like_this.acts(workspace)}
    mapped = gallery.show(
        page,
        names,
        plan=plan,
        workspace=workspace,
        acts=acts,
        has_map=has_map,
        done=accept_panel.step(workspace),
    )
    more_like_this.follow(queue)
    from_review.follow(mapped)


with counts_panel.beside(workspace, queue, filters):
    show_grid()
