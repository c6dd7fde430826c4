"""Classes that the model cannot tell apart, the score if they were one class, and a link to merge them."""

import streamlit as st

from peakid.curate import classes
from peakid.evaluate import score_text
from peakid.evaluate.errors import mergeable
from peakid.evaluate.errors.mergeable import MergeProposal
from peakid.web import choices, navigation, session, words
from peakid.web.evaluation.view import EvaluationView

_OPENED = "merge:opened"  # Session state, until the next run: pages cannot be switched in a callback.
N_SHOWN = 3  # Groups; the others are folded.
MOST_NAMED = 4  # Confusions of one group.
MOST_BUTTONS = 3  # Classes of one group; of more, one is chosen first.
CHOICE_PX = 300
TIP = (
    "Two classes are listed if at least a tenth of their images are taken for the other one, and that is "
    "more than errors spread by chance would give: a test at 5 % for all pairs of classes together."
)


def show(view: EvaluationView) -> None:
    """Draw each group with its preview. Nothing is merged here."""
    if query := st.session_state.pop(_OPENED, None):
        navigation.go("classes", **query)
    if len(view.scored.class_names) <= mergeable.FEWEST_CLASSES:
        return
    st.header("Classes it cannot tell apart", help=TIP)
    figures = view.figures
    found = mergeable.of_figures(figures)
    if not found:
        st.caption(mergeable.NOTHING)
        return
    st.caption(
        "Merging always raises the accuracy. Merge only if you do not need the difference; a new training "
        "then shows the real score."
    )
    for n, each in enumerate(found[:N_SHOWN]):
        _show_proposal(view, each, n)
    if rest := found[N_SHOWN:]:
        with st.expander(words.n_of(len(rest), "more group")):
            for n, each in enumerate(rest, N_SHOWN):
                _show_proposal(view, each, n)


def _show_proposal(view: EvaluationView, each: MergeProposal, n: int) -> None:
    counts = zip(each.class_names, each.n_given, strict=True)
    lines = [
        f"**{session.plain(each.sentence)}.**",
        f"Accuracy {each.before} as it is, **{each.after}** with one class for them "
        f"({score_text.difference(each.accuracy_after - each.accuracy_before)}).",
        session.plain(f"Images here: {', '.join(f'{name} {n_images:,}' for name, n_images in counts)}."),
        session.plain(f"Errors that vanish: {vanishing(each)}."),
    ]
    st.markdown("  \n".join(lines))
    _show_buttons(view, each, n)


def vanishing(each: MergeProposal) -> str:
    """Return the confusions that vanish, the most frequent ones by name."""
    named = [f"{c.given_label} taken for {c.predicted_label} {c.n:,}" for c in each.confusions[:MOST_NAMED]]
    rest = sum(c.n for c in each.confusions[MOST_NAMED:])
    return ", ".join([*named, *([f"{rest:,} others"] if rest else [])])


def _show_buttons(view: EvaluationView, each: MergeProposal, n: int) -> None:
    """Offer the merge of each class into the largest one, as they are named now."""
    current = classes.current_names(view.workspace)
    into, *others = (current.get(name) for name in each.class_names)
    names = [name for name in dict.fromkeys(others) if name and name != into]
    if not into or not names:
        st.caption("They are one class by now. Train again to see its score.")
        return
    with st.container(horizontal=True, vertical_alignment="bottom"):
        if len(names) > MOST_BUTTONS:
            names = [_chosen(names, into, n)]
        for name in names:
            st.button(
                f"Preview the merge of {session.plain(name)} into {session.plain(into)}",
                key=f"merge:{n}:{name}",
                icon=":material/call_merge:",
                on_click=_open,
                args=(name, into),
            )


def _chosen(names: list[str], into: str, n: int) -> str:
    """Ask which class of a large group to merge: its buttons would fill the page."""
    choices.keep(f"merge-class:{n}", names, words.shown, default=names[0])
    return st.selectbox(
        f"Class to merge into {session.plain(into)}",
        names,
        format_func=words.shown,
        key=f"merge-class:{n}",
        width=CHOICE_PX,
    )


def _open(class_name: str, into: str) -> None:
    st.session_state[_OPENED] = {"class": class_name, "into": into}
