"""`peakid report`: one HTML page, and the same figures as JSON."""

import json

import pytest

from peakid.store import runs


@pytest.fixture
def run_id(frozen, add_run) -> int:
    return add_run(frozen, n_wrong=2)


def test_the_files_have_what_is_printed(peakid, run_id, tmp_path):
    html, figures = tmp_path / "new" / "report.html", tmp_path / "report.json"
    answer = peakid("report", run_id, "--html", html, "--figures", figures)
    assert answer.code == 0
    assert "Run 1 on validation: accuracy 71 % (36-92 %, n = 7)" in answer.out
    assert html.read_text("utf-8").startswith("<!DOCTYPE html>")
    assert "71 % (36-92 %, n = 7)" in html.read_text("utf-8")
    assert "<img" not in html.read_text("utf-8")  # Off by default.
    printed = peakid("report", run_id, "--json").json
    written = json.loads(figures.read_text("utf-8"))
    assert printed | {"made_at": ""} == written | {"made_at": ""}
    peakid("report", run_id, "--html", html, "--gallery")
    assert html.read_text("utf-8").count("<img") == 2


def test_without_a_file_nothing_is_computed(peakid, run_id, workspace):
    answer = peakid("report", run_id, "--split", "test")
    assert (answer.code, answer.err.strip()) == (
        1,
        "No file is named. Name a file for the HTML page or for the JSON document.",
    )
    assert runs.show(workspace, run_id).n_test_looks == 0


def test_a_look_at_test_is_counted_once(peakid, run_id, workspace, tmp_path):
    peakid("report", run_id, "--split", "test", "--html", tmp_path / "a.html")
    assert runs.show(workspace, run_id).n_test_looks == 1


def test_what_has_no_score_is_refused_in_words(peakid, run_id, tmp_path):
    answer = peakid("report", run_id, "--split", "cv", "--html", tmp_path / "a.html")
    assert answer.code == 1
    assert "was not cross-validated" in answer.err
    assert not (tmp_path / "a.html").exists()
    assert "There is no run 9." in peakid("report", 9, "--html", tmp_path / "a.html").err
