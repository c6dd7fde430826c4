"""A finished run with chosen predictions."""

import pytest


@pytest.fixture
def add_run(workspace):
    """Add a finished run: `add_run(digests, ("a", "valid", "dom", "eiger", 0.9), ...)` by image name."""

    def added(digests, *predictions, state="done"):
        with workspace.transaction() as connection:
            connection.execute(
                "INSERT INTO snapshot (digest, name, seed, fractions, class_names, n_images, n_groups,"
                " n_leaks, n_unreviewed, actor, created_at, frozen_at)"
                " VALUES (?, 's', 0, '{}', '[]', 2, 2, 0, 2, 'x', 'now', 'now') ON CONFLICT DO NOTHING",
                ("0" * 64,),
            )
            run_id = connection.execute(
                "INSERT INTO run (snapshot_id, state, recipe, class_names, seed, code_version,"
                " libraries, created_at)"
                " VALUES (1, ?, '{}', '[]', 0, '', '{}', 'now')",
                (state,),
            ).lastrowid
            for name, split, given, predicted, confidence in predictions:
                image_id = connection.execute(
                    "SELECT id FROM image WHERE digest = ?", (digests[name],)
                ).fetchone()[0]
                row = (run_id, image_id, split, given, predicted, confidence, split != "train")
                connection.execute("INSERT INTO prediction VALUES (?, ?, ?, ?, ?, ?, ?)", row)
        return run_id

    return added
