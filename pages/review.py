"""Judge what waits: one queue, as a grid or one image at a time."""

import streamlit as st

from peakid.curate import classes, review_queue
from peakid.web import batch, gallery, session

EMPTY = {
    "unreviewed": "Every label here has been given or confirmed by a person. Freeze what you have into a snapshot and train on it.",
    "flagged": "Nothing is flagged. Press F on an image that someone should look at again.",
    "excluded": "Nothing is excluded. Press X on an image that must never be trained on; it is kept, and Z takes it back.",
    "all": "There are no images yet. Import a folder, an archive or a table of photos first.",
}


def name(queue: str) -> str:
    """Name a queue for people, with what waits in it."""
    if queue.startswith("confusion:"):
        _, run_id, split, given, predicted = queue.split(":")
        queue_name = f"{session.unquoted(given)} taken for {session.unquoted(predicted)} (run {run_id}, {split})"
    else:
        queue_name = queue.removeprefix("class:") if queue.startswith("class:") else queue.capitalize()
    return f"{session.plain(queue_name)} {review_queue.count(workspace, queue):,}"


# 1 open
workspace = session.workspace()
asked = st.query_params.get("queue", "unreviewed")
review_queue.count(workspace, asked)  # An unknown name is told, with the ones there are.
after = int(value) if (value := st.query_params.get("after", "0")).isdigit() else 0

# 2 ask
queues = list(dict.fromkeys([*review_queue.FIXED_QUEUES, asked]))
chosen = st.pills("Queue", queues, default=asked, format_func=name, required=True, key="queue", label_visibility="collapsed")
if chosen and chosen != asked:
    st.query_params.from_dict({"queue": chosen})
    batch.forget(chosen)
    st.rerun()
table = batch.current(workspace, asked, after=after)
if gallery.wants_next(asked):
    st.query_params.from_dict({"queue": asked, "after": str(batch.next_after(workspace, table))})
    batch.forget(asked)
    st.rerun()

# 3 draw (4 act: what is typed there is written down before the next run)
if table.items:
    gallery.show(table.items, classes.names(workspace), workspace=workspace, queue=asked, reasons=table.reasons, n_waiting=table.n_waiting)
else:
    st.info(EMPTY.get(asked, "Nothing waits here."), icon=":material/done_all:")
