"""The registry on the command line: what was exported, what is in use, and which images a model saw."""

import csv

import pytest

from peakid.keep import forget
from peakid.run_records import StartingWeights
from peakid.store import exports, runs

ANNA = "human:anna"


@pytest.fixture
def add_export(workspace, frozen, add_run):
    """Add a run and an export of it; return the id of the export."""

    def added(snapshot=frozen, started_from=None, folder=None):
        run_id = add_run(snapshot)
        if started_from is not None:
            weights = StartingWeights("run", run_id=started_from)
            runs.finish(workspace, run_id, "done", best_epoch=0, metrics={}, starting_weights=weights)
        path = folder or workspace.exports_dir / f"run-{run_id}"
        files = [{"name": "model.onnx", "format": "onnx", "sha256": "0" * 64, "bytes": 1}]
        return exports.add(workspace, run_id=run_id, path=path, files=files, parity={}).export_id

    return added


def test_the_list_has_stage_figures_formats_and_how_many_images_a_model_saw(peakid, add_export, frozen):
    add_export()
    (listed,) = peakid("exports", "--json").json
    assert peakid("exports", "list", "--json").json == [listed]
    assert listed["stage"] == "candidate"
    assert listed["formats"] == ["onnx"]
    assert listed["snapshot_digest"] == frozen.digest
    assert listed["n_images"] == frozen.splits
    assert sum(listed["n_images"].values()) == 40
    assert listed["n_scored"] == frozen.splits["valid"]
    lower, upper = listed["accuracy_interval"]
    assert lower < listed["accuracy"] < upper
    text = peakid("exports").out
    assert "candidate" in text
    assert f"{frozen.splits['train']} + {frozen.splits['valid']} + {frozen.splits['test']}" in text


def test_a_workspace_without_exports_says_how_to_make_one(peakid, workspace):
    assert peakid("exports").out == "There is no export yet. Make one with: peakid export RUN\n"


def test_an_export_becomes_the_current_one_and_the_former_one_is_retired(peakid, add_export):
    add_export()
    add_export()
    assert peakid("exports", "stage", 1, "current", "--actor", "anna").out == "Export 1 is the current one.\n"
    answer = peakid("exports", "stage", 2, "current", "--actor", "beat", "--json")
    assert answer.json == {"export_id": 2, "before": "candidate", "stage": "current"}
    stages = {each["export_id"]: each["stage"] for each in peakid("exports", "--json").json}
    assert stages == {1: "retired", 2: "current"}
    log = peakid("exports", "log", 1, "--json").json
    assert [(each["to_stage"], each["actor"]) for each in log] == [
        ("retired", "human:beat"),
        ("current", "human:anna"),
    ]
    assert peakid("exports", "stage", 1, "current").out.endswith("Export 2 was it before and is retired.\n")


def test_the_data_of_an_export_are_the_images_of_its_snapshot(
    peakid, add_export, workspace, frozen, tmp_path
):
    add_export()
    seen = peakid("exports", "data", 1, "--json").json
    rows = workspace.query(
        "SELECT i.digest, t.label, t.split FROM snapshot_item t JOIN image i ON i.id = t.image_id"
    )
    assert {(each["digest"], each["label"], each["split"]) for each in seen} == {tuple(row) for row in rows}
    assert len(seen) == 40
    assert {each["source"] for each in seen} == {"folder"}
    file = tmp_path / "data.csv"
    assert "40 images" in peakid("exports", "data", 1, "--csv", file).out
    with file.open(newline="") as lines:
        assert [row["digest"] for row in csv.DictReader(lines)] == [each["digest"] for each in seen]
    assert "... and 20 more" in peakid("exports", "data", 1).out


def test_the_data_name_licence_and_page_and_what_was_removed_since(peakid, add_export, workspace):
    add_export()
    first, second = (each["digest"] for each in peakid("exports", "data", 1, "--json").json[:2])
    with workspace.transaction() as connection:
        connection.execute(
            "UPDATE origin SET licence = 'CC BY 4.0', author = 'A', page_url = 'https://example.org/1'"
            " WHERE image_id = (SELECT id FROM image WHERE digest = ?)",
            (first,),
        )
    forget.forget(workspace, second, actor=ANNA)
    seen = {each["digest"]: each for each in peakid("exports", "data", 1, "--json").json}
    assert (seen[first]["licence"], seen[first]["author"]) == ("CC BY 4.0", "A")
    assert not seen[first]["is_forgotten"]
    assert (seen[second]["path"], seen[second]["is_forgotten"]) == ("(forgotten)", True)


def test_a_model_that_started_from_another_one_saw_its_images_too(peakid, add_export, workspace, fill):
    from peakid.dataset import snapshot as snapshots

    add_export()  # Of run 1, on all 40 images.
    excluded = workspace.query("SELECT id FROM image ORDER BY id LIMIT 4")
    with workspace.transaction() as connection:
        connection.executemany(
            "UPDATE image_state SET verdict = 'exclude' WHERE image_id = ?", [tuple(row) for row in excluded]
        )
    second = snapshots.create(workspace, name="second", actor=ANNA)
    add_export(second, started_from=1)
    seen = peakid("exports", "data", 2, "--json").json
    assert len(seen) == 40
    assert sum(each["run_id"] == 1 for each in seen) == 4


@pytest.mark.slow
def test_current_is_accepted_wherever_an_export_is(peakid, add_export, tmp_path, draw, colour_export):
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "a.jpg").write_bytes(draw(1))
    photo = tmp_path / "photos" / "a.jpg"
    missing = peakid("predict", "current", photo, "--json")
    assert "No export is the current one" in missing.err
    add_export(folder=colour_export)
    peakid("exports", "stage", 1, "current")
    assert peakid("predict", "current", photo, "--json").json[0]["label"] in ("red", "green", "blue")
    peakid("exports", "stage", 1, "retired")
    assert peakid("predict", 1, photo).err == "Note: export 1 is retired.\n"
    peakid("exports", "stage", 1, "current")
    albums = peakid("sort", "current", tmp_path / "photos", tmp_path / "out", "--dry-run", "--json").json
    assert sum(albums["albums"].values()) == 1
    assert peakid("bundle", "current", "--out", tmp_path / "a.zip", "--json").json["bytes"] > 0
    assert peakid("exports", "data", "current", "--json").json != []


@pytest.mark.parametrize("wrong", ["zz", "9", "current"])
def test_an_export_that_is_not_there_is_named(peakid, add_export, wrong):
    add_export()
    answer = peakid("exports", "data", wrong)
    assert (answer.code, answer.out) == (1, "")
    assert "export" in answer.err
