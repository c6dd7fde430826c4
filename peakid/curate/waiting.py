"""What waits for a person: the numbers in the navigation and in `peakid status`."""

from peakid.curate.duplicates import duplicate_groups, proposed_groups
from peakid.curate.queues import review_queue
from peakid.curate.queues.review_queue import QueueCount
from peakid.store.workspace import Workspace


def worth(workspace: Workspace) -> QueueCount:
    """Count the images in the queue "worth your time", as far as its chip does."""
    return review_queue.count_up_to(workspace, review_queue.WORTH, most=review_queue.MOST_ON_A_CHIP)


def duplicates(workspace: Workspace) -> QueueCount:
    """Count the groups of duplicates that are not settled, each once, with those that a model proposes."""
    n_found, n_proposed = duplicate_groups.n_waiting(workspace), proposed_groups.n_waiting(workspace)
    return QueueCount("duplicates", n_found + n_proposed)
