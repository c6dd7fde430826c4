"""Which judgements of test images were made where a model had chosen what to look at: they are marked for ever."""

import sqlite3
from collections.abc import Mapping
from typing import Any

from peakid.curate.queues import queue_plans
from peakid.store.workspace import Workspace


def marked(
    workspace: Workspace, connection: sqlite3.Connection, image_id: int, basis: Mapping[str, Any]
) -> dict[str, Any]:
    """Add `model_ranked` to the basis of a decision where the image is of the test split of the run that chose it.

    Labels of test that were corrected where the model looked make its own score better than it is: reports give the
    accuracy on the unmarked images, too.
    """
    run_id = queue_plans.run_that_ranks(workspace, str(basis.get("queue", "")))
    if run_id is None:
        return dict(basis)
    sql = "SELECT split, predicted_label <> given_label AS disagrees FROM prediction WHERE run_id = ? AND image_id = ?"
    row = connection.execute(sql, (run_id, image_id)).fetchone()
    is_of_test = row is not None and row["split"] == "test"
    is_by_model = is_of_test and (
        bool(row["disagrees"]) or basis["queue"] != queue_plans.WORTH
    )  # The rest of "worth" is not.
    return {**basis, "model_ranked": True} if is_by_model else dict(basis)
