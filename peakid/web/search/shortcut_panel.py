"""Test on the page of the classes whether plain properties of the images predict their class."""

import streamlit as st

from peakid.evaluate import score_text
from peakid.store import status
from peakid.store.workspace import Workspace
from peakid.suggest import shortcut_check
from peakid.suggest.shortcut_check import Checked, Finding
from peakid.web import tables, words

_CHECKED = "shortcuts"  # Session state: (what it was computed from, Checked).


def show(workspace: Workspace) -> None:
    """Draw the button, and what the last test of this session found."""
    st.header("Shortcuts")
    st.caption(
        "If the source, size or brightness of a photo tells its class, a model can learn that instead of the "
        "subject, and fails on other photos."
    )
    key = (str(workspace.path), status.read(workspace).n_decisions)
    if st.button("Test plain properties", icon=":material/troubleshoot:", key="test shortcuts"):
        with st.spinner("Testing"):
            st.session_state[_CHECKED] = key, shortcut_check.check(workspace)
    before, checked = st.session_state.get(_CHECKED, (None, None))
    if checked is None or before[0] != key[0]:
        return
    if before != key:
        st.caption("Labels have changed since this test.")
    _show_findings(checked)


def _show_findings(checked: Checked) -> None:
    if not checked.findings:
        st.info("Too few images have a label, or there is only one class: nothing was tested.")
        return
    for each in checked.found:
        st.warning(words.plain(each.text), icon=":material/warning:")
    if not checked.found:
        n = len(checked.findings)
        st.success(f"None of {n} properties tells the class of {words.n_of(checked.n_images, 'image')}.")
    with st.expander("All tested properties"):
        tables.show([_line(each) for each in checked.findings], height="content")
        st.caption(
            "Accuracy of guessing the class from the property alone, cross-validated, with 95 % interval. "
            "Near duplicates count once. The p-value is corrected for the number of properties."
        )


def _line(finding: Finding) -> dict[str, str]:
    each = finding.shortcut
    low, high = (score_text.percent(bound) for bound in each.interval)
    return {
        "Property": each.title,
        "Tells the class": "yes" if each.is_shortcut else "no",
        "Accuracy": f"{score_text.percent(each.accuracy)} ({low} to {high})",
        "Most frequent class": score_text.percent(each.majority),
        "p-value": f"{each.p_value:.3f}",
    }
