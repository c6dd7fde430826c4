"""The images of each class. Many classes scroll in a box of their own, those with the fewest images first."""

from collections.abc import Sequence

import streamlit as st

from peakid.evaluate import overview_charts
from peakid.records import ClassRow
from peakid.web import session, theme

MAX_WHOLE = 10  # More classes are drawn in a box.
MAX_DRAWN = 100  # Bars; the page of the classes has all.
BOX_PX = 300


def show(rows: Sequence[ClassRow]) -> None:
    """Draw the finding, then a bar for each class that is not retired."""
    st.header(session.plain(overview_charts.balance_finding(rows)), anchor=False)
    shown = overview_charts.active(rows, "fewest")
    if not shown:
        return
    if len(shown) <= MAX_WHOLE:
        _plot(rows, "keys")
        return
    only = f" {MAX_DRAWN} of {len(shown):,} classes." if len(shown) > MAX_DRAWN else ""
    st.caption(f"The classes with the fewest images first.{only}")
    with st.container(height=BOX_PX, border=True, key="class-balance"):
        _plot(shown[:MAX_DRAWN], "fewest")


def _plot(rows: Sequence[ClassRow], order: overview_charts.BalanceOrder) -> None:
    figure = overview_charts.class_balance(rows, order, theme=theme.current())
    theme.plot(figure, key="balance", label=overview_charts.balance_finding(rows))
