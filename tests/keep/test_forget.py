"""A removed image leaves no data, is never imported again, and everything that contained it is listed."""

import json
import re

import numpy as np
import pytest

from peakid.acquire import folder, verification
from peakid.curate import classes, decisions, history, remarks, scan
from peakid.curate.duplicates import duplicate_groups, find, proposals
from peakid.curate.queues import review_queue, selections
from peakid.dataset import snapshot as snapshots
from peakid.embed import layouts, similar, stored
from peakid.errors import AmbiguousDigest, DamagedSnapshot, NotFound
from peakid.keep import forget
from peakid.records import Choice
from peakid.run_records import HeatCheck
from peakid.store import damaged_images, images, runs, status, tombstones
from peakid.store.evaluation import heat_maps

ANNA = "human:anna"


@pytest.fixture
def photos(tmp_path, draw):
    for n, path in enumerate(("river/a.jpg", "river/b.jpg", "sea/c.jpg", "sea/d.jpg")):
        (tmp_path / "photos" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "photos" / path).write_bytes(draw(50 + n))
    return tmp_path / "photos"


def digests_of(workspace):
    return [item.digest for item in review_queue.page(workspace, "all")]


def test_no_data_of_a_removed_image_is_left_in_the_workspace(workspace, photos):
    folder.import_folder(workspace, photos, actor=ANNA)
    gone, *kept = digests_of(workspace)
    data = images.read_bytes(workspace, gone)
    scan.scan(workspace)
    (workspace.cache_dir / "pixels-1.npy").write_bytes(data)
    done = forget.forget(workspace, gone, reason="asked for", actor=ANNA)
    assert (done.digests, done.n_bytes) == ([gone], len(data))
    left = [
        path
        for path in workspace.path.rglob("*")
        if path.is_file() and (gone in path.name or data in path.read_bytes())
    ]
    assert left == []
    assert not workspace.query("SELECT 1 FROM origin WHERE path LIKE '%a.jpg'")
    assert digests_of(workspace) == kept
    assert status.read(workspace).n_images == 3
    with pytest.raises(NotFound):
        images.read_bytes(workspace, gone)
    with pytest.raises(NotFound):
        images.thumbnail(workspace, gone)


def columns_that_name_an_image(workspace):
    """Every column of the schema that refers to an image or its origin, or has its id or digest."""
    tables = [
        row["name"]
        for row in workspace.query(
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE '\\_%' ESCAPE '\\'"
            " AND name NOT LIKE 'text\\_index%' ESCAPE '\\'"  # Follows image_text by triggers.
        )
    ]
    for table in tables:
        targets = {row["from"]: row["table"] for row in workspace.query(f"PRAGMA foreign_key_list({table})")}
        for row in workspace.query(f"PRAGMA table_info({table})"):
            name = row["name"]
            is_image = targets.get(name) in ("image", "origin", "image_state", "decision")
            if is_image or re.search(r"image.*id$|digest$|^path$|^hashes$", name):
                yield table, name


WITHOUT_AN_IMAGE = {  # Columns that the search above finds and that are about something else.
    ("root", "path"): "a folder",
    ("run", "path"): "the folder of a run",
    ("export", "path"): "the folder of an export",
    ("pulled_model", "path"): "the folder of a model from a hub",
    ("album_placement", "path"): "a file outside the workspace",
    ("rejection", "path"): "a file that was not imported; those at a path of the image are deleted",
    ("pair_revision", "id"): "a counter",
    ("head_fit", "decision_id"): "the newest decision of all images",
}


def test_a_table_that_names_an_image_is_cleared_or_has_a_stated_reason(workspace):
    found = set(columns_that_name_an_image(workspace)) - set(WITHOUT_AN_IMAGE)
    cleared = {table for table, _ in forget.REMOVED}
    without = sorted(f"{table}.{name}" for table, name in found if table not in {*cleared, *forget.KEPT})
    assert without == [], "add the table to REMOVED in peakid/keep/forget.py, or state a reason in KEPT"
    assert not cleared & set(forget.KEPT)


def test_a_new_table_about_images_is_noticed(workspace):
    workspace.connection().execute("CREATE TABLE caption (image_id INTEGER REFERENCES image(id), v BLOB)")
    assert ("caption", "image_id") in set(columns_that_name_an_image(workspace))


@pytest.fixture
def in_every_table(workspace, tmp_path, draw):
    """Two near duplicates of river with a row in every table that names an image; the digest of the first."""
    (tmp_path / "photos" / "river").mkdir(parents=True)
    for name, size in (("anna-muster", (480, 360)), ("other", (320, 240))):
        (tmp_path / "photos" / "river" / f"{name}.jpg").write_bytes(draw(5, size=size))
    folder.import_folder(workspace, tmp_path / "photos", actor=ANNA)
    scan.scan(workspace)
    gone = digests_of(workspace)[0]
    remarks.tag(workspace, [gone], "anna-tag", is_on=True, actor=ANNA)
    remarks.note(workspace, gone, "anna-note", actor=ANNA)
    classes.add(workspace, "sea")
    remarks.also(workspace, gone, "sea", is_on=True, actor=ANNA)
    remarks.typical(workspace, gone, actor=ANNA)
    ids = {row["digest"]: row["id"] for row in workspace.query("SELECT id, digest FROM image")}
    made = stored.create(workspace, "lite", size_px=160, weights_sha256="", n_dimensions=4)
    anna = np.frombuffer(b"anna-vec", np.float16)
    vectors = [anna if digest == gone else np.zeros(4) for digest in ids]
    stored.add(workspace, made.set_id, list(ids.values()), np.array(vectors))
    layouts.pca(workspace, made.set_id)
    selections.create(workspace, [ids[gone]], actor=ANNA)
    pair = (min(ids.values()), max(ids.values()))
    proposal = proposals.Proposal(pair, "strong", 0.9, 30, 0.8, 1.0, ((1, 0, 0), (0, 1, 0)))
    proposals.write(workspace, [proposal], pair, set_id=made.set_id, rules=1)
    stored.note_unread(workspace, {ids[gone]: "anna-unread.jpg cannot be read."})
    for digest in ids:
        similar.to_image(workspace, digest)
    with workspace.transaction() as connection:
        connection.execute("INSERT INTO image_store VALUES (1, 'memory://anna', 0, 1, 0, '')")
        for digest, image_id in ids.items():
            connection.execute("INSERT INTO stored_original VALUES (?, 1)", (image_id,))
            connection.execute("INSERT INTO read_object VALUES (1, ?, '', ?)", (f"anna/{digest}", image_id))
        damaged_images.note(connection, {gone: "anna-damage"})
        connection.execute("INSERT INTO outlier_score VALUES (?, 0.1, NULL, NULL, NULL, 0.1)", (ids[gone],))
        connection.execute("INSERT INTO imagenet_guess VALUES (?, 7, 0.5, NULL)", (ids[gone],))
        connection.execute("INSERT INTO split_assignment VALUES (0, ?, 'train')", (ids[gone],))
        connection.execute("INSERT INTO label_conflict VALUES (?1, ?1)", (ids[gone],))
        connection.execute(
            "INSERT INTO suggestion (image_id, suggested_class_id, confidence) VALUES (?, 1, 0.5)",
            (ids[gone],),
        )
        connection.execute("INSERT INTO label_check VALUES (1, ?, 'label-issues', 1, 0.5)", (ids[gone],))
        connection.execute("INSERT OR REPLACE INTO image_issue_score VALUES ('dark', 0.1, ?)", (ids[gone],))
        connection.execute(
            "INSERT INTO job (request_id, kind, lane, state, arguments, actor, created_at, result) VALUES"
            " ('r', 'verify', 'cpu', 'done', '{}', '', '', ?)",
            (json.dumps({"damaged": [{"digest": gone, "path": "river/anna-muster.jpg", "reason": "x"}]}),),
        )
        connection.execute(
            "INSERT INTO rejection (acquisition_id, root_id, path, reason, rejected_at)"
            " VALUES (1, 1, 'river/anna-muster.jpg', 'unreadable', '')"
        )
    return gone


def test_every_table_is_cleared_of_a_removed_image(workspace, in_every_table):
    image_id = images.show(workspace, in_every_table).image_id

    def n_rows(table, column):
        return workspace.one(f"SELECT COUNT(*) FROM {table} WHERE {column} = ?", (image_id,))[0]

    columns = [pair for pair in forget.REMOVED if pair[1] != "image_b_id"]  # It is the first of its pair.
    assert [pair for pair in columns if n_rows(*pair) == 0] == [], "the fixture must fill every table"
    forget.forget(workspace, in_every_table, actor=ANNA)
    assert [pair for pair in forget.REMOVED if n_rows(*pair) > 0] == []
    assert workspace.one("SELECT phash, dhash FROM image WHERE id = ?", (image_id,))[:] == ("0" * 16,) * 2


def test_no_file_of_the_workspace_has_a_path_or_a_note_of_a_removed_image(workspace, in_every_table):
    forget.forget(workspace, in_every_table, actor=ANNA)  # The database stays open: its journal counts too.
    words = (b"anna-muster", b"anna-note", b"anna-tag", b"anna-damage", b"anna-vec", b"anna-unread")
    found = [
        (path.name, word)
        for path in workspace.path.rglob("*")
        if path.is_file()
        for word in words
        if word in path.read_bytes()
    ]
    assert found == []


def test_every_file_that_names_a_removed_image_has_a_stated_reason(workspace, in_every_table):
    (workspace.runs_dir / "1").mkdir()
    (workspace.runs_dir / "1" / "pred_probs_valid.json").write_text(json.dumps([in_every_table]))
    check = HeatCheck(0.9, 0.4, 2.5, 0.1, 0.025, 0.05, 0.2, 0.2)
    heat = np.zeros((32, 32), np.uint8)
    heat_maps.add(workspace, 1, [heat_maps.HeatMap(in_every_table, 0, heat, check)])
    (workspace.cache_dir / "embeddings").mkdir()
    (workspace.cache_dir / "embeddings" / in_every_table).write_bytes(b"computed")
    forget.forget(workspace, in_every_table, actor=ANNA)
    workspace.close()
    naming = [
        path.relative_to(workspace.path)
        for path in workspace.path.rglob("*")
        if path.is_file() and (in_every_table in path.name or in_every_table.encode() in path.read_bytes())
    ]
    assert sorted(map(str, naming)) == ["forgotten.txt", "peakid.db", "runs/1/pred_probs_valid.json"]
    assert all(any(path.match(pattern) for pattern in forget.KEPT_FILES) for path in naming)


def test_a_removed_image_is_never_imported_again(workspace, photos):
    folder.import_folder(workspace, photos, actor=ANNA)
    gone = digests_of(workspace)[0]
    forget.forget(workspace, gone, actor=ANNA)
    again = folder.import_folder(workspace, photos, actor=ANNA)
    assert [(row.path, row.reason) for row in again.rejections] == [("river/a.jpg", "forgotten")]
    assert (again.n_added, again.n_known) == (0, 3)
    assert not images.image_path(workspace, gone).exists()


def test_scan_history_and_undo_work_after_an_image_was_removed(workspace, photos):
    folder.import_folder(workspace, photos, actor=ANNA)
    gone, other, *_ = digests_of(workspace)
    decisions.decide(workspace, [Choice(gone, "label", "sea"), Choice(other, "label", "sea")], actor=ANNA)
    forget.forget(workspace, gone, actor=ANNA)
    assert scan.scan(workspace).n_scanned == 3
    assert gone not in find.groups(workspace)
    assert [change.label for change in history.of_image(workspace, gone)] == [
        "sea",
        "river",
    ]  # The decisions stay.
    undone = decisions.undo(workspace, actor=ANNA)
    assert ([each.digest for each in undone.decisions], undone.conflicts) == ([other], [gone])
    with pytest.raises(NotFound):
        decisions.decide(workspace, [Choice(gone, "label", "sea")], actor=ANNA)


def test_a_removed_image_leaves_its_duplicate_group(workspace, tmp_path, draw):
    (tmp_path / "photos" / "river").mkdir(parents=True)
    for name, size in (("a", (480, 360)), ("b", (320, 240)), ("c", (240, 180))):
        (tmp_path / "photos" / "river" / f"{name}.jpg").write_bytes(draw(5, size=size))
    folder.import_folder(workspace, tmp_path / "photos", actor=ANNA)
    scan.scan(workspace)
    [group] = duplicate_groups.list_groups(workspace)
    gone = group.images[0].digest
    forget.forget(workspace, gone, actor=ANNA)
    [group] = duplicate_groups.list_groups(workspace)
    assert gone not in {image.digest for image in group.images}
    scan.scan(workspace)
    assert len(duplicate_groups.list_groups(workspace)) == 1


def test_every_snapshot_run_and_export_that_contained_it_is_listed(workspace, fill):
    digests = fill(river=6, sea=6)
    frozen = snapshots.create(workspace, name="first", actor=ANNA)
    run_id = runs.create(
        workspace,
        job_id=None,
        snapshot_id=frozen.snapshot_id,
        recipe={},
        class_names=["river", "sea"],
        seed=0,
        code_version="",
        libraries={},
    )
    found = forget.forget(workspace, digests[0][:12], actor=ANNA)
    assert [(each["digest"], each["n_held"]) for each in found.snapshots] == [(frozen.digest, 1)]
    assert [each["run_id"] for each in found.runs] == [run_id]
    assert (
        len(snapshots.items(workspace, frozen.digest)) == 12
    )  # What was frozen can still be read, without the picture.
    with pytest.raises(DamagedSnapshot, match="forgotten"):
        snapshots.verify(workspace, frozen.digest)
    later = snapshots.create(workspace, name="second", actor=ANNA)
    assert digests[0] not in {item.digest for item in snapshots.items(workspace, later.digest)}


def test_a_folder_can_be_removed_completely_or_by_one_path(workspace, photos):
    folder.import_folder(workspace, photos, actor=ANNA)
    assert len(forget.plan(workspace, str(photos / "sea" / "c.jpg")).digests) == 1
    assert len(forget.plan(workspace, "sea/c.jpg").digests) == 1
    assert len(forget.plan(workspace, f"{photos}/").digests) == 4
    forget.forget(workspace, str(photos), actor=ANNA)
    assert status.read(workspace).n_images == 0
    with pytest.raises(NotFound):
        forget.plan(workspace, "nowhere")


def test_a_plan_removes_nothing(workspace, photos):
    folder.import_folder(workspace, photos, actor=ANNA)
    forget.plan(workspace, str(photos))
    assert status.read(workspace).n_images == 4
    assert tombstones.digests(workspace) == []


def test_a_file_outside_the_workspace_is_kept_and_listed(workspace, photos):
    folder.import_folder(workspace, photos, in_place=True, actor=ANNA)
    gone = digests_of(workspace)[0]
    done = forget.forget(workspace, gone, actor=ANNA)
    assert done.left_in_place == [f"{photos}/river/a.jpg"]
    assert (photos / "river" / "a.jpg").exists()
    with pytest.raises(NotFound):
        images.read_bytes(workspace, gone)


def test_a_moved_file_is_removed_with_its_old_path_and_verify_still_works(workspace, photos):
    folder.import_folder(workspace, photos, in_place=True, actor=ANNA)
    gone = digests_of(workspace)[0]
    (photos / "river" / "a.jpg").rename(photos / "river" / "z.jpg")
    assert len(verification.verify(workspace, actor=ANNA).moved) == 1
    forget.forget(workspace, gone, actor=ANNA)
    assert workspace.query("SELECT 1 FROM origin_move") == []
    checked = verification.verify(workspace, actor=ANNA)
    assert (checked.n_images, checked.damaged) == (3, [])


def test_a_lost_list_of_removed_images_is_read_from_the_database(workspace, photos):
    folder.import_folder(workspace, photos, actor=ANNA)
    forget.forget(workspace, digests_of(workspace)[0], actor=ANNA)
    (workspace.path / "forgotten.txt").unlink()
    assert folder.import_folder(workspace, photos, actor=ANNA).rejections[0].reason == "forgotten"


def test_a_prefix_that_fits_several_images_removes_none(workspace, plant):
    plant({f"n{n}": None for n in range(3)})
    with workspace.transaction() as connection:
        for n in (1, 2):
            connection.execute("UPDATE image SET digest = ? WHERE id = ?", (f"abcdef{n}" + "0" * 57, n))
    with pytest.raises(AmbiguousDigest):
        forget.forget(workspace, "abcdef", actor=ANNA)
    assert tombstones.digests(workspace) == []


def test_the_results_of_jobs_that_do_not_name_the_image_stay_as_they_are(workspace, photos):
    folder.import_folder(workspace, photos, actor=ANNA)
    result = '{"kind":"write", "n_images":4}'  # Not as `json.dumps` writes it: any change shows.
    with workspace.transaction() as connection:
        connection.execute(
            "INSERT INTO job (request_id, kind, lane, state, arguments, actor, created_at, result)"
            " VALUES ('r', 'write', 'cpu', 'done', '{}', '', '', ?)",
            (result,),
        )
    forget.forget(workspace, digests_of(workspace)[0], actor=ANNA)
    assert workspace.one("SELECT result FROM job")["result"] == result


def test_only_the_rejections_and_origins_of_the_image_itself_are_removed(workspace, photos, tmp_path, draw):
    (tmp_path / "first").mkdir()
    (tmp_path / "first" / "z.jpg").write_bytes(draw(99))
    folder.import_folder(workspace, tmp_path / "first", actor=ANNA)
    folder.import_folder(workspace, photos, actor=ANNA)
    gone = next(item.digest for item in review_queue.page(workspace, "all") if item.path == "river/a.jpg")
    origin = "SELECT o.acquisition_id, o.path FROM origin o JOIN image i ON i.id = image_id WHERE digest = ?"
    acquisition = workspace.one(origin, (gone,))["acquisition_id"]
    root = workspace.one("SELECT id FROM root WHERE path = ?", (str(photos),))["id"]
    with workspace.transaction() as connection:
        for path in ("river/a.jpg", "river/b.jpg", "river/never-read.jpg"):
            connection.execute(
                "INSERT INTO rejection (acquisition_id, root_id, path, reason, rejected_at)"
                " VALUES (?, ?, ?, 'unreadable', '')",
                (acquisition, root, path),
            )
    forget.forget(workspace, gone, actor=ANNA)
    rejected = [row["path"] for row in workspace.query("SELECT path FROM rejection ORDER BY path")]
    assert rejected == ["river/b.jpg", "river/never-read.jpg"]
    assert [tuple(row) for row in workspace.query(origin, (gone,))] == [(acquisition, "(forgotten)")]
    assert workspace.one("SELECT COUNT(*) FROM origin WHERE path <> '(forgotten)'")[0] == 4
