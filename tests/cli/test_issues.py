"""The issues commands keep their JSON."""

import io
from pathlib import Path

import pytest
from PIL import Image


@pytest.fixture
def scanned(peakid, draw, tmp_path: Path):
    """Two sound photos and a black one, imported and scanned."""
    (tmp_path / "photos" / "dom").mkdir(parents=True)
    out = io.BytesIO()
    Image.open(io.BytesIO(draw(5, size=(300, 225)))).point([v // 10 for v in range(256)] * 3).save(out, "PNG")
    for name, data in {
        "a.jpg": draw(1, size=(300, 225)),
        "b.jpg": draw(2, size=(300, 225)),
        "night.png": out.getvalue(),
    }.items():
        (tmp_path / "photos" / "dom" / name).write_bytes(data)
    peakid("init")
    peakid("import", "folder", tmp_path / "photos")
    return peakid("scan", "--json").json


def test_issues_are_listed_with_path_and_score_and_counted_by_scan(peakid, scanned) -> None:
    (night,) = peakid("issues", "list", "--kind", "dark", "--json").json
    assert (night["path"], night["kind"], len(night["digest"])) == ("dom/night.png", "dark", 64)
    assert 0 <= night["score"] < 0.32
    assert scanned["issues"]["dark"] == 1
    listed = peakid("issues", "list", "--json").json
    assert [each["score"] for each in listed] == sorted(each["score"] for each in listed)
    assert peakid("queue", "issue:dark", "--json").json[0]["score"] == pytest.approx(night["score"], abs=1e-4)


def test_a_threshold_is_previewed_and_then_set(peakid, scanned) -> None:
    assert peakid("issues", "border", "dark", "--threshold", "0.01", "--json").json["n_images"] == 0
    assert peakid("issues", "threshold", "dark", "0.01", "--json").json == {
        "kind": "dark",
        "threshold": 0.01,
        "n_images": 0,
    }
    dark = next(row for row in peakid("issues", "kinds", "--json").json if row["kind"] == "dark")
    assert dark == {"kind": "dark", "threshold": 0.01, "n_images": 0, "classes": {}}


@pytest.mark.parametrize(
    "arguments",
    [
        ("list", "--kind", "drak"),
        ("border", "drak"),
        ("threshold", "drak", "0.1"),
        ("threshold", "dark", "7"),
    ],
)
def test_an_impossible_kind_or_threshold_is_an_error_with_a_remedy(peakid, scanned, arguments) -> None:
    answer = peakid("issues", *arguments, "--json")
    assert (answer.code, answer.out) == (1, "")
    assert "remedy" in answer.err
