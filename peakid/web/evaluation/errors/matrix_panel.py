"""The confusion matrix, and next to it the images of the chosen cell or the recall of each class."""

import streamlit as st

from peakid.evaluate import charts
from peakid.evaluate.errors import confusion_chart
from peakid.evaluate.report import EvaluationReport
from peakid.store.workspace import Workspace
from peakid.web import theme
from peakid.web.evaluation.errors import frequent_confusions
from peakid.web.review import confusion_cell

AXES = "Rows are given labels, columns predicted labels."


def show(workspace: Workspace, scored: EvaluationReport) -> None:
    """Draw the matrix and its images. With test-time augmentation, cells do not open.

    Queues hold the predictions without augmentation, so a cell would open other images than it counts.
    """
    # The labels of a large matrix in half the width would overlap.
    is_wide = len(scored.class_names) > charts.MANY_CLASSES
    left, right = (st.container(), st.container()) if is_wide else st.columns([5, 6], gap="medium")
    cell = None if scored.tta else confusion_cell.opened(scored.class_names)
    with left:
        _show_matrix(scored, cell)
    with right:
        if cell:
            given, predicted = (scored.class_names[i] for i in cell)
            confusion_cell.show(workspace, scored.run_id, scored.split, given, predicted)
        if is_wide:
            frequent_confusions.show(scored)
        if not cell:
            theme.plot(charts.recall_bars(scored.per_class, theme=theme.current()), key="recall")


def _show_matrix(scored: EvaluationReport, cell: tuple[int, int] | None) -> None:
    # A new key for each cell: a selection that stays in the figure would fade the numbers of all other cells.
    key = f"confusion:{scored.run_id}:{scored.split}:{cell}"
    figure = confusion_chart.draw(scored.class_names, scored.confusion, theme=theme.current())
    if cell:
        confusion_cell.outline(figure, *cell)
    if scored.tta:
        theme.plot(figure, key=f"{key}:tta")
        st.caption(f"{AXES} To review the images of a cell, switch off test-time augmentation.")
        return
    theme.plot(
        figure,
        key=key,
        on_select=lambda: confusion_cell.open_clicked(key, scored.class_names),
        selection_mode="points",
    )
    st.caption(f"{AXES} Click a cell to review its images.")
