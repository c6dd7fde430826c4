"""Prediction sets: which classes an image may have, at a level that holds in each class."""

from collections.abc import Mapping, Sequence

import streamlit as st
from streamlit.elements.lib.column_types import ColumnConfig

from peakid.evaluate import score_text
from peakid.evaluate.trust import trust_charts, trust_report, trust_text
from peakid.evaluate.trust.conformal import ClassCoverage, ConformalSets
from peakid.printable import class_list
from peakid.web import session, tables, theme
from peakid.web.evaluation.view import EvaluationView

MOST_ROWS = 12  # A longer table scrolls.
TABLE_PX = 460
LONG_CHARS, NAME_PX = 18, 120


def show(view: EvaluationView, sets: Sequence[ConformalSets]) -> None:
    """Draw the coverage and size of the sets for each class, with a slider for the level."""
    if not sets:
        st.caption("Prediction sets need the probabilities of all classes, and other images to fit them on.")
        return
    _draw(view, {each.level: each for each in sets})


@st.fragment
def _draw(view: EvaluationView, by_level: Mapping[float, ConformalSets]) -> None:
    level = st.select_slider(
        "Level: how often a set contains the right class",
        list(by_level),
        value=trust_report.LEVEL,
        format_func=score_text.percent,
        key=f"trust:level:{view.run.run_id}",
    )
    sets = by_level[level]
    st.markdown(session.plain(trust_text.sets(sets)))
    if not any(each.is_limited for each in sets.classes):
        return
    left, right = st.columns([3, 2], gap="large")
    with left:
        height = "content" if len(sets.classes) <= MOST_ROWS else TABLE_PX
        rows = [_row(each) for each in sets.classes]
        tables.late(rows, key="trust:sets", height=height, column_config=_widths(sets))
        _show_always(sets)
    with right:
        theme.plot(trust_charts.set_sizes(sets, theme=theme.current()), key="set-sizes")


def _show_always(sets: ConformalSets) -> None:
    """Name the classes that every set has, whatever the model says."""
    names = [each.class_name for each in sets.classes if not each.is_limited]
    if names:
        verb = "is" if len(names) == 1 else "are"
        st.caption(
            f"{session.plain(class_list(names))} {verb} in every set: {sets.n_needed} images to fit on"
            " would be needed."
        )


def _widths(sets: ConformalSets) -> dict[str, ColumnConfig]:
    """Limit the column of long names: beside the chart, it would push the last one out of sight."""
    longest = max(len(each.class_name) for each in sets.classes)
    return {"Class": st.column_config.TextColumn(width=NAME_PX)} if longest > LONG_CHARS else {}


def _row(each: ClassCoverage) -> dict[str, object]:
    return {
        "Class": each.class_name,
        "Sets with the class": score_text.score(each.coverage, each.interval, each.n_images),
        "Mean size": "-" if each.mean_size is None else f"{each.mean_size:.1f}",
        "Fitted on": each.n_calibration,
    }
