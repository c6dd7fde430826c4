"""The labels of the images that the live head knows: all are read once, then those with new decisions."""

from dataclasses import dataclass

import numpy as np

from peakid.store.workspace import Workspace
from peakid.suggest.fitted import NO_CLASS

_COLUMNS = (
    "s.image_id, CASE WHEN s.verdict = 'label' THEN s.class_id ELSE -1 END, s.verdict <> 'exclude',"
    " s.is_reviewed"
)
_MOST_NEW = 10_000  # With more decisions since, all states are read: that is one pass.


@dataclass(frozen=True)
class Labels:
    """The labels of N images: `columns` are 0..K-1 or -1, `class_ids` has the class of each column.

    `is_present`: not excluded. `is_reviewed`: a person has given or confirmed the label.
    """

    columns: np.ndarray
    is_present: np.ndarray
    is_reviewed: np.ndarray
    class_ids: np.ndarray


class KnownLabels:
    """The state of N images as of one decision.

    Args:
        ids: Image ids, ascending.
    """

    def __init__(self, ids: np.ndarray) -> None:
        self._ids = ids
        self._decision_id = -1  # Nothing is read yet.
        self._class_ids = np.full(len(ids), NO_CLASS, dtype=np.int64)
        self._is_present = np.zeros(len(ids), dtype=bool)
        self._is_reviewed = np.zeros(len(ids), dtype=bool)

    def read(self, workspace: Workspace, decision_id: int) -> Labels:
        """Return the labels as they are now.

        Args:
            decision_id: The newest decision, read before: what is decided meanwhile is read again next time.
        """
        rows = self._rows(workspace, decision_id)
        table = np.array([tuple(row) for row in rows], dtype=np.int64).reshape(-1, 4)
        at = np.searchsorted(self._ids, table[:, 0])
        is_known = np.zeros(len(table), dtype=bool)
        inside = at < len(self._ids)
        is_known[inside] = self._ids[at[inside]] == table[inside, 0]
        at, table = at[is_known], table[is_known]
        self._class_ids[at] = table[:, 1]
        self._is_present[at] = table[:, 2] == 1
        self._is_reviewed[at] = table[:, 3] == 1
        self._decision_id = decision_id
        return self._in_use(workspace)

    def _rows(self, workspace: Workspace, decision_id: int) -> list:
        """Read the states that changed since the last time, or all of them."""
        if self._decision_id >= 0 and 0 <= decision_id - self._decision_id <= _MOST_NEW:
            return workspace.query(
                f"SELECT {_COLUMNS} FROM image_state s WHERE s.image_id IN"
                " (SELECT image_id FROM decision WHERE id > ?)",
                (self._decision_id,),
            )
        return workspace.query(f"SELECT {_COLUMNS} FROM image_state s")

    def _in_use(self, workspace: Workspace) -> Labels:
        """Return the labels without those of retired classes and of excluded images."""
        retired = [row["id"] for row in workspace.query("SELECT id FROM class WHERE is_retired = 1")]
        is_used = self._is_present & ~np.isin(self._class_ids, retired)
        given = np.where(is_used, self._class_ids, NO_CLASS)
        class_ids = np.unique(given[given != NO_CLASS])
        columns = np.where(given == NO_CLASS, NO_CLASS, np.searchsorted(class_ids, given))
        return Labels(columns, self._is_present.copy(), self._is_reviewed & self._is_present, class_ids)
