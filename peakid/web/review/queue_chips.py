"""The queues of the review page with their counts: the fullest as chips, the others under "More queues"."""

from collections.abc import Sequence

import streamlit as st

from peakid.clean_text import whole_number
from peakid.curate import image_issues
from peakid.curate.queues import (
    audits,
    compared_runs,
    pace,
    review_queue,
    run_errors,
    search_plans,
    suggested,
)
from peakid.curate.queues.review_queue import QueueCount
from peakid.curate.queues.run_errors import unquoted
from peakid.embed import similar
from peakid.store.workspace import Workspace
from peakid.web import address, navigation, session, words
from peakid.web.gallery import loaded_page

_LONGEST_NAME = 20  # Characters of a file name on a chip.
N_CHIPS = 5  # More would push the images down.
_KEY = "queue"
_CLASS = "queue:class"
_ALWAYS = ("recent", "sample", "all")  # Always under "More queues", without a count.
_NAMES = {
    "worth": "Worth your time",
    "conflicts": "Conflicting labels",
    "model-disagrees": "Model disagrees",
    "uncertain": "Model is unsure",
    "label-issues": "Label issues",
    "suggestions": "Suggested labels",
    "recent": "Recently decided",
    "sample": "Random sample",
    "all": "All images",
    "similar": "Similar images",
    "outliers": "Outliers",
    "alone": "Looks like nothing here",
    "irrelevant": "Irrelevant",
}


def show(workspace: Workspace, current: str) -> list[QueueCount]:
    """Draw the chips with the `current` queue chosen; a click on another opens it.

    Returns:
        The queues that are not chips, for `show_more`.
    """
    found = {each.queue: each for each in review_queue.offered(workspace)}
    if current not in found:
        found[current] = review_queue.count_up_to(workspace, current, most=review_queue.MOST_ON_A_CHIP)
    n_others = N_CHIPS - (current != review_queue.WORTH)
    fullest = [queue for queue in found if queue not in (review_queue.WORTH, current)][:n_others]
    shown = [queue for queue in found if queue in (review_queue.WORTH, current) or queue in fullest]
    titles = {queue: _title(workspace, each) for queue, each in found.items()}
    st.session_state[_KEY] = current  # The address decides.
    st.pills(
        "Queue",
        shown,
        format_func=lambda queue: words.chosen(titles[queue], queue == current),
        required=True,
        key=_KEY,
        label_visibility="collapsed",
        on_change=_open_chip,
    )
    return [each for queue, each in found.items() if queue not in shown]


def show_more(workspace: Workspace, folded: Sequence[QueueCount], current: str) -> None:
    """Draw the button that opens the list of the other queues."""
    tip = f"A number on a queue counts the images in it now. {navigation.meanings()}"
    with st.popover("More queues", icon=":material/more_horiz:", width="content", help=tip):
        for each in folded:
            st.button(
                _title(workspace, each),
                key=f"to:{each.queue}",
                type="tertiary",
                on_click=_go,
                args=(each.queue,),
            )
        every_issue = [suggested.EVERY_ISSUE] if suggested.fit_number(workspace) else []
        for queue in (*_ALWAYS, *every_issue):
            if queue != current:
                st.button(name(queue), key=f"to:{queue}", type="tertiary", on_click=_go, args=(queue,))
        counts = {each.queue: each.n for each in review_queue.by_class(workspace)}
        if counts:
            st.session_state[_CLASS] = current if current in counts else None
            st.selectbox(
                "One class",
                list(counts),
                format_func=lambda queue: f"{words.shown(queue.partition(':')[2])} {counts[queue]:,}",
                placeholder="Choose a class",
                key=_CLASS,
                on_change=_open_class,
            )


def requested(workspace: Workspace) -> str:
    """Return the queue in the address; the first one that is offered where there is none or no such queue.

    The page stays on this queue when its last image is judged, because it is written to the address.
    """
    given = address.text("queue")
    if given is not None and review_queue.exists(workspace, given):
        return given
    first = review_queue.first_offered(workspace)
    if given is not None:  # Left in the address, so that the sentence stays until another queue is chosen.
        address.ignore("queue", "there is no such queue")
    else:
        address.write(queue=first)
    return first


def name(queue: str) -> str:
    """Return the title of a queue, escaped for Markdown."""
    return session.plain(title(queue))


def title(queue: str) -> str:
    """Return the title of a queue as plain text."""
    kind, _, rest = queue.partition(":")
    if kind == "confusion" and rest.count(":") == 3:
        run_id, split, *labels = rest.split(":")
        given, predicted = (unquoted(label) for label in labels)
        return f"{given} taken for {predicted} (Run {run_id}, {split})"
    if named := run_errors.run_of(queue):
        return f"Errors of Run {named[0]} ({named[1]})"
    if kind == compared_runs.WON and rest.count(":") == 2:
        wrong, right, split = rest.split(":")
        return f"Only Run {right} is right, not Run {wrong} ({split})"
    if queue == suggested.MOST_USEFUL:
        return "Most useful to label"
    if queue == suggested.EVERY_ISSUE:
        return "Label issues, confirmed ones too"
    if kind == "selection":
        return f"Selection {rest}"
    if kind == "image":
        return "One image"
    if kind == "issue":
        return image_issues.title(rest).capitalize()
    if kind == audits.AUDIT:
        return "Audit of labels" if audits.is_of_labels(queue) else f"Audit of step {rest}"
    if kind == search_plans.OUTLIERS and rest:
        return f"Outliers of {rest}"
    return rest if kind == "class" else _NAMES.get(kind, queue.capitalize())


def class_order(queue: str, class_names: Sequence[str]) -> list[str]:
    """Return the classes in the order of their keys in a queue.

    In a cell of a confusion matrix, the given and the predicted class come first: its images are mostly
    one of them.
    """
    kind, _, rest = queue.partition(":")
    labels = [unquoted(label) for label in rest.split(":")[2:]] if kind == "confusion" else []
    first = [label for label in dict.fromkeys(labels) if label in class_names]
    return [*first, *(name for name in class_names if name not in first)]


def next_sample(queue: str) -> str:
    """Return the queue of the random sample after `queue`: `sample:2` after `sample:1` or `sample`."""
    _, _, seed = queue.partition(":")
    return f"sample:{(whole_number(seed) or 0) + 1}"


def _title(workspace: Workspace, each: QueueCount) -> str:
    """Return the title of a chip: `Dark 12`, or `Dark 1,000+` where counting stopped."""
    kind, _, rest = each.queue.partition(":")
    shown = name(each.queue)
    if kind == search_plans.SIMILAR:
        shown = f"Similar to {session.plain(_short(similar.name(workspace, rest)))}"
    counted = f"{shown} {each.n:,}{'+' if each.is_more else ''}"
    if each.queue != review_queue.WORTH or not each.n:
        return counted
    minutes = pace.minutes(each.n, pace.seconds_an_image(workspace, actor=session.actor()))
    return f"{counted} · {'over' if each.is_more else 'about'} {minutes} min"


def _short(file_name: str) -> str:
    """Return a file name that fits on a chip; the end tells photos of one series apart."""
    return file_name if len(file_name) <= _LONGEST_NAME else f"{file_name[:9]}…{file_name[-10:]}"


def _open_chip() -> None:
    _go(st.session_state[_KEY])


def _open_class() -> None:
    if st.session_state[_CLASS]:
        _go(st.session_state[_CLASS])


def _go(queue: str) -> None:
    """Open another queue at its start. Filters stay: they are what a person is interested in."""
    address.write(queue=queue, after=None)
    loaded_page.forget(queue)
