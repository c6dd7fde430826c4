"""Judge what waits: one queue, as a grid or one image at a time."""

import streamlit as st

from peakid.curate import classes, image_issues
from peakid.curate.queues import review_queue
from peakid.errors import PeakidError
from peakid.web import address, navigation, session
from peakid.web.gallery import batch, gallery, remark_acts
from peakid.web.review import class_guide, filter_bar, issue_panel, queue_chips

EMPTY = {
    "worth": "Nothing here contradicts itself, and no picture looks bad. What nobody has reviewed is under Unreviewed.",
    "conflicts": "No look-alikes carry different labels. A scan finds look-alikes; the duplicates page shows them side by side.",
    "model-disagrees": "No model contradicts a label, or each was judged here. Train one: it doubts labels it did not learn from.",
    "uncertain": "No model gives an image it did not learn from less than even odds, or each was judged here. Train one to see.",
    "recent": "Nobody has judged an image yet.",
    "sample": "Every image of this sample was judged here. `sample:2` in the address draws another one.",
    "unreviewed": "Every label here has been given or confirmed by a person. Freeze what you have into a snapshot and train on it.",
    "flagged": "Nothing is flagged. Press F on an image that someone should look at again.",
    "excluded": "Nothing is excluded. Press X on an image that must never be trained on; it is kept, and Z takes it back.",
    "all": "There are no images yet. Import a folder, an archive or a table of photos first.",
    "issue": "No image waits here: none has this issue, or each was judged here or excluded. A higher threshold finds more.",
}

# 1 open
workspace = session.workspace()
asked = st.query_params.get("queue") or review_queue.first_offered(workspace)
address.write(queue=asked)  # So that it stays when its last image is judged.
after, filters = st.query_params.get("after", ""), filter_bar.asked()

# 2 ask
queue_chips.show(workspace, asked)
filter_bar.show(workspace, asked)
kind, _, issue = asked.partition(":")
if kind == "issue":
    issue_panel.show(workspace, image_issues.known(issue))


# 3 draw (4 act: what is typed there is written down before the next run)
@st.fragment
def judge() -> None:
    """Draw the pictures. A key runs this alone, and the whole page only where its counts would grow old."""
    if gallery.counts_are_old(asked):
        st.rerun()
    grow = gallery.wants_next(asked)
    try:
        table = batch.current(
            workspace,
            asked,
            after=after,
            where={"filters": filters},
            changed=gallery.changed(asked),
            grow=grow,
        )
    except PeakidError as error:  # Raised inside a fragment, it would not reach the shell.
        session.show_error(error)
        return
    if table.held:
        gallery.show(table, classes.names(workspace), workspace=workspace, acts=remark_acts.ACTS)
    else:
        said = (
            "No image of this queue passes the filters. Take one off."
            if filters
            else EMPTY.get(kind, "Nothing waits here.")
        )
        navigation.show_empty(workspace, said)


class_guide.show(workspace)
gallery.note_page(asked)
judge()
