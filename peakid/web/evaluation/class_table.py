"""How well each class is recognised, as a table with bars and intervals."""

from collections.abc import Sequence
from typing import Any

import streamlit as st

from peakid.evaluate.per_class import ClassScore


def show(scores: Sequence[ClassScore]) -> None:
    """Draw a row a class; a click on a column's head sorts by it."""
    lines = [
        {
            "Class": each.class_name,
            "Images": each.support,
            "Precision": each.precision,
            "Recall": each.recall,
            "Recall, 95 %": "{:.2f}–{:.2f}".format(*each.recall_interval),
            "F1": each.f1,
        }
        for each in scores
    ]
    share: dict[str, Any] = {"min_value": 0.0, "max_value": 1.0, "format": "%.2f"}
    columns = {
        "Precision": st.column_config.ProgressColumn(
            help="Of the images predicted as it, the share that are.", **share
        ),
        "Recall": st.column_config.ProgressColumn(
            help="Of its images, the share that are recognised.", **share
        ),
        "F1": st.column_config.NumberColumn(format="%.2f", help="Harmonic mean of precision and recall."),
    }
    st.dataframe(lines, hide_index=True, column_config=columns)
