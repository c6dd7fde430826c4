"""A bundle: complete, described, checked by its own script, and without code that runs when it is opened."""

import hashlib
import json
import os
import subprocess
import sys
import zipfile
from xml.etree import ElementTree

import numpy as np
import pytest

from peakid.errors import BadInput
from peakid.serve.bundle import bundle, model_card, one_page
from peakid.serve.bundle.model_card import ClassFacts, ModelFacts

FACTS = ModelFacts(
    title="Colours",
    score="91 % (80-96 %, n = 55)",
    classes=[ClassFacts("red", 10, 3, 2, "90 %"), ClassFacts("a|b*c\nd", 4, 1, 1)],
    sources={"folder": 19},
    licences={"": 10, "CC BY 4.0": 9},
    weights="random weights",
    warnings=["3 groups leak."],
    credits={"CREDITS.csv": b"digest,author\n0a,A. Adams\n"},
)


@pytest.fixture
def unpacked(colour_export, tmp_path):
    out = tmp_path / "colours.zip"
    bundle.write(colour_export, out, FACTS, threshold=0.5)
    with zipfile.ZipFile(out) as archive:
        archive.extractall(tmp_path / "b")
    return tmp_path / "b"


def test_every_file_is_listed_with_its_checksum(unpacked):
    lines = (unpacked / "checksums.txt").read_text().splitlines()
    listed = dict(reversed(line.split("  ", 1)) for line in lines)
    there = {each.relative_to(unpacked).as_posix() for each in unpacked.rglob("*") if each.is_file()}
    assert set(listed) == there - {"checksums.txt"}
    for name, digest in listed.items():
        assert hashlib.sha256((unpacked / name).read_bytes()).hexdigest() == digest
    assert (unpacked / "CREDITS.csv").read_bytes() == FACTS.credits["CREDITS.csv"]
    assert "CREDITS.csv" in (unpacked / "MODEL_CARD.md").read_text()
    assert {each.suffix for each in unpacked.rglob("*")} & {".pkl", ".pt", ".pickle"} == set()


def test_class_names_and_threshold_travel_with_it(unpacked):
    assert (unpacked / "labels.txt").read_text() == "red\ngreen\nblue\n"
    assert json.loads((unpacked / "card.json").read_text())["facts"]["threshold"] == 0.5
    answers = json.loads((unpacked / "golden" / "answers.json").read_text())
    assert all(sum(row) == pytest.approx(1, abs=1e-4) and len(row) == 3 for row in answers.values())
    assert "torch" not in (unpacked / "requirements.txt").read_text()
    assert "USER 10001" in (unpacked / "Dockerfile").read_text()


def verified(folder, *arguments, **variables):
    """Run verify.py there without this project on the path."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"} | variables
    command = [sys.executable, "verify.py", *arguments]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.slow
def test_its_script_proves_it_and_notices_a_change(unpacked):
    done = verified(unpacked)
    assert (done.returncode, done.stderr) == (0, "")
    assert "answers as it did" in done.stdout
    answers = json.loads((unpacked / "golden" / "answers.json").read_text())
    answers["grey.png"][0] += 0.01
    (unpacked / "golden" / "answers.json").write_text(json.dumps(answers))
    done = verified(unpacked)
    assert done.returncode == 1
    assert "golden/answers.json" in done.stdout
    lines = (unpacked / "checksums.txt").read_text().splitlines()
    kept = [line for line in lines if not line.endswith("answers.json")]
    (unpacked / "checksums.txt").write_text("\n".join(kept))
    done = verified(unpacked)
    assert done.returncode == 1
    assert "grey.png" in done.stdout


def test_a_bundle_overwrites_nothing(colour_export, tmp_path):
    (tmp_path / "there.zip").write_text("mine")
    with pytest.raises(BadInput, match="never overwrites"):
        bundle.write(colour_export, tmp_path / "there.zip", FACTS)
    assert (tmp_path / "there.zip").read_text() == "mine"


@pytest.mark.slow
def test_two_bundles_of_one_export_are_the_same_bytes(colour_export, tmp_path):
    for name in ("one.zip", "two.zip"):
        bundle.write(colour_export, tmp_path / name, FACTS)
    assert (tmp_path / "one.zip").read_bytes() == (tmp_path / "two.zip").read_bytes()


def test_the_card_says_what_is_known_and_what_is_not():
    text = model_card.text(FACTS, {"model.onnx": "The model."})
    assert text.startswith('---\nlicense: "unknown"\nlibrary_name: onnx\n')
    assert "91 % (80-96 %, n = 55)" in text
    assert "| not known | 10 |" in text
    assert "| a\\|b\\*c d | 4 |" in text
    assert "3 groups leak." in text
    assert model_card.PEOPLE not in text
    people = model_card.text(ModelFacts("Faces", names_people=True), {})
    assert model_card.PEOPLE in people
    assert "not measured" in people


def test_files_that_hold_a_pickle_stay_out(colour_export):
    card = json.loads((colour_export / "card.json").read_text())
    (colour_export / "export.pkl").write_bytes(b"code")
    with zipfile.ZipFile(colour_export / "model.torchscript.pt", "w") as archive:
        archive.writestr("model/data.pkl", b"code")
    with zipfile.ZipFile(colour_export / "model.pt2", "w") as archive:
        archive.writestr("model/weights", b"numbers")
    for name in ("export.pkl", "model.torchscript.pt", "model.pt2"):
        card["files"].append({"name": name, "format": name, "sha256": "", "bytes": 1})
    (colour_export / "card.json").write_text(json.dumps(card))
    contents = bundle.collect(colour_export, FACTS)
    assert {"model.onnx", "model.pt2"} <= set(contents)
    assert not {"export.pkl", "model.torchscript.pt"} & set(contents)
    listed = [each["name"] for each in json.loads(contents["card.json"])["files"]]
    assert listed == ["model.onnx", "model.pt2"]


@pytest.mark.slow
def test_class_names_of_any_kind_travel(colour_export, tmp_path):
    names = ['CON: a/b\\c?"*', "Mönch 🦦 </script><b>", "trailing. "]
    card = json.loads((colour_export / "card.json").read_text())
    (colour_export / "card.json").write_text(json.dumps(card | {"class_names": names}))
    facts = ModelFacts(
        "Odd", classes=[ClassFacts(name, 1, 1, 1) for name in names], confusion=np.eye(3, dtype=int)
    )
    bundle.write(colour_export, tmp_path / "odd.zip", facts)
    with zipfile.ZipFile(tmp_path / "odd.zip") as archive:
        assert all(name.isascii() and not set(name) & set('\\:*?"<>|') for name in archive.namelist())
        archive.extractall(tmp_path / "odd")
    assert (tmp_path / "odd" / "labels.txt").read_text(encoding="utf-8").split("\n")[:-1] == names
    ElementTree.parse(tmp_path / "odd" / "confusion_matrix.svg")
    page = one_page.html(files_of(tmp_path / "odd"))
    assert b"</script><b>" not in page
    done = verified(tmp_path / "odd", PYTHONIOENCODING="cp1252")
    assert (done.returncode, done.stderr) == (0, "")


def files_of(folder):
    return {
        each.relative_to(folder).as_posix(): each.read_bytes() for each in folder.rglob("*") if each.is_file()
    }


def test_one_page_has_a_limit(unpacked, monkeypatch):
    monkeypatch.setattr(one_page, "MAX_BYTES", 1000)
    with pytest.raises(BadInput, match="one page holds at most"):
        one_page.html(files_of(unpacked))


@pytest.mark.slow
def test_threshold_and_temperature_of_an_export_hold_in_its_bundle(colour_export, tmp_path):
    card = json.loads((colour_export / "card.json").read_text())
    facts = {"threshold": 0.4, "temperature": 2.5}
    (colour_export / "card.json").write_text(json.dumps(card | {"facts": facts}))
    bundle.write(colour_export, tmp_path / "b.zip", FACTS)
    with zipfile.ZipFile(tmp_path / "b.zip") as archive:
        archive.extractall(tmp_path / "b")
    answers = json.loads((tmp_path / "b" / "golden" / "answers.json").read_text())
    plain = bundle.collect(colour_export, FACTS)
    assert json.loads(plain["card.json"])["facts"] == facts
    (colour_export / "card.json").write_text(json.dumps(card))
    before = json.loads(bundle.collect(colour_export, FACTS)["golden/answers.json"])
    assert max(answers["scene0.jpg"]) < max(before["scene0.jpg"])
    done = verified(tmp_path / "b")
    assert (done.returncode, done.stderr) == (0, "")
