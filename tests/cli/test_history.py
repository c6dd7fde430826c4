"""Commands for the history, the classes, backups and removal."""

from peakid.curate import decisions
from peakid.curate.duplicates import pair_judgements
from peakid.records import Choice


def test_all_steps_of_one_person_since_a_time_are_counted_and_then_undone(peakid, workspace, plant):
    digests = plant({"a": "dom", "b": "eiger"})
    decisions.decide(workspace, [Choice(digests["a"], "label", "eiger")], actor="human:ben")
    request = ("undo", "--all-by", "ben", "--since", "2000-01-01", "--actor", "anna", "--json")
    planned = peakid(*request, "--dry-run").json
    assert (planned["n_steps"], planned["n_images"], planned["is_dry_run"]) == (1, 1, True)
    assert peakid("queue", "class:eiger", "--json").json[0]["digest"] == digests["a"]
    assert peakid(*request).json["n_images"] == 1
    assert [row["label"] for row in peakid("log", "--image", digests["a"][:10], "--json").json] == [
        "dom",
        "eiger",
        "dom",
    ]
    assert peakid(*request).code == 1
    assert peakid("redo", "--actor", "anna", "--json").json["n_images"] == 1


def test_the_log_of_an_image_tells_which_grey_values_were_stretched(peakid, workspace, fill):
    digest = fill(river=1)[0]
    assert "black to white" not in peakid("log", "--image", digest).out
    with workspace.transaction() as connection:
        connection.execute("UPDATE image_measure SET grey_range = '4 to 4091'")
    assert peakid("log", "--image", digest).out.startswith(
        "Its values 4 to 4091 are shown as black to white.\n"
    )


def test_an_incomplete_undo_is_a_usage_error_and_a_wrong_time_is_explained(peakid, workspace):
    assert peakid("undo", "--all-by", "ben").code == 2
    wrong = peakid("undo", "--all-by", "ben", "--since", "yesterday")
    assert (wrong.code, "yesterday" in wrong.err) == (1, True)


def test_the_log_is_filtered_paged_and_written_as_csv(peakid, workspace, plant, tmp_path):
    digests = plant({"a": "dom", "b": "eiger"})
    decisions.decide(workspace, [Choice(digests["a"], "label", "eiger")], actor="human:ben")
    steps = peakid("log", "--steps", "--json").json
    assert [step["actor"] for step in steps] == ["human:ben", "import:folder"]
    assert [
        step["actor"] for step in peakid("log", "--steps", "--before", steps[0]["step_id"], "--json").json
    ] == ["import:folder"]
    assert [step["actor"] for step in peakid("log", "--by", "ben", "--json").json] == ["human:ben"]
    assert len(peakid("log", "--class", "dom", "--json").json) == 1
    assert peakid("log", "--csv", tmp_path / "log.csv", "--json").json["n_decisions"] == 3
    assert peakid("log", "--pace", "--actor", "ben", "--json").json["n_today"] == 1


def test_classes_are_merged_ordered_and_described(peakid, workspace, plant):
    digests = plant({"a": "moench", "b": "mönch", "c": "dom"})
    planned = peakid("classes", "merge", "moench", "mönch", "--dry-run", "--json").json
    assert (planned["n_images"], planned["n_reviewed"], planned["step_id"]) == (1, 0, None)
    assert (
        peakid("classes", "merge", "moench", "mönch").out
        == "Moved 1 image from moench to mönch, 0 of them reviewed.\n"
    )
    merged = {row["class_name"]: row for row in peakid("classes", "list", "--json").json}
    assert (merged["mönch"]["n_images"], merged["moench"]["merged_into"]) == (2, "mönch")
    assert [row["class_name"] for row in peakid("classes", "order", "dom", "--json").json] == ["dom", "mönch"]
    described = peakid(
        "classes",
        "describe",
        "dom",
        "--note",
        "flat",
        "--colour",
        "#0072b2",
        "--example",
        digests["c"][:9],
        "--json",
    ).json
    assert (described["note"], described["colour"], described["examples"], described["key"]) == (
        "flat",
        "#0072B2",
        [digests["c"]],
        "1",
    )
    assert peakid("classes", "describe", "dom").out == f"dom (1 image)\nflat\n{digests['c'][:12]}\n"


def test_a_workspace_is_backed_up_restored_and_an_image_forgotten(peakid, workspace, fill, tmp_path):
    digests = fill(river=2)
    assert peakid("backup", tmp_path / "b.zip", "--json").json["n_images"] == 2
    planned = peakid("forget", digests[0][:10], "--dry-run", "--json").json
    assert (planned["n_images"], planned["is_dry_run"]) == (1, True)
    assert peakid("status", "--json").json["n_images"] == 2
    assert peakid("forget", digests[0][:10], "--reason", "asked for", "--json").json["digests"] == [
        digests[0]
    ]
    refused = peakid("restore", tmp_path / "b.zip")
    assert (refused.code, "--replace" in refused.err) == (1, True)
    workspace.close()
    done = peakid("restore", tmp_path / "b.zip", "--replace", "--json").json
    assert (done["n_images"], done["n_forgotten"]) == (1, 1)


def test_a_step_of_a_tag_or_of_duplicates_says_what_it_did(peakid, workspace, plant):
    digests = plant({"a": "dom", "b": "dom"})
    peakid("tag", digests["a"], "snow", "--actor", "ben")
    newest = peakid("log", "--steps", "--json").json[0]
    assert (newest["what"], newest["n_images"]) == ("added the tag snow to dom/a.jpg", 1)
    assert "added the tag snow to dom/a.jpg" in peakid("log", "--steps").out
    assert peakid("undo", "--actor", "ben").out == "Undid: added the tag snow to dom/a.jpg.\n"
    assert peakid("redo", "--actor", "ben").out == "Redid: added the tag snow to dom/a.jpg.\n"
    pair_judgements.judge(workspace, [(1, 2)], "different", actor="human:ben")
    assert peakid("undo", "--actor", "ben").out == (
        "Undid: called dom/a.jpg and dom/b.jpg different pictures.\n"
    )
