"""The change of the recall of each class between two runs, as a figure and a table."""

import streamlit as st

from peakid.evaluate import score_text
from peakid.evaluate.comparing import chart, compare_text
from peakid.evaluate.comparing.compare import RunsCompared
from peakid.evaluate.comparing.pairs import ClassChange
from peakid.web import session, tables, theme


def show(pair: RunsCompared) -> None:
    """Draw the largest changes with their intervals, and all of them in a table."""
    if not pair.by_class:
        return
    theme.plot(chart.class_changes(pair.by_class, theme=theme.current()), key="compare:classes")
    st.caption(session.plain(compare_text.classes(pair.by_class)))
    with st.expander(f"All {len(pair.by_class):,} classes"):
        ranked = sorted(pair.by_class, key=lambda each: -abs(each.change.difference))
        tables.late([_row(each) for each in ranked], key="compare:classes")


def _row(each: ClassChange) -> dict[str, object]:
    change = each.change
    return {
        "Class": each.class_name,
        "Images": change.n_images,
        f"Run {change.a}": score_text.percent(change.accuracy_a),
        f"Run {change.b}": score_text.percent(change.accuracy_b),
        "Change": compare_text.difference(change),
        "p (corrected)": compare_text.p_value(change.p_corrected).removeprefix("p = "),
    }
