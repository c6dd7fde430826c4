"""Engines on the command line: listed, and refused where Ray is not installed."""

import json
import sys

import pytest

from peakid.engines import opening
from peakid.jobs import queue


def test_the_engines_are_listed_with_what_they_have(peakid, monkeypatch):
    local, ray = peakid("engines", "--json").json
    assert (local["engine"], local["is_ready"], local["is_default"]) == ("local", True, True)
    assert local["n_cores"] == opening.n_cores()
    assert (ray["engine"], ray["is_default"], ray["address"]) == ("ray", False, "")
    monkeypatch.setenv("PEAKID_WORKERS", "3")
    assert peakid("engines", "--json").json[0]["n_workers"] == 3
    text = peakid("engines").out
    assert "local" in text
    assert "this machine" in text


def test_without_ray_everything_else_works_and_one_line_says_how_to_get_it(
    peakid, workspace, fill, monkeypatch
):
    monkeypatch.setitem(sys.modules, "ray", None)
    found = opening.importlib.util.find_spec
    monkeypatch.setattr(
        opening.importlib.util, "find_spec", lambda name, *rest: None if name == "ray" else found(name)
    )
    fill(river=1)
    line = 'pip install "peakid[cluster]"'
    for command in ("scan", "embed", "train"):
        refused = peakid(command, "--engine", "ray", "--json")
        assert (refused.code, json.loads(refused.err)["error"]) == (1, "ExtraMissing")
        assert line in refused.err.replace("\\", "")
    assert line in peakid("engines").out
    assert peakid("engines", "--json").json[1]["is_ready"] is False
    assert peakid("scan", "--json").json["n_scanned"] == 1


@pytest.mark.usefixtures("as_idle")
def test_the_engine_of_a_command_travels_in_its_job(peakid, workspace, fill, monkeypatch):
    fill(river=1)
    monkeypatch.setenv("PEAKID_RAY_ADDRESS", "head:6379")
    job_id = peakid("embed", "--engine", "ray", "--workers", "4", "--json").json["job_id"]
    chosen = queue.show(workspace, job_id).settings
    assert (chosen.engine, chosen.n_workers, chosen.ray_address) == ("ray", 4, "head:6379")
    plain = peakid("scan", "--no-wait", "--json").json["job_id"]
    assert queue.show(workspace, plain).settings.engine == "local"


@pytest.mark.usefixtures("as_idle")
def test_heat_maps_averaged_views_and_exports_take_an_engine_too(peakid, workspace, frozen, add_run):
    run_id = add_run(frozen)
    for command in (("heat-maps", "--no-wait"), ("tta",), ("export", "--no-wait")):
        name, *more = command
        job_id = peakid(name, run_id, *more, "--workers", "3", "--json").json["job_id"]
        assert queue.show(workspace, job_id).settings.n_workers == 3


def test_a_folder_stands_for_its_photos_and_an_empty_one_is_refused(peakid, tmp_path):
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "notes.txt").write_text("no photo")
    refused = peakid("predict", tmp_path / "no-export", tmp_path / "photos", "--json")
    assert (refused.code, json.loads(refused.err)["error"]) == (1, "BadInput")
    assert "There is no photo in" in refused.err


def test_a_mistyped_engine_leads_to_the_right_one(peakid):
    refused = peakid("scan", "--engine", "rya")
    assert refused.code == 2
    assert "'ray'" in refused.err
