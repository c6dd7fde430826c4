"""Mark judgements of test images that were made in a queue ranked by a model."""

import sqlite3
from collections.abc import Mapping

from peakid.curate.queues import queue_plans, suggested, worth
from peakid.store.workspace import Workspace


class Marker:
    """Adds `model_ranked` to the basis of decisions about test images that a model put in front of a person.

    Test labels that were corrected where the model pointed make its own score better than it is. Reports
    therefore also give the accuracy on the unmarked images. The run behind each queue is looked up once.

    The live head ranks images before they have a split. Those are marked too: they may become test images.
    """

    def __init__(self, workspace: Workspace, connection: sqlite3.Connection) -> None:
        self._workspace = workspace
        self._connection = connection
        self._runs: dict[str, int | None] = {}  # By name of a queue.
        self._seed: int | None = None

    def basis(self, image_id: int, basis: Mapping[str, object]) -> dict[str, object]:
        """Return a decision's basis, marked if a model ranked a (possible) test image."""
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
        if row is None or not (is_own or row["is_issue"]):
            return False
        if self._seed is None:
            self._seed = suggested.seed_of_splits(self._workspace)
        return suggested.may_be_tested(self._connection, image_id, self._seed)

    def _is_chosen(self, run_id: int, image_id: int, queue: str) -> bool:
        row = self._connection.execute(
            "SELECT split, confidence, predicted_label <> given_label AS disagrees FROM prediction"
            " WHERE run_id = ? AND image_id = ?",
            (run_id, image_id),
        ).fetchone()
        if row is None or row["split"] != "test":
            return False
        # The queue "worth" also has images that no model chose: label conflicts and image issues.
        if row["disagrees"] or queue != queue_plans.WORTH:
            return True
        last = worth.last_unsure(self._workspace, run_id)
        return (row["confidence"], image_id) <= (last.value, last.image_id)
