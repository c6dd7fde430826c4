"""The confusion matrix at full width, how it is ordered and what its cells say."""

import streamlit as st

from peakid.evaluate import charts
from peakid.evaluate.errors import confusion, confusion_table, matrix_order
from peakid.evaluate.errors.matrix_order import CellValue, MatrixOrder
from peakid.evaluate.figures import ErrorList
from peakid.web import address, session, theme
from peakid.web.evaluation.errors import matrix_view
from peakid.web.evaluation.errors.matrix_view import Cell, MatrixView
from peakid.web.evaluation.view import EvaluationView
from peakid.web.review import confusion_cell

ORDERS: dict[str, str] = {
    "class": "Class order",
    "name": "Name",
    "size": "Size",
    "similarity": "Similarity",
}
VALUES: dict[str, str] = {"counts": "Counts", "rows": "Row shares", "columns": "Column shares"}


def show(view: EvaluationView) -> None:
    """Draw the choices and the matrix. With test-time augmentation, cells do not open.

    Queues hold the predictions without augmentation, so a cell would open other images than it counts.
    """
    scored = view.scored
    names, opened = scored.class_names, opened_cell(view)
    by, shown = _show_choices(view)
    drawn = MatrixView(
        class_names=names,
        matrix=scored.confusion,
        by=by,
        shown=shown,
        opened=opened,
        examples=examples(view.figures.worst),
        can_open=scored.tta is None,
    )
    key = f"matrix:{scored.run_id}:{scored.split}"
    matrix_view.show(
        drawn,
        key=key,
        theme=theme.current(),
        on_click=lambda cell: confusion_cell.open_cell(names[cell[0]], names[cell[1]]),
    )
    st.caption(
        "To review the images of a cell, switch off test-time augmentation."
        if scored.tta
        else "Click a cell to review its images."
    )


def opened_cell(view: EvaluationView) -> Cell | None:
    """Return the cell in the address; None where there is none, and with test-time augmentation."""
    return None if view.scored.tta else confusion_cell.opened(view.scored.class_names)


def examples(worst: ErrorList) -> dict[Cell, str]:
    """Return the digest of the worst error of each cell among those that are listed."""
    cells = zip(worst.given, worst.predicted, worst.digests, strict=True)
    return {(given, predicted): digest for given, predicted, digest in reversed(list(cells))}


def _show_choices(view: EvaluationView) -> tuple[MatrixOrder, CellValue]:
    """Draw the order, the values and the download; return the two choices."""
    scored = view.scored
    default = "similarity" if len(scored.class_names) > charts.MANY_CLASSES else "class"
    with st.container(horizontal=True, vertical_alignment="center", gap="medium"):
        with st.container(horizontal=True, vertical_alignment="center", width="content"):
            st.markdown("Order by", width="content")
            chosen = address.segments(
                "Order by", "order", matrix_order.ORDERS, default=default, format_func=ORDERS.__getitem__
            )
        with st.container(horizontal=True, vertical_alignment="center", width="content"):
            st.markdown("Show", width="content")
            wanted = address.segments("Show", "values", matrix_order.VALUES, format_func=VALUES.__getitem__)
    by = next(each for each in matrix_order.ORDERS if each == chosen)
    shown = next(each for each in matrix_order.VALUES if each == wanted)
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        st.markdown(session.plain(confusion.finding(scored.class_names, scored.confusion)), width="content")
        st.download_button(
            "Download as CSV",
            lambda: confusion_table.csv_text(scored.class_names, scored.confusion, by=by, shown=shown),
            f"confusion-run-{scored.run_id}-{scored.split}.csv",
            "text/csv",
            icon=":material/download:",
            type="tertiary",
            on_click="ignore",
        )
    return by, shown
