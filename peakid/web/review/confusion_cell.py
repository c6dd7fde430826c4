"""The images of one confusion cell, ready to be judged, with examples of both classes to judge them by."""

from collections.abc import Sequence

import plotly.graph_objects as go
import streamlit as st

from peakid.curate import classes
from peakid.curate.queues import review_queue
from peakid.evaluate import charts
from peakid.store.workspace import Workspace
from peakid.web import address, session, theme, words
from peakid.web.gallery import batch, gallery

N_EXAMPLES = 5
N_CANDIDATES = 100  # The examples are the surest of these.
GALLERY_PX = 300  # Beside a matrix of six classes, at 1280 x 800.


def show(workspace: Workspace, run_id: int, split: str, given: str, predicted: str) -> None:
    """Draw the cell (given, predicted) of a run's matrix; what is typed on an image is written down."""
    queue = review_queue.confusion_queue(run_id, split, given, predicted)
    after = st.query_params.get("after", "")
    table = batch.current(
        workspace, queue, after=after, changed=gallery.changed(queue), grow=gallery.wants_next(queue)
    )
    _head(given, predicted, review_queue.count(workspace, queue))
    if table.held:
        gallery.show(table, classes.names(workspace), workspace=workspace, height_px=GALLERY_PX)
        for class_name in dict.fromkeys((given, predicted)):
            _examples(workspace, run_id, class_name)


def opened(class_names: Sequence[str]) -> tuple[int, int] | None:
    """Answer row and column of the cell that the address names."""
    given, predicted = (st.query_params.get(name, "") for name in ("given", "predicted"))
    is_there = given in class_names and predicted in class_names
    return (class_names.index(given), class_names.index(predicted)) if is_there else None


def open_clicked(key: str, class_names: Sequence[str]) -> None:
    """Put the cell that was clicked in the figure `key` into the address."""
    points = st.session_state[key]["selection"]["points"]
    if points:
        row, column = points[0]["customdata"]
        address.write(given=class_names[row], predicted=class_names[column], after=None)


def outline(figure: go.Figure, row: int, column: int) -> None:
    """Frame the opened cell in its matrix."""
    line = {"color": charts.INK[theme.current()], "width": 2}
    figure.add_shape(type="rect", x0=column - 0.49, x1=column + 0.49, y0=row - 0.49, y1=row + 0.49, line=line)


def _head(given: str, predicted: str, n_images: int) -> None:
    said = f"{given} recognised" if given == predicted else f"{given} taken for {predicted}"
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        st.markdown(f"**{session.plain(said)}: {words.n_of(n_images, 'image')}**", width="content")
        if st.button("Close", icon=":material/close:", type="tertiary"):
            address.write(given=None, predicted=None, after=None)
            st.rerun()
    if not n_images:
        st.caption("No image lies in this cell. Click one with a number.")


def _examples(workspace: Workspace, run_id: int, class_name: str) -> None:
    """Draw what the model is surest of among the images of this class that it learned from."""
    recognised = review_queue.page(
        workspace, review_queue.confusion_queue(run_id, "train", class_name, class_name), limit=N_CANDIDATES
    )
    known = sorted(recognised, key=lambda item: -(item.score or 0))[:N_EXAMPLES]
    if known:
        st.caption(f"Recognised as {session.plain(class_name)} in train")
        _strip([item.digest for item in known], class_name)


def _strip(digests: Sequence[str], class_name: str) -> None:
    for cell, digest in zip(st.columns(N_EXAMPLES, gap="small"), digests, strict=False):
        cell.markdown(f"![{session.plain(class_name)}](/thumb/{digest})")
