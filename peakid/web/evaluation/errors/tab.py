"""The tab Errors: the confusion matrix, the images of a cell, and the scores of each class."""

import streamlit as st

from peakid.web.evaluation.errors import class_table, matrix_panel
from peakid.web.evaluation.view import EvaluationView


def show(view: EvaluationView) -> None:
    """Draw the matrix, then the table of the classes."""
    matrix_panel.show(view.workspace, view.scored)
    st.header("Classes")
    class_table.show(view.scored.per_class)
