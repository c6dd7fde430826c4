import io
import json


def test_an_image_is_labelled_by_a_shortened_digest_and_the_log_shows_it(peakid, plant):
    digest = plant({"a": "dom", "b": "eiger"})["a"]
    step = peakid("decide", "label", digest[:10], "eiger", "--actor", "anna", "--json").json
    assert (step["n_images"], step["decisions"][0]["digest"], step["decisions"][0]["actor"]) == (
        1,
        digest,
        "human:anna",
    )
    newest = peakid("log", "--json").json[0]
    assert set(newest) == {
        "decision_id",
        "step_id",
        "digest",
        "path",
        "verdict",
        "label",
        "reason",
        "actor",
        "decided_at",
        "undoes",
    }
    assert (newest["path"], newest["verdict"], newest["label"]) == ("dom/a.jpg", "label", "eiger")
    assert [row["digest"] for row in peakid("queue", "class:eiger", "--json").json][0] == digest


def test_undo_and_redo_revert_and_repeat_a_decision(peakid, plant):
    digest = plant({"a": "dom"})["a"]
    peakid("decide", "exclude", digest, "--reason", "a map", "--actor", "anna")
    assert peakid("status", "--json").json["n_excluded"] == 1
    assert peakid("undo", "--actor", "anna", "--json").json["decisions"][0]["verdict"] == "label"
    assert peakid("status", "--json").json["n_excluded"] == 0
    peakid("redo", "--actor", "anna")
    (row,) = peakid("queue", "excluded", "--json").json
    promised = {"digest": digest, "path": "dom/a.jpg", "label": "dom", "reason": "a map", "score": None}
    assert {name: row[name] for name in promised} == promised


def test_the_actor_comes_from_the_environment_unless_given(peakid, plant, monkeypatch):
    from peakid import settings

    digest = plant({"a": "dom"})["a"]
    monkeypatch.setenv("PEAKID_ACTOR", "beat")
    settings.current.cache_clear()
    assert peakid("decide", "flag", digest, "--json").json["decisions"][0]["actor"] == "human:beat"
    settings.current.cache_clear()


def test_classes_are_added_renamed_retired_and_listed(peakid, plant):
    plant({"a": "dom", "b": "dom"})
    peakid("classes", "add", "eiger")
    peakid("classes", "rename", "dom", "Dom")
    peakid("classes", "retire", "eiger")
    assert peakid("classes", "list", "--json").json == [
        {
            "class_name": "Dom",
            "n_images": 2,
            "n_reviewed": 0,
            "is_retired": False,
            "colour": None,
            "note": "",
            "merged_into": None,
        },
        {
            "class_name": "eiger",
            "n_images": 0,
            "n_reviewed": 0,
            "is_retired": True,
            "colour": None,
            "note": "",
            "merged_into": None,
        },
    ]


def test_bad_values_are_reported_with_the_value_and_a_remedy(peakid, plant):
    digest = plant({"a": "dom"})["a"]
    answers = {
        "no class 'dohm'": peakid("decide", "label", digest, "dohm"),
        "There is no queue 'unreviewd'": peakid("queue", "unreviewd"),
        "not a digest": peakid("decide", "flag", "xyz"),
        "no step left to undo": peakid("undo", "--actor", "anna"),
    }
    for part, answer in answers.items():
        assert (answer.code, answer.out) == (1, "")
        assert part in answer.err
        assert answer.err.count("\n") == 1
    assert json.loads(peakid("undo", "--actor", "anna", "--json").err)["error"] == "NothingToUndo"
    assert peakid("decide", "exclude", digest).code == 2  # A reason is needed.


def test_imports_and_their_rejections_are_listed(peakid, tmp_path, draw):
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "a.jpg").write_bytes(draw(1))
    (tmp_path / "photos" / "b.jpg").write_text("no picture")
    peakid("init")
    peakid("import", "folder", tmp_path / "photos")
    (import_,) = peakid("import", "list", "--json").json
    assert (import_["n_added"], import_["n_rejected"]) == (1, 1)
    (rejected,) = peakid("import", "rejections", "--json").json
    assert (rejected["path"], rejected["reason"]) == ("b.jpg", "not_an_image")


def test_the_log_is_listed_by_step(peakid, plant):
    plant({"a": "dom", "b": "dom"})
    (step,) = peakid("log", "--steps", "--json").json
    assert (step["kind"], step["actor"], step["n_images"]) == ("import", "import:folder", 2)


def test_the_images_of_a_list_are_decided_in_one_step_after_a_look(peakid, plant, tmp_path):
    digests = plant({"a": "dom", "b": "dom", "c": "eiger"})
    file = tmp_path / "issues.csv"
    file.write_text(f"path,label,verdict,reason\ndom/a.jpg,eiger,,\n{digests['c'][:12]},,exclude,a map\n")
    asked = peakid("decide", "list", str(file))
    assert asked.code == 1
    assert "This would decide on 2 images: 1 label, 1 exclude." in asked.err
    assert peakid("status", "--json").json["n_excluded"] == 0
    step = peakid("decide", "list", str(file), "--yes", "--actor", "anna", "--json").json
    assert [(each["verdict"], each["label"], each["actor"]) for each in step["decisions"]] == [
        ("label", "eiger", "human:anna"),
        ("exclude", "eiger", "human:anna"),
    ]
    peakid("undo", "--actor", "anna")
    assert peakid("status", "--json").json["n_excluded"] == 0


def test_a_list_comes_from_the_standard_input(peakid, plant, monkeypatch):
    def given(text):
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(text.encode())))

    digests = plant({"a": "dom", "b": "dom", "c": "eiger"})
    lines = "\n".join([digests["a"], digests["b"][:10]])
    given(lines)
    step = peakid("decide", "list", "-", "label", "eiger", "--yes", "--json").json
    assert step["n_images"] == 2
    given(lines)
    refused = peakid("decide", "list", "-", "label", "--yes")
    assert "The class is missing." in refused.err
    given("0000\n")
    refused = peakid("decide", "list", "-", "--yes")
    assert "line 1: no image has the digest or path 0000" in refused.err
