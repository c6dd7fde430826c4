"""`peakid sort` and `peakid unsort` on real files."""

import hashlib
import json
import shutil

import pytest
from PIL import Image

from tests import hostile_images

COLOURS = {"red": (200, 30, 20), "green": (20, 210, 30), "blue": (10, 40, 220)}


@pytest.fixture
def folder(tmp_path):
    """Two photos of each colour, one grey one, and a file that is no photo."""
    made = tmp_path / "photos"
    made.mkdir()
    for name, colour in {**COLOURS, "grey": (90, 90, 90)}.items():
        for n in (1, 2):
            Image.new("RGB", (30, 20), colour).save(made / f"{name}{n}.png")
    (made / "grey2.png").unlink()
    (made / "bad.jpg").write_text("no picture")
    return made


def test_photos_are_sorted_counted_and_taken_back(peakid, colour_export, folder, tmp_path):
    out = tmp_path / "albums"
    arguments = ["sort", str(colour_export), str(folder), str(out), "--threshold", "0.5", "--json"]
    preview = peakid(*arguments, "--dry-run").json
    assert not out.exists()
    found = peakid(*arguments).json
    assert preview["albums"] == found["albums"] == {"blue": 2, "green": 2, "red": 2, "other": 1}
    assert (found["n_unreadable"], found["n_made"]) == (1, 7)
    assert found["unreadable"][0]["path"] == "bad.jpg"
    assert sorted(each.name for each in (out / "red").iterdir()) == ["red1.png", "red2.png"]
    taken = peakid("unsort", str(out), "--json").json
    assert (taken["n_removed"], taken["left"]) == (7, [])
    assert not out.exists()
    assert len(list(folder.iterdir())) == 8


@pytest.mark.slow
def test_workers_sort_as_one_process_does(peakid, colour_export, folder, tmp_path):
    found = {}
    for name, options in (("alone", ()), ("workers", ("--engine", "local", "--workers", "2"))):
        out = tmp_path / name
        result = peakid("sort", str(colour_export), str(folder), str(out), *options, "--json")
        table = (out / "albums.csv").read_text().replace(name, "")
        found[name] = ({**result.json, "out": ""}, table)
    assert found["alone"] == found["workers"]
    assert "Engine local: 1 shard" in result.err


def test_hostile_files_are_named_and_the_others_sorted(peakid, colour_export, folder, tmp_path):
    whole = (folder / "red1.png").read_bytes()
    (folder / "bomb.png").write_bytes(hostile_images.png(40_000, 40_000, n_rows=10))
    (folder / "cut.png").write_bytes(whole[: len(whole) // 2])
    (folder / "empty.jpg").touch()
    out = tmp_path / "albums"
    found = peakid("sort", str(colour_export), str(folder), str(out), "--json").json
    reasons = {each["path"]: each["reason"] for each in found["unreadable"]}
    assert set(reasons) == {"bad.jpg", "bomb.png", "cut.png", "empty.jpg"}
    assert "40000 x 40000 is over the limit" in reasons["bomb.png"]
    assert found["n_made"] == 7
    assert len(list(out.glob("*/*"))) == 7


def test_another_sorting_predicts_only_what_is_new(peakid, colour_export, folder, tmp_path):
    out = tmp_path / "albums"
    arguments = ["sort", str(colour_export), str(folder), str(out), "--json"]
    first = peakid(*arguments).json
    assert first["n_predicted"] == 7
    Image.new("RGB", (30, 20), (10, 40, 220)).save(folder / "red1.png")  # Another photo of the same name.
    Image.new("RGB", (30, 20), (200, 30, 20)).save(folder / "new.png")
    preview = peakid(*arguments, "--threshold", "0.5", "--dry-run").json
    found = peakid(*arguments, "--threshold", "0.5").json
    assert (preview["n_predicted"], found["n_predicted"]) == (2, 2)
    assert preview["albums"] == found["albums"] == {"blue": 3, "green": 2, "red": 2, "other": 1}
    card = json.loads((colour_export / "card.json").read_text())
    card["class_names"] = ["crimson", *card["class_names"][1:]]
    (colour_export / "card.json").write_text(json.dumps(card))
    other = peakid(*arguments).json
    assert (other["n_predicted"], other["albums"]["crimson"]) == (8, 3)
    peakid("unsort", str(out))
    assert not out.exists()


def test_the_int8_file_of_an_export_can_sort(peakid, colour_export, folder, tmp_path):
    arguments = ["sort", str(colour_export), str(folder), str(tmp_path / "out"), "--int8", "--json"]
    refused = peakid(*arguments)
    assert (refused.code, "has no ONNX int8 file" in refused.err) == (1, True)
    assert not (tmp_path / "out").exists()
    shutil.copyfile(colour_export / "model.onnx", colour_export / "model-int8.onnx")
    card = json.loads((colour_export / "card.json").read_text())
    sha256 = hashlib.sha256((colour_export / "model-int8.onnx").read_bytes()).hexdigest()
    card["files"] += [{"name": "model-int8.onnx", "format": "onnx-int8", "sha256": sha256, "bytes": 1}]
    (colour_export / "card.json").write_text(json.dumps(card))
    (colour_export / "model.onnx").unlink()  # Only the file of 8 bits is read.
    assert peakid(*arguments).json["albums"]["blue"] == 2


@pytest.mark.parametrize(
    ("options", "ms", "words"),
    [
        (
            (),
            32_000,
            "about 7 s less, by the times of the export's proof. That file predicts as the run does on",
        ),
        (("--int8",), 32_000, ""),
        ((), 20_000, ""),  # 7 x (20 - 1) / 32 s = 4 s: less than five.
    ],
)
def test_what_the_int8_file_would_save_is_said(peakid, colour_export, folder, tmp_path, options, ms, words):
    card = json.loads((colour_export / "card.json").read_text())
    card["files"] += [{**card["files"][0], "format": "onnx-int8"}]
    times = {"onnx": (50, 1.0, ms), "onnx-int8": (50, 0.98, 1_000)}
    card["figures"] = {
        "formats": {
            name: {"n_images": n, "agreement": share, "batch": {"p50_ms": p50, "p95_ms": p50, "n_calls": 5}}
            for name, (n, share, p50) in times.items()
        }
    }
    (colour_export / "card.json").write_text(json.dumps(card))
    done = peakid("sort", str(colour_export), str(folder), str(tmp_path / "out"), *options)
    assert ("--int8" in done.out, words in done.out) == (bool(words), True)
    assert ("on 49 of 50 validation images" in done.out) == bool(words)
    again = peakid("sort", str(colour_export), str(folder), str(tmp_path / "out"), *options)
    assert "--int8" not in again.out  # Nothing was predicted.


def test_groups_of_classes_share_an_album(peakid, colour_export, folder, tmp_path):
    arguments = ["--album", "warm = red, green", "--nested", "--json", "--mode", "csv"]
    found = peakid("sort", str(colour_export), str(folder), str(tmp_path / "out"), *arguments).json
    assert found["albums"]["warm/red"] == 3  # The grey photo too: .33 and .33.
    assert found["albums"]["blue"] == 2


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--album", "warm"], "NAME=CLASS"),
        (["--album", "warm=rd"], "no class 'rd'"),
    ],
)
def test_bad_input_is_one_line(peakid, colour_export, folder, tmp_path, arguments, words):
    out = tmp_path / "out"
    done = peakid("sort", str(colour_export), str(folder), str(out), *arguments)
    assert done.code == 1
    assert words in done.err
    assert not out.exists()


def test_a_folder_without_photos_is_said(peakid, colour_export, tmp_path):
    (tmp_path / "empty").mkdir()
    done = peakid("sort", str(colour_export), str(tmp_path / "empty"), str(tmp_path / "out"))
    assert (done.code, "no photo" in done.err) == (1, True)
    done = peakid("sort", str(colour_export), str(tmp_path / "nothing"), str(tmp_path / "out"))
    assert "not a folder" in done.err
