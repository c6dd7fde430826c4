"""The scores of a run with their intervals, and how well its confidence agrees with its accuracy."""

import streamlit as st

from peakid.evaluate.trust import trust_charts, trust_text
from peakid.evaluate.trust.trust_report import TrustReport
from peakid.web import session, tables, theme, words

INTERVAL_TIP = (
    "Wilson: of independent images. By groups: near duplicates count once, as often as they agree. "
    "Linearised: for a mean over classes. Bootstrap: groups are drawn again with replacement."
)


def show(found: TrustReport) -> None:
    """Draw one row for each score, and what they mean."""
    rows = [
        {
            "Score": trust_text.TITLES[each.name],
            "Value": trust_text.value(each),
            "95 % interval": trust_text.interval(each),
            "Images": f"{each.n_images:,}",
            "Interval by": trust_text.METHODS[each.method],
        }
        for each in found.scores
    ]
    tables.wrapped(rows, numbers=("Value", "95 % interval", "Images"), tips={"Interval by": INTERVAL_TIP})
    with st.expander("What the scores mean"):
        for each in found.scores:
            title, tip = trust_text.TITLES[each.name], trust_text.TIPS[each.name]
            st.markdown(f"**{title}**: {tip}")
        st.markdown(f"**Interval by**: {INTERVAL_TIP}")
    if found.n_groups < found.n_images:
        groups = words.n_of(found.n_groups, "group")
        st.caption(
            f"{words.n_of(found.n_images, 'image')} in {groups} of near duplicates: a group is one photo to"
            " the intervals, as far as its images agree."
        )


def show_calibration(found: TrustReport) -> None:
    """Draw the reliability diagram, and what a temperature would change."""
    st.header("Calibration")
    theme.plot(trust_charts.reliability(found, theme=theme.current()), key="reliability")
    st.caption(
        "Each point is a bin of images with its 95 % interval; larger points have more images. On the dotted "
        "line, confidence and accuracy agree; below it the model is too sure."
    )
    if found.temperature and not found.temperature.is_at_limit:  # Else a note says so.
        st.markdown(session.plain(trust_text.temperature(found.temperature)))
