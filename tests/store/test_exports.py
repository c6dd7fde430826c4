"""Exports have a stage: one at most is in use, and every change is logged."""

import sqlite3

import pytest

from peakid.errors import BadInput, NotFound
from peakid.store import exports

ANNA, BEAT = "human:anna", "human:beat"


@pytest.fixture
def add_export(workspace, frozen, add_run):
    """Add exports of a run: `add_export(3)` returns their ids, oldest first."""

    def added(n=1):
        run_id = add_run(frozen)
        return [
            exports.add(
                workspace, run_id=run_id, path=workspace.exports_dir / f"{run_id}-{each}", files=[], parity={}
            ).export_id
            for each in range(n)
        ]

    return added


def stages(workspace):
    return {each.export_id: each.stage for each in exports.list_exports(workspace)}


def test_a_new_export_is_a_candidate_and_none_is_current(workspace, add_export):
    (export_id,) = add_export()
    assert stages(workspace) == {export_id: "candidate"}
    with pytest.raises(NotFound, match="No export is the current one"):
        exports.current(workspace)


def test_making_another_export_current_retires_the_former_one_and_takes_it_back(workspace, add_export):
    first, second, third = add_export(3)
    exports.set_stage(workspace, first, "current", actor=ANNA)
    assert exports.set_stage(workspace, second, "current", actor=BEAT).stage == "current"
    assert stages(workspace) == {first: "retired", second: "current", third: "candidate"}
    assert exports.current(workspace).export_id == second
    exports.set_stage(workspace, first, "current", actor=ANNA)
    assert stages(workspace) == {first: "current", second: "retired", third: "candidate"}


def test_every_change_is_logged_with_its_actor_and_the_same_stage_is_none(workspace, add_export):
    first, second = add_export(2)
    exports.set_stage(workspace, first, "current", actor=ANNA)
    exports.set_stage(workspace, first, "current", actor=ANNA)
    exports.set_stage(workspace, second, "current", actor=BEAT)
    log = [
        (each.export_id, each.from_stage, each.to_stage, each.actor)
        for each in exports.stage_changes(workspace)
    ]
    assert log == [
        (second, "candidate", "current", BEAT),
        (first, "current", "retired", BEAT),
        (first, "candidate", "current", ANNA),
    ]
    assert len(exports.stage_changes(workspace, second)) == 1


def test_the_database_itself_holds_at_most_one_current_export(workspace, add_export):
    first, second = add_export(2)
    exports.set_stage(workspace, first, "current", actor=ANNA)
    with pytest.raises(sqlite3.IntegrityError), workspace.transaction() as connection:
        connection.execute("UPDATE export SET stage = 'current' WHERE id = ?", (second,))
    with pytest.raises(sqlite3.IntegrityError, match="append-only"), workspace.transaction() as connection:
        connection.execute("DELETE FROM export_stage_change")


def test_an_unknown_stage_or_export_changes_nothing(workspace, add_export):
    (export_id,) = add_export()
    with pytest.raises(BadInput, match="no stage 'retierd'") as error:
        exports.set_stage(workspace, export_id, "retierd", actor=ANNA)
    assert "retired" in error.value.remedy
    with pytest.raises(NotFound, match="There is no export 9"):
        exports.set_stage(workspace, 9, "retired", actor=ANNA)
    assert exports.stage_changes(workspace) == []


def test_an_export_that_only_a_restored_backup_names_does_not_become_current(workspace, add_export):
    (export_id,) = add_export()
    with workspace.transaction() as connection:
        connection.execute("UPDATE export SET is_foreign = 1")
    with pytest.raises(NotFound, match="only the restored backup"):
        exports.set_stage(workspace, export_id, "current", actor=ANNA)
    assert exports.set_stage(workspace, export_id, "retired", actor=ANNA).stage == "retired"
