"""Review the images of one cell of a confusion matrix, next to examples of both classes."""

from collections.abc import Callable, Sequence

import streamlit as st

from peakid.curate import classes
from peakid.curate.queues import review_queue
from peakid.store.workspace import Workspace
from peakid.web import address, session, words, workspace_address
from peakid.web.gallery import delivery, gallery, loaded_page
from peakid.web.review import queue_chips

N_EXAMPLES = 5
N_CANDIDATES = 100  # The examples are the most confident of these.
GALLERY_PX = 360  # With its tools and the examples, it fills a window of 800 px.


def show(
    workspace: Workspace,
    run_id: int,
    split: str,
    given: str,
    predicted: str,
    *,
    on_saved: Callable[[], None] | None = None,
) -> None:
    """Draw the images of the cell (given, predicted) of a run's matrix, which can be judged there.

    Args:
        on_saved: As of `gallery.show`.
    """
    queue = review_queue.confusion_queue(run_id, split, given, predicted)
    plan = delivery.plan(queue)
    page = loaded_page.load(workspace, plan, after=address.text("after") or "")
    with st.container():
        _show_title(given, predicted, review_queue.count(workspace, queue))
    if page.images:
        names = queue_chips.class_order(queue, classes.names(workspace))
        gallery.show(page, names, plan=plan, workspace=workspace, height_px=GALLERY_PX, on_saved=on_saved)
        for class_name in dict.fromkeys((given, predicted)):
            _show_examples(workspace, run_id, class_name)


def opened(class_names: Sequence[str]) -> tuple[int, int] | None:
    """Return row and column of the cell in the address; None where there is none."""
    given, predicted = (address.option(name, class_names) for name in ("given", "predicted"))
    return (class_names.index(given), class_names.index(predicted)) if given and predicted else None


def open_cell(given: str, predicted: str) -> None:
    """Write a cell to the address, which opens it."""
    address.write(given=given, predicted=predicted, after=None)


def _show_title(given: str, predicted: str, n_images: int) -> None:
    is_correct = given == predicted
    title = f"Correctly predicted {given}" if is_correct else f"{given} taken for {predicted}"
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        st.markdown(f"**{session.plain(title)}: {words.n_of(n_images, 'image')}**", width="content")
        if st.button("Close", icon=":material/close:", type="tertiary"):
            address.write(given=None, predicted=None, after=None)
            st.rerun()
    if not n_images:
        st.caption("This cell has no images. Click a cell with a number.")


def _show_examples(workspace: Workspace, run_id: int, class_name: str) -> None:
    """Draw the training images of a class that the model predicts with the highest confidence."""
    queue = review_queue.confusion_queue(run_id, "train", class_name, class_name)
    correct = review_queue.page(workspace, queue, limit=N_CANDIDATES)
    examples = sorted(correct, key=lambda item: -(item.score or 0))[:N_EXAMPLES]
    if examples:
        st.caption(f"Correctly predicted {session.plain(class_name)} (train)")
        _show_row([item.digest for item in examples], class_name)


def _show_row(digests: Sequence[str], class_name: str) -> None:
    for cell, digest in zip(st.columns(N_EXAMPLES, gap="small"), digests, strict=False):
        cell.markdown(f"![{session.plain(class_name)}]({workspace_address.thumbnail(digest)})")
