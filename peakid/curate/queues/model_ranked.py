"""Mark judgements of images that a model put in front of a person."""

import sqlite3
from collections.abc import Mapping

from peakid.curate.queues import queue_plans, suggested, worth
from peakid.store.workspace import Workspace


class Marker:
    """Adds `model_ranked` to the basis of decisions about images that a model put in front of a person.

    Labels of scored images that were corrected where a model pointed make the score of a model better than it
    is. Reports therefore say how many there are, and give the accuracy on the others. Images of every split
    are marked: with another seed, or before the first snapshot, a training image may become a scored one.
    """

    def __init__(self, workspace: Workspace, connection: sqlite3.Connection) -> None:
        self._workspace = workspace
        self._connection = connection
        self._runs: dict[str, int | None] = {}  # By name of a queue, each looked up once.

    def basis(self, image_id: int, basis: Mapping[str, object]) -> dict[str, object]:
        """Return a decision's basis, marked if a model ranked the image."""
        queue = str(basis.get("queue", ""))
        if self._is_chosen_by_head(image_id, queue):
            return {**basis, "model_ranked": True}
        if queue not in self._runs:
            self._runs[queue] = queue_plans.run_that_ranks(self._workspace, queue)
        run_id = self._runs[queue]
        if run_id is None or not self._is_chosen(run_id, image_id, queue):
            return dict(basis)
        return {**basis, "model_ranked": True}

    def _is_chosen_by_head(self, image_id: int, queue: str) -> bool:
        is_own = queue.partition(":")[0] in (suggested.LABEL_ISSUES, suggested.SUGGESTIONS)
        if not is_own and queue != queue_plans.WORTH:
            return False
        row = self._connection.execute(
            "SELECT is_issue FROM suggestion WHERE image_id = ?", (image_id,)
        ).fetchone()
        return row is not None and bool(is_own or row["is_issue"])

    def _is_chosen(self, run_id: int, image_id: int, queue: str) -> bool:
        row = self._connection.execute(
            "SELECT is_out_of_sample, confidence, predicted_label <> given_label AS disagrees FROM prediction"
            " WHERE run_id = ? AND image_id = ?",
            (run_id, image_id),
        ).fetchone()
        if row is None or queue != queue_plans.WORTH:
            return row is not None
        # The queue "worth" also has images that no model chose: label conflicts and image issues.
        if not row["is_out_of_sample"]:
            return False
        last = worth.last_unsure(self._workspace, run_id)
        return bool(row["disagrees"]) or (row["confidence"], image_id) <= (last.value, last.image_id)
