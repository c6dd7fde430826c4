"""A workspace is created once, migrated after a backup, and written in transactions."""

import shutil
import sqlite3
import subprocess
import sys

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from peakid.errors import NoWorkspace, ResourceMissing, WorkspaceNotWritable, WorkspaceTooNew
from peakid.remedies import action
from peakid.store import decision_log
from peakid.store import workspace as workspaces


@pytest.mark.slow
def test_eight_processes_can_create_one_workspace_at_once(tmp_path):
    code = "import sys; from pathlib import Path; from peakid.store import workspace;"
    code += "workspace.create(Path(sys.argv[1])); print('opened')"
    command = [sys.executable, "-c", code, str(tmp_path / "w")]
    processes = [
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(8)
    ]
    outputs = [process.communicate(timeout=120) for process in processes]
    assert outputs == [("opened\n", "")] * 8
    opened = workspaces.open_existing(tmp_path / "w")
    names = [row["name"] for row in opened.query("SELECT name FROM _sqlite_migrations")]
    assert names == [step.name for step in workspaces.migrations()._migrations]


def test_an_older_workspace_is_backed_up_and_migrated(tmp_path, plant, workspace, monkeypatch):
    plant({"a": "dom"})
    workspace.close()
    with_a_second_migration(tmp_path, monkeypatch)
    opened = workspaces.open_existing(workspace.path)
    assert opened.query("SELECT mood FROM image")[0]["mood"] == "unknown"
    backups = list((workspace.path / "backups").iterdir())
    assert len(backups) == 1
    assert backups[0].name.startswith("peakid-before-0002_mood-")
    copy = sqlite3.connect(backups[0])
    assert copy.execute("SELECT COUNT(*) FROM image").fetchone() == (1,)
    with pytest.raises(sqlite3.OperationalError, match="no such column: mood"):
        copy.execute("SELECT mood FROM image")
    copy.close()
    opened.close()
    workspaces.open_existing(workspace.path)  # Nothing to migrate, so no second backup.
    assert len(list((workspace.path / "backups").iterdir())) == 1


def test_an_older_workspace_gets_formats_and_dates_as_they_are_read_today(tmp_path, monkeypatch):
    folder = tmp_path / "older"
    folder.mkdir()
    for file in workspaces.MIGRATIONS_DIR.glob("*.sql"):
        if file.name < "0015":
            shutil.copy(file, folder)
    monkeypatch.setattr(workspaces, "MIGRATIONS_DIR", folder)
    older = workspaces.create(tmp_path / "w")
    dates = {"2024-07-31T17:05:59": True, "2016-13-45T99:99:99": False, "2016-02-30T10:00:00": False}
    dates |= {"2000-01-01T00:10:00": False, "2999-01-01T00:00:00": False, "1965-08-11T10:00:00": True}
    with older.transaction() as connection:
        for n, date in enumerate(dates):
            connection.execute(
                "INSERT INTO image (digest, format, n_bytes, width_px, height_px, phash, dhash, added_at,"
                " pixel_digest) VALUES (?1, ?2, 1, 1, 1, ?3, ?3, 'now', ?1)",
                (f"{n:064}", "MPO" if n % 2 else "PNG", "0" * 16),
            )
            connection.execute(
                "INSERT INTO image_measure (image_id, brightness, highlight, shadow, contrast, sharpness,"
                " entropy_bits, colourfulness, readable_share, is_animated, taken_at)"
                " VALUES (?, 0, 0, 0, 0, 0, 0, 0, 1, 0, ?)",
                (n + 1, date),
            )
    older.close()
    monkeypatch.undo()
    rows = workspaces.open_existing(tmp_path / "w").query(
        "SELECT format, pixel_digest, taken_at FROM image JOIN image_measure ON image_id = id ORDER BY id"
    )
    assert [row["taken_at"] for row in rows] == [date if is_kept else None for date, is_kept in dates.items()]
    assert [row["format"] for row in rows] == ["PNG", "JPEG"] * 3
    assert [row["pixel_digest"] is None for row in rows] == [True, False] * 3  # No JPEG is transparent.


def test_pairs_found_without_their_opacity_are_compared_again(tmp_path, monkeypatch):
    before_twins(tmp_path, monkeypatch)
    older = workspaces.create(tmp_path / "w")
    with older.transaction() as connection:
        for n, format in enumerate(("PNG", "WEBP", "PNG", "JPEG"), start=1):
            connection.execute(
                "INSERT INTO image (digest, format, n_bytes, width_px, height_px, phash, dhash, added_at,"
                " compared_with) VALUES (?, ?, 1, 1, 1, ?3, ?3, 'now', 1)",
                (f"{n:064}", format, "0" * 16),
            )
        for a, b, kind in ((1, 2, "exact"), (1, 3, "near"), (3, 4, "exact")):
            connection.execute("INSERT INTO duplicate_pair VALUES (?, ?, ?, 0, 'now')", (a, b, kind))
    older.close()
    monkeypatch.undo()
    opened = workspaces.open_existing(tmp_path / "w")
    kept = opened.query("SELECT image_a_id, image_b_id, kind FROM duplicate_pair ORDER BY 1, 2")
    assert [tuple(row) for row in kept] == [(1, 3, "near"), (3, 4, "exact")]  # A JPEG is opaque.
    rows = opened.query("SELECT compared_with FROM image ORDER BY id")
    assert [row["compared_with"] for row in rows] == [None, None, 1, 1]


def before_twins(tmp_path, monkeypatch):
    """Let a new workspace have the migrations before `twins` only."""
    folder = tmp_path / "migrations before"
    folder.mkdir()
    for file in workspaces.MIGRATIONS_DIR.glob("[0-9]*.sql"):
        if file.name < "0016":
            shutil.copy(file, folder)
    monkeypatch.setattr(workspaces, "MIGRATIONS_DIR", folder)


def test_a_workspace_of_a_newer_peakid_is_an_error_with_a_remedy(tmp_path, monkeypatch):
    with monkeypatch.context() as newer:
        with_a_second_migration(tmp_path, newer)
        workspaces.create(tmp_path / "w").close()
    with pytest.raises(
        WorkspaceTooNew, match=r"was written by a newer Peakid \(it has 0002_mood\)\. Update Peakid, or open"
    ):
        workspaces.open_existing(tmp_path / "w")


def test_opening_a_folder_without_a_workspace_does_not_create_one(tmp_path):
    with pytest.raises(NoWorkspace, match="There is no workspace in") as caught:
        workspaces.open_existing(tmp_path)
    assert caught.value.actions == (action("create_workspace", path=str(tmp_path)),)
    assert list(tmp_path.iterdir()) == []


def test_missing_migrations_are_an_error_with_the_install_command(tmp_path, monkeypatch):
    monkeypatch.setattr(workspaces, "MIGRATIONS_DIR", tmp_path / "nowhere")
    with pytest.raises(ResourceMissing, match=r"pip install --force-reinstall"):
        workspaces.create(tmp_path / "w")


def test_a_transaction_is_written_completely_or_not_at_all(workspace):
    insert = "INSERT INTO class (name, position, created_at) VALUES (?, 0, '')"
    with pytest.raises(sqlite3.IntegrityError, match="UNIQUE"), workspace.transaction() as connection:
        connection.executemany(insert, [("dom",), ("eiger",), ("dom",)])
    assert workspace.query("SELECT * FROM class") == []


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE decision SET reason = 'other'",
        "DELETE FROM decision",
        "INSERT OR REPLACE INTO decision SELECT * FROM decision",
        "REPLACE INTO decision SELECT * FROM decision",
        "INSERT INTO decision SELECT * FROM decision WHERE 1 ON CONFLICT (id) DO UPDATE SET reason = 'other'",
    ],
)
def test_a_decision_is_never_changed_or_deleted(workspace, plant, sql):
    plant({"a": "dom"})
    workspace.close()  # The next connection is not the one that ran the migrations.
    before = [tuple(row) for row in workspace.query("SELECT * FROM decision")]
    with pytest.raises(sqlite3.IntegrityError, match="append-only"), workspace.transaction() as connection:
        connection.execute(sql)
    assert [tuple(row) for row in workspace.query("SELECT * FROM decision")] == before


ACTS = st.lists(
    st.tuples(
        st.sampled_from(["a", "b", "c"]),
        st.sampled_from(["label", "exclude", "flag", "clear"]),
        st.sampled_from(["dom", "eiger", None]),
        st.booleans(),
    ).filter(lambda act: act[1] != "label" or act[2] is not None),
    max_size=12,
)


@pytest.mark.slow
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(acts=ACTS)
def test_replaying_the_decisions_gives_the_state_of_every_image(tmp_path_factory, acts):
    opened = workspaces.create(tmp_path_factory.mktemp("replay"))
    with opened.transaction() as connection:
        ids = {name: new_image(connection, name) for name in "abc"}
        for name, verdict, label, is_reviewed in acts:
            decision_log.append(
                connection,
                step_id=decision_log.new_step(connection, actor="human:anna", kind="decide"),
                image_id=ids[name],
                verdict=verdict,
                class_id=None if label is None else decision_log.class_id(connection, label),
                is_reviewed=is_reviewed,
                actor="human:anna",
            )
    columns = "image_id, verdict, class_id, is_reviewed, reason, actor"
    replayed = dict.fromkeys(ids.values(), ("clear", None, 0, "", None))
    for row in opened.query(f"SELECT {columns} FROM decision ORDER BY id"):
        replayed[row["image_id"]] = tuple(row)[1:]
    assert {
        row["image_id"]: tuple(row)[1:] for row in opened.query(f"SELECT {columns} FROM image_state")
    } == replayed
    opened.close()


def with_a_second_migration(tmp_path, monkeypatch):
    folder = tmp_path / "migrations"
    shutil.copytree(workspaces.MIGRATIONS_DIR, folder)
    (folder / "0002_mood.sql").write_text(
        "ALTER TABLE image ADD COLUMN mood TEXT NOT NULL DEFAULT 'unknown';"
    )
    monkeypatch.setattr(workspaces, "MIGRATIONS_DIR", folder)


def new_image(connection, name):
    return connection.execute(
        "INSERT INTO image (digest, format, n_bytes, width_px, height_px, phash, dhash, added_at)"
        " VALUES (?, 'JPEG', 10, 4, 3, '0000000000000000', '0000000000000000', '')",
        (name * 64,),
    ).lastrowid


def test_a_full_disk_is_an_error_and_leaves_nothing_half_written(workspace):
    # SQLite behaves as on a full disk; existing pages are kept.
    workspace.connection().execute("PRAGMA max_page_count = 1")
    rows = [(f"class {i} {'x' * 200}",) for i in range(2000)]
    with pytest.raises(WorkspaceNotWritable, match="full"), workspace.transaction() as connection:
        connection.executemany("INSERT INTO class (name, position, created_at) VALUES (?, 1, 'now')", rows)
    assert workspace.one("SELECT COUNT(*) FROM class")[0] == 0
