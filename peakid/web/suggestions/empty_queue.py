"""Why a queue of the live head is empty."""

from peakid.curate.queues import suggested
from peakid.embed import stored
from peakid.store.workspace import Workspace

_EMPTY = {
    suggested.LABEL_ISSUES: "The model doubts no label that is left. It looks again after every judgement.",
    suggested.SUGGESTIONS: "Every image with an embedding has a label.",
}


def sentence(workspace: Workspace, kind: str) -> str | None:
    """Return the sentence for an empty queue; None where the live head does not order it.

    Args:
        kind: The name of the queue without an option.
    """
    if kind not in _EMPTY:
        return None
    if suggested.fit_number(workspace):
        return _EMPTY[kind]
    if stored.sets(workspace):
        return "Suggestions appear here once images of two classes have labels."
    return "Suggestions appear here once the images have embeddings and two classes have labels."
