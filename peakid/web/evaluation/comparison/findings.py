"""What a comparison found: accuracies, differences with intervals, and how many images would settle it."""

import streamlit as st

from peakid.evaluate import score_text
from peakid.evaluate.comparing import chart, compare_text
from peakid.evaluate.comparing.compare import RunsCompared
from peakid.evaluate.comparing.needed import Needed
from peakid.evaluate.comparing.pairs import Difference
from peakid.web import session, tables, theme, words

MOST_LINES = 3  # Pairs that are sentences; more are a table.


def show(found: RunsCompared) -> None:
    """Draw the accuracy of each run and the difference of each pair, then what the figures rest on."""
    if len(found.run_ids) == 2:
        _show_pair(found)
    else:
        _show_several(found)
    scored = compare_text.images(found.n_common, found.split)
    those = "both runs" if len(found.run_ids) == 2 else "all of these runs"
    notes = [
        f"On the {scored} that {those} scored, with the newest labels.",
        compare_text.left_out(found),
        compare_text.duplicates(found),
    ]
    st.caption(session.plain(" ".join(each for each in notes if each)))
    if found.warnings:
        st.warning("  \n".join(map(session.plain, found.warnings)), icon=":material/warning:")


def finding(found: Difference, missing: Needed | None, split: str) -> str:
    """Say, as Markdown, which run is better and whether that is significant (McNemar's test)."""
    text = f"{compare_text.only(found).capitalize()}: **{compare_text.finding(found)}**."
    if missing is None:
        return text
    rest = f"{compare_text.unsettled(missing, split)} {compare_text.exact_decides(found)}".strip()
    return f"{text} {session.plain(rest)}"


def _show_pair(found: RunsCompared) -> None:
    cells = st.container(horizontal=True, gap="medium")
    for each in found.accuracies:
        value = score_text.score(each.accuracy, each.interval)
        cells.metric(f"Run {each.run_id}", value, help="Accuracy with its 95 % interval.", width="content")
    pair = found.differences[0]
    tip = "Accuracy of the second run minus that of the first, with its 95 % interval."
    cells.metric("Difference", compare_text.difference(pair), help=tip, width="content")
    st.markdown(finding(pair, found.needed[0], found.split))


def _show_several(found: RunsCompared) -> None:
    theme.plot(chart.accuracies(found.accuracies, theme=theme.current()), key="compare:accuracies")
    st.markdown(session.plain(compare_text.overall(found)))
    tables.wrapped([_row(each) for each in found.differences])


def _row(found: Difference) -> dict[str, object]:
    return {
        "Runs": f"Run {found.b} minus run {found.a}",
        "Difference": compare_text.difference(found),
        "Won": words.n_of(found.n_only_b, "image"),
        "Lost": words.n_of(found.n_only_a, "image"),
        "p (corrected)": compare_text.p_value(found.p_corrected).removeprefix("p = "),
        "Finding": compare_text.finding(found).partition(" (")[0].capitalize(),
    }
