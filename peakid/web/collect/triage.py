"""What of the collected images needs a look: each kind with its number and the page that settles it."""

from dataclasses import dataclass

import streamlit as st

from peakid.curate import image_issues, waiting
from peakid.curate.queues import review_queue, search_plans
from peakid.store.workspace import Workspace
from peakid.web import navigation

N_ISSUES = 3  # Kinds of image issues, the most frequent ones.
MOST = 1000  # Counted up to here: this is drawn every second while photos arrive.


@dataclass(frozen=True)
class Triage:
    """`what` names a kind of images as it follows a number; `queue` is '' for a page without queues."""

    what: str
    n: int
    is_more: bool
    page: str
    queue: str = ""
    icon: str = ""


def found(workspace: Workspace) -> list[Triage]:
    """Return the kinds of which there are some, copies first: settling those leaves fewer to look at."""
    copies = waiting.duplicates(workspace)
    issues = sorted(image_issues.counts(workspace).items(), key=lambda each: -each[1])[:N_ISSUES]
    of_queues = [
        _of_queue(workspace, what, queue, icon)
        for what, queue, icon in (
            ("with several classes", "conflicts", ":material/call_split:"),
            ("unlike their class", search_plans.outlier_queue(), ":material/psychology_alt:"),
            ("irrelevant", search_plans.IRRELEVANT, ":material/block:"),
        )
    ]
    kinds = [
        Triage("groups of copies", copies.n, copies.is_more, "duplicates", "", ":material/filter_none:"),
        *(
            Triage(image_issues.title(kind), n, False, "review", f"issue:{kind}", ":material/broken_image:")
            for kind, n in issues
        ),
        *of_queues,
    ]
    return [each for each in kinds if each.n]


def show(workspace: Workspace, *, key: str) -> None:
    """Draw a button for each kind.

    Args:
        key: Distinguishes these buttons from the same ones elsewhere on the page.
    """
    kinds = found(workspace)
    if not kinds:
        return
    st.caption("To look at now or later; what you exclude is not trained on.")
    with st.container(horizontal=True):
        for each in kinds:
            more = "+" if each.is_more else ""
            if st.button(f"{each.n:,}{more} {each.what}", key=f"{key}:{each.what}", icon=each.icon):
                navigation.go(each.page, **({"queue": each.queue} if each.queue else {}))


def _of_queue(workspace: Workspace, what: str, queue: str, icon: str) -> Triage:
    counted = review_queue.count_up_to(workspace, queue, most=MOST)
    return Triage(what, counted.n, counted.is_more, "review", queue, icon)
