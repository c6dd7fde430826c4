"""Judge what waits: one queue, as a grid or one image at a time."""

import streamlit as st

from peakid.curate import classes, image_issues, review_queue
from peakid.web import batch, class_guide, gallery, issue_panel, queue_chips, session

EMPTY = {
    "unreviewed": "Every label here has been given or confirmed by a person. Freeze what you have into a snapshot and train on it.",
    "flagged": "Nothing is flagged. Press F on an image that someone should look at again.",
    "excluded": "Nothing is excluded. Press X on an image that must never be trained on; it is kept, and Z takes it back.",
    "all": "There are no images yet. Import a folder, an archive or a table of photos first.",
    "issue": "No image waits here: none has this issue, or each was judged here or excluded. A higher threshold finds more.",
}

# 1 open
workspace = session.workspace()
asked = st.query_params.get("queue", "unreviewed")
review_queue.count(workspace, asked)  # An unknown name is told, with the ones there are.
after = int(value) if (value := st.query_params.get("after", "0")).isdigit() else 0

# 2 ask
queue_chips.show(workspace, asked)
kind, _, issue = asked.partition(":")
if kind == "issue":
    issue_panel.show(workspace, image_issues.known(issue))
table = batch.current(workspace, asked, after=after)
if gallery.wants_next(asked):
    st.query_params.from_dict({"queue": asked, "after": str(batch.next_after(workspace, table))})
    batch.forget(asked)
    st.rerun()

# 3 draw (4 act: what is typed there is written down before the next run)
if table.items:
    class_guide.show(workspace)
    gallery.show(table.items, classes.names(workspace), workspace=workspace, queue=asked, reasons=table.reasons, n_waiting=table.n_waiting)
else:
    st.info(EMPTY.get(kind, "Nothing waits here."), icon=":material/done_all:")
