"""The tab Errors: the confusion matrix, the images to judge, classes that are confused, and each class."""

import streamlit as st

from peakid.web.evaluation.errors import (
    class_table,
    error_images,
    frequent_confusions,
    matrix_panel,
    merge_panel,
)
from peakid.web.evaluation.heat import panel as heat_panel
from peakid.web.evaluation.view import EvaluationView


def show(view: EvaluationView) -> None:
    """Draw the matrix with its most frequent confusions, then the errors, the classes and the heat maps."""
    matrix_panel.show(view)
    frequent_confusions.show(view.scored)
    with st.container(key="errors-images"):  # The matrix scrolls to it when a cell is opened.
        error_images.show(view)
    merge_panel.show(view)
    class_table.show(view)
    heat_panel.show(view)
