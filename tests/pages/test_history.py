"""The pages Classes and History: what they show, and what a click on them does."""

import json
import zipfile
from datetime import UTC, datetime

import pytest

from peakid.curate import classes, decisions, history, remarks
from peakid.dataset import snapshot as snapshots
from peakid.jobs import arguments as job_arguments
from peakid.jobs.arguments import TrainArguments
from peakid.keep import backup
from peakid.records import Choice
from peakid.store import checkpoints, exports, images, runs, status, tombstones
from peakid.store import workspace as workspaces
from peakid.store.workspace import now

ANNA, BEN = "human:anna", "human:ben"


def button(app, label):
    return next(each for each in app.button if each.label == label)


@pytest.fixture
def reviewed(workspace, fill):
    digests = fill(river=2, sea=1)
    decisions.decide(
        workspace, [Choice(digests[0], "label", "sea", basis={"queue": "unreviewed"})], actor=BEN
    )
    return digests


def test_every_step_says_what_it_changed_and_one_click_undoes_it(open_page, reviewed, workspace, text_of):
    app = open_page("history")
    assert not app.exception
    assert "river → sea" in text_of(app)
    assert "labelled 3 images" in text_of(app)
    step = history.page(workspace)[0].step_id
    app.button(key=f"undo:{step}").click().run()
    assert "Undid: sea → river. To do it again, undo that step" in text_of(app)
    assert history.of_image(workspace, reviewed[0])[0].label == "river"
    assert history.page(workspace)[0].actor == ANNA  # Who clicked, not who had decided.


def test_an_image_whose_grey_values_were_stretched_tells_it(open_page, reviewed, workspace, text_of):
    assert "black to white" not in text_of(open_page("history", image=reviewed[0]))
    with workspace.transaction() as connection:
        connection.execute("UPDATE image_measure SET grey_range = '4 to 4091'")
    app = open_page("history", image=reviewed[0])
    assert "Its values 4 to 4091 are shown as black to white." in text_of(app)


def test_the_log_of_one_person_is_a_link(open_page, reviewed, text_of):
    app = open_page("history", by=BEN)
    assert "river → sea" in text_of(app)
    assert "labelled 3 images" not in text_of(app)


def test_older_steps_are_on_the_next_page(open_page, reviewed, workspace, text_of):
    for n in range(25):
        decisions.decide(workspace, [Choice(reviewed[1], "flag", reason=f"look {n}")], actor=BEN)
    app = open_page("history")
    assert "look 24" in text_of(app)
    assert "look 2)" not in text_of(app)
    button(app, "Older").click().run()
    assert "look 2)" in text_of(app)
    assert "labelled 3 images" in text_of(app)


def test_everything_by_one_person_is_counted_and_then_undone(open_page, reviewed, workspace, text_of):
    app = open_page("history", section="since")
    app.selectbox(key="since:by").set_value(BEN).run()
    app.date_input(key="since:day").set_value(datetime(2020, 1, 1, tzinfo=UTC).date()).run()
    assert not app.exception
    assert "Undoes **1 step** on **1 image**" in text_of(app)
    button(app, "Undo 1 step").click().run()
    assert history.of_image(workspace, reviewed[0])[0].label == "river"
    assert "no steps by ben since then" in text_of(app)


def test_reviewers_see_their_own_pace(open_page, reviewed, workspace, text_of):
    assert "anna has reviewed nothing" in text_of(open_page("history", section="pace"))
    decisions.decide(workspace, [Choice(reviewed[1], "label", "river")], actor=ANNA)
    app = open_page("history", section="pace")
    assert not app.exception
    assert [(cell.label, cell.value) for cell in app.metric] == [
        ("Images today", "1"),
        ("In seven days", "1"),
        ("Images per minute", "-"),
    ]


def test_an_image_is_forgotten_only_after_a_checkbox(open_page, reviewed, workspace, text_of):
    app = open_page("history", image=reviewed[0][:12])
    assert not app.exception
    forget = app.button(key=f"forget:{reviewed[0]}")
    assert forget.disabled
    app.checkbox(key=f"sure:{reviewed[0]}").check().run()
    app.button(key=f"forget:{reviewed[0]}").click().run()
    assert tombstones.digests(workspace) == [reviewed[0]]
    assert "Forgot image" in text_of(app)


def test_what_used_an_image_is_listed_before_it_is_forgotten(open_page, workspace, frozen, add_run, text_of):
    digest = snapshots.items(workspace, frozen.digest)[0].digest
    run_id = add_run(frozen)
    kept = exports.add(workspace, run_id=run_id, path=workspace.exports_dir / "one", files=[], parity={})
    exports.set_stage(workspace, kept.export_id, "current", actor="human:anna")
    exports.add_push(
        workspace,
        kept.export_id,
        endpoint="https://huggingface.co",
        repository="anna/peaks",
        revision="0" * 40,
        url="https://huggingface.co/anna/peaks/tree/0",
        is_public=True,
        actor="human:anna",
    )
    app = open_page("history", image=digest[:12])
    assert not app.exception
    (used,) = (each.value for each in app.dataframe if "Used by" in each.value)
    assert used["Used by"].tolist() == [
        "Snapshot 1 (first)",
        "Run 1",
        "Export 1 (current)",
        "Hub: anna/peaks",
    ]
    assert used["Where"].tolist()[2:] == [kept.path, "https://huggingface.co/anna/peaks/tree/0"]
    assert "1 snapshot, 1 run, 1 export" in text_of(app)


def test_an_unknown_image_is_an_error_message(open_page, reviewed, text_of):
    assert "No image has a digest" in text_of(open_page("history", image="000000"))


def test_a_backup_is_one_click(open_page, reviewed, workspace, text_of):
    app = open_page("history", section="keep")
    assert "browse:backup:path" in [each.key for each in app.button]
    button(app, "Back up now").click().run()
    assert not app.exception
    assert "Backed up 3 images" in text_of(app)
    assert len(list(workspace.path.parent.glob("peakid-workspace-*.zip"))) == 1


def test_a_backup_is_restored_into_a_new_workspace(open_page, reviewed, workspace, text_of, tmp_path):
    backup.backup(workspace, tmp_path / "all.zip")
    app = open_page("history", section="keep")
    app.text_input(key="restore:file").set_value(str(tmp_path / "all.zip"))
    app.text_input(key="restore:folder").set_value(str(workspace.path))
    button(app, "Restore the backup").click().run()
    assert "is not empty" in app.error[0].value  # The open workspace is never overwritten.
    app.text_input(key="restore:folder").set_value(str(tmp_path / "restored"))
    button(app, "Restore the backup").click().run()
    assert not app.exception
    assert "Restored 3 images" in text_of(app)
    assert status.read(workspaces.open_existing(tmp_path / "restored")).n_images == 3


def test_what_a_backup_lacks_is_a_warning(open_page, reviewed, workspace, text_of, tmp_path):
    images.image_path(workspace, reviewed[0]).write_bytes(b"rotten")
    app = open_page("history", section="keep")
    button(app, "Back up now").click().run()
    assert [warning.value.replace("\\", "") for warning in app.warning] == [
        f"1 image is damaged and cannot be restored from this backup: {reviewed[0][:12]}."
    ]
    app.text_input(key="restore:file").set_value(str(next(tmp_path.glob("peakid-workspace-*.zip"))))
    app.text_input(key="restore:folder").set_value(str(tmp_path / "restored"))
    button(app, "Restore the backup").click().run()
    assert not app.exception
    assert f"1 image is damaged in the backup: {reviewed[0][:12]}." in app.warning[0].value.replace("\\", "")
    assert "Import the original files again" in app.warning[0].value.replace("\\", "")


def test_the_first_class_can_be_added_on_the_empty_page(open_page, workspace, text_of):
    app = open_page("classes")
    assert "There are no classes yet" in text_of(app)
    next(each for each in app.text_input if each.label == "New class").set_value("dom")
    button(app, "Add the class").click().run()
    assert not app.exception
    assert classes.names(workspace) == ["dom"]


def test_a_merge_says_what_it_moves_and_can_be_undone(open_page, reviewed, workspace, text_of):
    app = open_page("classes", **{"class": "river"})
    assert not app.exception
    assert "Moves 1 image from river to sea, 0 of them reviewed" in text_of(app)
    button(app, "Merge into sea").click().run()
    assert not app.exception
    assert classes.names(workspace) == ["sea"]
    assert "Moved 1 image from river to sea" in text_of(app)
    decisions.undo(workspace, actor=ANNA)
    assert classes.names(workspace) == ["river", "sea"]


def test_a_class_is_moved_renamed_described_and_retired(open_page, reviewed, workspace, text_of):
    app = open_page("classes", **{"class": "sea"})
    button(app, "Up").click().run()
    assert classes.names(workspace) == ["sea", "river"]
    app.text_area(key="note:sea").set_value("waves")
    app.text_input(key="examples:sea").set_value(reviewed[2][:12])
    button(app, "Save the description").click().run()
    assert (classes.guide(workspace)[0].note, classes.guide(workspace)[0].examples) == (
        "waves",
        [reviewed[2]],
    )
    app.text_input(key="rename:sea").set_value("lake").run()
    button(app, "Rename the class").click().run()
    assert not app.exception
    assert classes.names(workspace) == ["lake", "river"]
    button(app, "Retire lake").click().run()
    assert classes.names(workspace) == ["river"]
    button(app, "Bring lake back").click().run()
    assert not app.exception
    assert classes.names(workspace) == ["lake", "river"]


def test_descriptions_of_classes_are_shown_in_review(open_page, reviewed, workspace, text_of):
    assert "waves and salt" not in text_of(open_page("review"))
    classes.describe(workspace, "sea", note="waves and salt")
    app = open_page("review")
    assert not app.exception
    assert "waves and salt" in text_of(app)


def interrupt_a_training(workspace):
    """Leave two checkpoints of a run whose training could continue."""
    arguments = TrainArguments(snapshot="0" * 64, recipe={})
    with workspace.transaction() as connection:
        connection.execute(
            "INSERT INTO snapshot (id, digest, name, seed, fractions, class_names, n_images, n_groups,"
            " n_leaks, n_unreviewed, actor, created_at, frozen_at)"
            " VALUES (1, ?, '', 0, '{}', '[]', 0, 0, 0, 0, '', ?, ?)",
            ("0" * 64, now(), now()),
        )
        connection.execute(
            "INSERT INTO job (id, request_id, kind, lane, state, arguments, actor, created_at)"
            " VALUES (7, 'r', 'train', 'gpu', 'cancelled', ?, '', ?)",
            (json.dumps(job_arguments.document(arguments)), now()),
        )
    run_id = runs.create(
        workspace, job_id=7, snapshot_id=1, recipe={}, class_names=[], seed=0, code_version="", libraries={}
    )
    runs.finish(workspace, run_id, "cancelled")
    for n in (1, 2):
        for suffix in ("json", "safetensors"):
            (workspace.runs_dir / str(run_id) / f"checkpoint-00000{n}.{suffix}").write_bytes(bytes(9000))
    return run_id


def test_the_backup_says_what_it_left_out_and_takes_checkpoints_in_on_request(
    open_page, reviewed, workspace, text_of, tmp_path
):
    run_id = interrupt_a_training(workspace)
    app = open_page("history", section="keep")
    button(app, "Back up now").click().run()
    assert "checkpoints of interrupted runs (4 files" in text_of(app)
    assert "Without its checkpoints, an interrupted training starts anew" in text_of(app)
    next(tmp_path.glob("peakid-workspace-*.zip")).unlink()
    app.checkbox(key="backup:checkpoints").check()
    button(app, "Back up now").click().run()
    assert not app.exception
    names = zipfile.ZipFile(next(tmp_path.glob("peakid-workspace-*.zip"))).namelist()
    assert f"runs/{run_id}/checkpoint-000002.safetensors" in names


def test_disk_space_is_freed_and_checkpoints_only_on_request(open_page, reviewed, workspace, text_of):
    run_id = interrupt_a_training(workspace)
    pixels = workspace.cache_dir / "pixels-2-160-crop" / "pixels"
    pixels.parent.mkdir()
    pixels.write_bytes(bytes(3000))
    app = open_page("history", section="keep")
    assert "images decoded" not in text_of(app)  # It is not measured before somebody asks.
    app.toggle(key="space:shown").set_value(True).run()
    assert "images decoded for training: 1 file" in text_of(app)
    button(app, "Remove").click().run()
    assert not app.exception
    assert "Removed 0.0 MB." in text_of(app)
    assert not pixels.exists()
    assert checkpoints.can_continue(workspace, run_id)
    app.checkbox(key="space:checkpoints").check()
    button(app, "Remove").click().run()
    assert not checkpoints.files_of(workspace, run_id)


def test_a_link_to_restore_a_file_opens_the_form_with_it(open_page, reviewed, tmp_path):
    app = open_page("history", section="keep", file=str(tmp_path / "b.zip"))
    assert [each.value for each in app.text_input if each.label == "Backup file on this machine"] == [
        str(tmp_path / "b.zip")
    ]


def test_a_step_of_a_tag_says_what_it_did_and_shows_its_image(open_page, reviewed, workspace, text_of):
    remarks.tag(workspace, [reviewed[1]], "snow", actor=BEN)
    app = open_page("history")
    assert "added the tag snow to river/001.jpg" in text_of(app)
    step = history.page(workspace)[0].step_id
    app.button(key=f"image:{step}").click().run()
    assert app.query_params["image"] == reviewed[1]
    app = open_page("history")
    app.button(key=f"undo:{step}").click().run()
    assert "Undid: added the tag snow to river/001.jpg." in text_of(app)
    assert "0 " not in app.success[0].value


def test_undoing_a_tag_since_a_time_counts_its_images(open_page, reviewed, workspace, text_of):
    remarks.tag(workspace, reviewed, "snow", actor="human:cara")
    app = open_page("history", section="since")
    app.selectbox(key="since:by").set_value("human:cara").run()
    assert "Undoes **1 step** on **3 images**" in text_of(app)
