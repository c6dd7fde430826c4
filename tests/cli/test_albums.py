"""`peakid albums`: a folder is predicted once, then sorted with other rules, corrected and written."""

import pytest
from PIL import Image

from peakid.jobs import ledger, process, queue, tasks
from peakid.store import exports

COLOURS = {"red": (200, 30, 20), "green": (20, 210, 30), "blue": (10, 40, 220), "grey": (90, 90, 90)}


@pytest.fixture
def folder(tmp_path, workspace, frozen, add_run, colour_export, as_idle):
    """A photo of each colour, and a file that is no photo; export 1 predicts the colour."""
    exports.add(workspace, run_id=add_run(frozen), path=colour_export, files=[], parity={})
    made = tmp_path / "photos"
    made.mkdir()
    for name, colour in COLOURS.items():
        Image.new("RGB", (30, 20), colour).save(made / f"{name}.png")
    (made / "bad.jpg").write_text("no picture")
    return made


def run_job(workspace, answer):
    assert answer.json["state"] == "queued"
    work = ledger.claim(workspace, answer.json["job_id"], process.own())
    tasks.run(work)
    work.end("done")
    return queue.show(workspace, work.job_id).result


def test_a_folder_is_previewed_corrected_written_and_taken_back(peakid, workspace, folder, tmp_path):
    assert peakid("albums", "list", "--json").json == []
    run_job(workspace, peakid("albums", "preview", "1", folder, "--json"))
    [row] = peakid("albums", "list", "--json").json
    assert (row["export_id"], row["n_photos"], row["n_unreadable"]) == (1, 4, 1)
    key = row["preview"]
    shown = peakid("albums", "show", key, "--threshold", "0.5", "--album", "warm=red,green", "--json").json
    assert shown["albums"] == {"warm": 3, "blue": 1}  # Grey too: the sum of .33 and .33.
    assert [each["path"] for each in shown["unreadable"]] == ["bad.jpg"]
    placed = peakid("albums", "place", key, "grey.png", "--class", "blue", "--learn", "--json").json
    assert (placed["n_photos"], len(placed["image_ids"]), placed["failed"]) == (1, 1, [])
    assert peakid("albums", "show", key, "--json").json["albums"] == {"blue": 2, "green": 1, "red": 1}
    out = tmp_path / "albums"
    written = run_job(workspace, peakid("albums", "write", key, out, "--json"))
    assert (written.n_made, written.albums["blue"]) == (4, 2)
    assert (out / "blue/grey.png").is_file()
    assert run_job(workspace, peakid("albums", "undo", out, "--json")).n_removed == 4
    peakid("albums", "place", key, "grey.png", "--back")
    counts = peakid("albums", "show", key, "--threshold", "0.5", "--json").json["albums"]
    assert counts == {"blue": 1, "green": 1, "other": 1, "red": 1}
    assert peakid("albums", "remove", key).code == 0
    assert peakid("albums", "list", "--json").json == []


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["show", "0" * 16], "no preview"),
        (["place", "0" * 16, "a.png"], "--class or --back"),
        (["preview", "9", "."], "no export 9"),
        (["undo", "nowhere"], "No photos were sorted"),
        (["remove", "../images"], "no preview"),
    ],
)
def test_bad_input_is_one_line(peakid, workspace, arguments, words):
    done = peakid("albums", *arguments)
    assert (done.code, done.out) == (1, "")
    assert words in done.err
