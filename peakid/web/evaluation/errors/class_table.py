"""Precision, recall and F1 of each class as a table with bars, and as bars with intervals."""

from collections.abc import Sequence

import streamlit as st
from streamlit.elements.lib.column_types import ColumnConfig

from peakid import printable
from peakid.evaluate import score_text
from peakid.evaluate.errors import per_class, recall_rows
from peakid.evaluate.errors.per_class import ClassScore
from peakid.web import session, tables, theme
from peakid.web.evaluation.view import EvaluationView

FORMAT = "%s %%"
COUNT_PX, BAR_PX = 52, 112  # All columns fit a tablet.
MOST_BARS = 30  # Classes with a bar each; the table has all.


def show(view: EvaluationView) -> None:
    """Draw the classes that are predicted too often, one row per class, and the lowest recalls."""
    st.header("Classes")
    names, scores = view.scored.class_names, view.scored.per_class
    found = per_class.often_predicted(view.figures.one_per_group, names)
    if found:
        st.markdown("  \n".join(session.plain(each.sentence(scores)) for each in found))
    _show_table(scores)
    lowest = recall_rows.ranked(scores)[:MOST_BARS]
    st.markdown(session.plain(recall_rows.finding(scores)))
    st.html(recall_rows.html(lowest, theme=theme.current()))
    if len(lowest) < len(scores):
        st.caption(f"The {MOST_BARS} lowest of {len(scores)} classes.")


def interval(bounds: tuple[float, float], n_images: int) -> str:
    """Return a 95 % interval as `27-73 %`; `-` without images."""
    return score_text.span(bounds) if n_images else "-"


def percent(share: float) -> float:
    """Return a share in 0..1 in percent, as rounded by `printable.percent`: a column has one format."""
    return float(printable.percent_number(share))


def _show_table(scores: Sequence[ClassScore]) -> None:
    """Draw the table; clicking a column's heading sorts by it."""
    lines = [
        {
            "Class": each.class_name,
            "Given": each.support,
            "Predicted": each.n_predicted,
            "Recall": percent(each.recall),
            "Recall (95 %)": interval(each.recall_interval, each.support),
            "Precision": percent(each.precision),
            "Precision (95 %)": interval(each.precision_interval, each.n_predicted),
            "F1": percent(each.f1),
        }
        for each in scores
    ]
    columns = {
        "Given": st.column_config.NumberColumn(width=COUNT_PX, help="Images with this label."),
        "Predicted": st.column_config.NumberColumn(help="Images that are predicted as this class."),
        "Recall": _bar("Share of this class's images that are predicted correctly: 100 % is best."),
        "Precision": _bar("Share of the images predicted as this class that belong to it: 100 % is best."),
        "Recall (95 %)": st.column_config.TextColumn(help="95 % interval of the recall, of those given."),
        "Precision (95 %)": st.column_config.TextColumn(
            help="95 % interval of the precision, of those predicted."
        ),
        "F1": st.column_config.NumberColumn(
            width=COUNT_PX, format=FORMAT, help="Harmonic mean of precision and recall."
        ),
    }
    tables.late(lines, key="errors:classes", column_config=columns)


def _bar(tip: str) -> ColumnConfig:
    return st.column_config.ProgressColumn(width=BAR_PX, help=tip, min_value=0, max_value=100, format=FORMAT)
