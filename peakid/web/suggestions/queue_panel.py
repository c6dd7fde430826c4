"""What stands under the chips of the queues of the live head and of their audits."""

from peakid.curate.queues import audits, suggested
from peakid.store.workspace import Workspace
from peakid.web.suggestions import accept_panel, remaining_panel


def show(workspace: Workspace, queue: str) -> None:
    """Draw the panel of a queue; nothing for another queue."""
    kind = queue.partition(":")[0]
    if kind == suggested.LABEL_ISSUES or audits.is_of_labels(queue):
        remaining_panel.show(workspace, queue)
    elif kind == suggested.SUGGESTIONS:
        accept_panel.show(workspace, queue)
    elif audits.audited_step(queue) is not None:
        accept_panel.show_audit(workspace, queue)
