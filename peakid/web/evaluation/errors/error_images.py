"""The images that a run predicts wrongly, to be judged at once: those of the opened cell, or all errors."""

import streamlit as st

from peakid.curate import classes
from peakid.curate.queues import review_queue, suggested
from peakid.evaluate.errors import outdated
from peakid.store import runs
from peakid.web import address, navigation, session, words
from peakid.web.evaluation import judged_now
from peakid.web.evaluation.errors import matrix_panel
from peakid.web.evaluation.view import EvaluationView
from peakid.web.gallery import delivery, gallery, loaded_page
from peakid.web.review import confusion_cell, queue_chips

GALLERY_PX = 440  # Three rows of images, with the tools above them in a window of 800 px.
ROW_PX, N_ABREAST = 146, 5  # A row of images at 1280 px.
LEAST_PX = 360  # For one large image beside what is known about it.
ORDER_TIP = (
    "First come errors whose label looks wrong to the live head, which compares each image with images like"
    " it; then those of which the run is surest. Without embeddings, all by how sure the run is."
)
_JUDGED = "address:judged"
_MOST_RUNS = 5  # Named as out of date; the others are counted.


def show(view: EvaluationView) -> None:
    """Draw the images. A key runs this part of the page alone."""
    if view.scored.tta:
        return
    _show_images(view)


@st.fragment(key=judged_now.IMAGES)
def _show_images(view: EvaluationView) -> None:
    with session.reported():  # An error inside a fragment does not reach the shell.
        _show_outdated(view)
        if cell := matrix_panel.opened_cell(view):
            given, predicted = (view.scored.class_names[n] for n in cell)
            confusion_cell.show(
                view.workspace, view.run.run_id, view.split, given, predicted, on_saved=judged_now.follow
            )
        else:
            _show_all(view)


def _show_all(view: EvaluationView) -> None:
    n_errors = view.figures.n_errors
    if not n_errors:
        return
    with st.container():  # The images of a cell come in the same place, so that they replace these at once.
        is_judged_too = _show_title(view, n_errors)
        queue = review_queue.errors_queue(view.run.run_id, view.split, is_judged_too=is_judged_too)
        plan = delivery.plan(queue)
        page = loaded_page.load(view.workspace, plan, after=address.text("after") or "")
        _show_keys(view.split, has_images=bool(page.images))
    if not page.images:
        return
    names = queue_chips.class_order(queue, classes.names(view.workspace))
    height_px = min(GALLERY_PX, max(LEAST_PX, ROW_PX * -(-len(page.images) // N_ABREAST) + 10))
    gallery.show(
        page,
        names,
        plan=plan,
        workspace=view.workspace,
        height_px=height_px,
        is_part=True,
        on_saved=judged_now.follow,
    )


def _show_keys(split: str, *, has_images: bool) -> None:
    if not has_images:
        st.success("Every error of this run is judged.", icon=":material/check:")
    elif split == "test":
        st.caption("The prediction of a test image is hidden until you judge it.")
    else:
        st.caption(
            "Click an image: keys then judge it, M accepts the prediction. Enter shows it large, beside the "
            "most similar training images."
        )


def _show_title(view: EvaluationView, n_errors: int) -> bool:
    """Draw the heading with a switch and a link to Review; return whether judged errors are shown too."""
    queue = review_queue.errors_queue(view.run.run_id, view.split)
    found = review_queue.count_up_to(view.workspace, queue)
    n_open = f"{found.n:,}{'+' if found.is_more else ''}"
    is_ordered = suggested.is_error_order(view.workspace, queue)
    st.header(
        f"All errors, {'doubtful labels' if is_ordered else 'the most confident'} first", help=ORDER_TIP
    )
    is_on = address.value("judged", ["no", "yes"]) == "yes"
    if st.session_state.get(_JUDGED) != is_on:
        st.session_state[_JUDGED] = is_on
    with st.container(horizontal=True, vertical_alignment="center", gap="medium"):
        st.markdown(f"{n_open} of {words.n_of(n_errors, 'error')} not judged yet", width="content")
        is_judged_too = st.toggle("Judged ones too", key=_JUDGED, on_change=_write_judged)
        if st.button("Open in Review", icon=":material/open_in_full:", type="tertiary"):
            navigation.go("review", queue=queue)
    return is_judged_too


def _write_judged() -> None:
    address.write(judged="yes" if st.session_state[_JUDGED] else None, after=None)


def _show_outdated(view: EvaluationView) -> None:
    """Name the runs that used a label that has changed since."""
    with_score = [run for run in runs.list_runs(view.workspace) if run.has_score]
    found = outdated.outdated(view.workspace, with_score)
    place = st.empty()  # Always there: else the images are drawn anew where it comes.
    if not found:
        return
    own = [each for each in found if each.run_id == view.run.run_id]
    named = [*own, *(each for each in found if each not in own)][:_MOST_RUNS]
    lines = [each.sentence for each in named]
    if len(found) > len(named):
        lines.append(f"{words.n_of(len(found) - len(named), 'other run')} too.")
    with place.container(horizontal=True, vertical_alignment="center"):
        st.info("  \n".join(lines), icon=":material/history:")
        if st.button("Train again", icon=":material/model_training:"):
            navigation.go("train")
