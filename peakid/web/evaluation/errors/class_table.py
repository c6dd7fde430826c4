"""Precision, recall and F1 of each class, as a table with bars and intervals."""

from collections.abc import Sequence

import streamlit as st
from streamlit.elements.lib.column_types import ColumnConfig

from peakid.evaluate import score_text
from peakid.evaluate.errors.per_class import ClassScore
from peakid.web import tables

FORMAT = "%.0f %%"


def show(scores: Sequence[ClassScore]) -> None:
    """Draw one row per class; clicking a column's heading sorts by it."""
    lines = [
        {
            "Class": each.class_name,
            "Images": each.support,
            "Precision": 100 * each.precision,
            "Recall": 100 * each.recall,
            "Recall (95 % interval)": score_text.score(each.recall, each.recall_interval, each.support),
            "F1": 100 * each.f1,
        }
        for each in scores
    ]
    columns = {
        "Precision": _bar("Share of the images predicted as this class that belong to it: 100 % is best."),
        "Recall": _bar("Share of this class's images that are predicted correctly: 100 % is best."),
        "F1": st.column_config.NumberColumn(format=FORMAT, help="Harmonic mean of precision and recall."),
    }
    tables.show(lines, column_config=columns)


def _bar(tip: str) -> ColumnConfig:
    return st.column_config.ProgressColumn(help=tip, min_value=0, max_value=100, format=FORMAT)
