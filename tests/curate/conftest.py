"""Images without pixels: rows are all that judging needs."""

import hashlib
from collections.abc import Callable, Mapping

import pytest

from peakid import decision_log
from peakid.workspace import Workspace, now


@pytest.fixture
def plant(workspace: Workspace) -> Callable[[Mapping[str, str | None]], dict[str, str]]:
    """Add images by name with the label of the folder they came from; answers digest by name."""

    def planted(labels: Mapping[str, str | None]) -> dict[str, str]:
        digests = {name: hashlib.sha256(name.encode()).hexdigest() for name in labels}
        with workspace.transaction() as connection:
            acquisition = connection.execute(
                "INSERT INTO acquisition (source, actor, started_at) VALUES ('folder', 'import:folder', ?)", (now(),)
            ).lastrowid
            step = decision_log.new_step(connection, actor="import:folder", kind="import")
            for name, label in labels.items():
                image_id = connection.execute(
                    "INSERT INTO image (digest, format, n_bytes, width_px, height_px, phash, dhash, added_at)"
                    " VALUES (?, 'JPEG', 10, 4, 3, '0000000000000000', '0000000000000000', ?)",
                    (digests[name], now()),
                ).lastrowid
                connection.execute(
                    "INSERT INTO origin (image_id, acquisition_id, source, path, label, created_at) VALUES (?, ?, 'folder', ?, ?, ?)",
                    (image_id, acquisition, f"{label}/{name}.jpg", label, now()),
                )
                if label is not None:
                    class_id = decision_log.class_id(connection, label)
                    decision_log.append(
                        connection,
                        step_id=step,
                        image_id=image_id,
                        verdict="label",
                        class_id=class_id,
                        is_reviewed=False,
                        actor="import:folder",
                    )
        return digests

    return planted
