"""From an export to the Hub and back: what is said before, what is recorded, and what a failure leaves."""

import hashlib
import json
import time

import pytest

from peakid.keep import forget
from peakid.store import exports
from tests import stub_hub

NAME = "anna/colours"
pytestmark = pytest.mark.slow  # A bundle draws pictures and predicts them.


@pytest.fixture
def hub(monkeypatch):
    with stub_hub.serving() as served:
        monkeypatch.setenv("HF_TOKEN", stub_hub.WRITER)
        monkeypatch.setenv("HF_ENDPOINT", served.url)
        monkeypatch.setattr(time, "sleep", lambda _seconds: None)
        yield served


@pytest.fixture
def exported(workspace, frozen, add_run, colour_export):
    """An export of a run, with an ONNX file that predicts colours."""
    return exports.add(workspace, run_id=add_run(frozen), path=colour_export, files=[], parity={})


@pytest.fixture
def photo(tmp_path, draw):
    (tmp_path / "a.jpg").write_bytes(draw(1))
    return tmp_path / "a.jpg"


def test_an_export_goes_to_the_hub_and_comes_back_with_the_same_answers(
    peakid, hub, exported, workspace, photo
):
    pushed = peakid("hub", "push", 1, NAME)
    assert pushed.code == 0
    assert "Those with access to this private repository will see in anna/colours" in pushed.out
    assert "the classes river, sea" in pushed.out
    assert "no photo" in pushed.out
    assert f"Pushed to {hub.url}/{NAME}/tree/" in pushed.out
    assert pushed.out.endswith("It is private.\n")
    (listed,) = peakid("hub", "list", "--json").json["pushed"]
    assert (listed["export_id"], listed["repository"], listed["is_public"]) == (1, NAME, False)
    assert listed["revision"] == hub.repositories[NAME].commits[-1][0]

    pulled = peakid("hub", "pull", NAME, "--json").json
    assert (pulled["export"], pulled["is_proven_here"]) == (f"hub:{NAME}", False)
    assert pulled["class_names"] == ["red", "green", "blue"]
    assert pulled["n_golden"] > 10
    assert pulled["golden_difference"] <= 1e-5
    assert pulled["path"].startswith(str(workspace.exports_dir))
    here, back = (peakid("predict", each, photo, "--json").json for each in (1, f"hub:{NAME}"))
    assert here == back
    row = peakid("exports", "--json").json[-1]
    assert (row["export"], row["stage"], row["is_proven_here"]) == (f"hub:{NAME}", None, False)
    assert "measured elsewhere, not here" in peakid("exports").out
    again = peakid("hub", "pull", NAME, "--json").json
    assert again["path"] == pulled["path"]
    assert len(peakid("hub", "list", "--json").json["pulled"]) == 1
    assert sorted(each.name for each in workspace.exports_dir.iterdir()) == [
        pulled["path"].rpartition("/")[2]
    ]


def test_a_dry_run_says_what_a_public_repository_would_show_and_asks_nobody(peakid, hub, exported):
    answer = peakid("hub", "push", 1, NAME, "--public", "--dry-run")
    assert answer.out.startswith(f"Everybody will see in {NAME} on {hub.url}:\n")
    document = peakid("hub", "push", 1, NAME, "--dry-run", "--json").json
    assert document["classes"] == ["river", "sea"]
    assert document["left_out"] == []
    assert {"model.onnx", "card.json", "README.md", "checksums.txt"} <= document["files"].keys()
    assert hub.asked == []


def test_a_refused_push_is_not_recorded(peakid, hub, exported):
    hub.add(NAME, {}, is_private=False)
    refused = peakid("hub", "push", 1, NAME)
    assert refused.code == 1
    assert "Everybody can read anna/colours" in refused.err
    hub.faults["/commit"] = 503
    assert "status 503" in peakid("hub", "push", 1, NAME, "--public").err
    assert peakid("hub", "list").out == "Nothing was pushed to the Hub or pulled from it yet.\n"


def test_a_repository_that_was_private_stays_so_and_that_is_said(peakid, hub, exported):
    hub.add(NAME, {}, is_private=True)
    assert peakid("hub", "push", 1, NAME, "--public").out.endswith("was private before and stays so.\n")


def test_a_failed_pull_leaves_nothing(peakid, hub, exported, workspace):
    peakid("hub", "push", 1, NAME)
    hub.altered["model.onnx"] = b"other"
    answer = peakid("hub", "pull", NAME)
    assert (answer.code, "Nothing was pulled" in answer.err) == (1, True)
    assert list(workspace.exports_dir.iterdir()) == []
    assert peakid("hub", "list", "--json").json["pulled"] == []
    assert "was not pulled into this workspace" in peakid("predict", f"hub:{NAME}", "x.jpg").err


def test_a_model_that_answers_otherwise_here_is_refused(peakid, hub, exported, workspace):
    peakid("hub", "push", 1, NAME)
    files = dict(hub.repositories[NAME].commits[-1][1])
    answers = json.loads(files["golden/answers.json"])
    answers["scene0.jpg"] = answers["scene0.jpg"][::-1]
    for damaged in (answers, {"../../card.json": [1.0]}, [], {"scene0.jpg": "x"}):
        files["golden/answers.json"] = json.dumps(damaged).encode()
        del files["checksums.txt"]
        files["checksums.txt"] = "".join(
            f"{hashlib.sha256(each).hexdigest()}  {name}\n" for name, each in files.items()
        ).encode()
        hub.add(NAME, files)
        refused = peakid("hub", "pull", NAME)
        assert (refused.code, "Nothing was pulled" in refused.err) == (1, True)
    assert list(workspace.exports_dir.iterdir()) == []


def test_files_that_the_bundle_leaves_out_are_named(peakid, hub, workspace, frozen, add_run, colour_export):
    files = [{"name": "model.onnx"}, {"name": "export.pkl"}]
    exports.add(workspace, run_id=add_run(frozen), path=colour_export, files=files, parity={})
    assert peakid("hub", "push", 1, NAME, "--dry-run", "--json").json["left_out"] == ["export.pkl"]


def test_forgetting_an_image_names_the_repository_with_its_model(peakid, hub, exported, workspace):
    peakid("hub", "push", 1, NAME, "--public")
    digest = workspace.one("SELECT digest FROM image ORDER BY id")[0]
    (export,) = forget.plan(workspace, digest).exports
    (push,) = export["pushed"]
    assert (push["repository"], push["is_public"]) == (NAME, True)
    assert push["url"] in peakid("forget", digest, "--dry-run").out
