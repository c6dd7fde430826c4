"""`peakid duplicates` and `peakid search`: the JSON that scripts rely on, and what each command changes."""

import io
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image


@pytest.fixture
def photos(tmp_path: Path, draw: Callable[..., bytes], peakid: Callable) -> Path:
    """A byte copy, an exact pair, a near pair and a near pair whose labels differ."""
    again = io.BytesIO()
    Image.open(io.BytesIO(draw(2, size=(160, 120)))).save(again, "PNG")
    files = {
        "sea/1.jpg": draw(1, size=(160, 120)), "sea/1copy.jpg": draw(1, size=(160, 120)),
        "sea/2.jpg": draw(2, size=(160, 120)), "sea/2.png": again.getvalue(),
        "sea/3.jpg": draw(3, size=(160, 120)), "sea/3large.jpg": draw(3, size=(320, 240)),
        "sea/4.jpg": draw(4, size=(160, 120)), "river/4.jpg": draw(4, size=(320, 240)),
    }  # fmt: skip
    for name, data in files.items():
        (tmp_path / "photos" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "photos" / name).write_bytes(data)
    peakid("init")
    peakid("import", "folder", tmp_path / "photos")
    peakid("scan")
    return tmp_path / "photos"


def test_duplicates_list_keeps_its_json(photos: Path, peakid: Callable) -> None:
    groups = peakid("duplicates", "list", "--json").json
    assert [(group["kind"], group["is_conflicting"]) for group in groups] == [
        ("near", True),
        ("exact", False),
        ("near", False),
        ("copy", False),
    ]
    assert all({"group_key", "kind", "is_conflicting", "images"} <= set(group) for group in groups)
    assert all(
        {"digest", "path", "label", "is_best", "distance"} <= set(image)
        for group in groups
        for image in group["images"]
    )
    assert [image["path"] for image in groups[3]["images"]] == ["sea/1.jpg", "sea/1copy.jpg"]
    assert [image["is_best"] for image in groups[2]["images"]] == [True, False]


def test_the_list_ends_with_how_many_groups_wait(photos: Path, peakid: Callable) -> None:
    out = peakid("duplicates", "list").out
    assert out.endswith("3 groups to decide on, 1 group settled or copies of one file.\n")
    scanned = peakid("scan", "--json").json
    assert (scanned["n_groups"], scanned["n_conflicting_groups"], scanned["n_exact_groups"]) == (3, 1, 1)


def test_resolving_is_previewed_done_and_undone(photos: Path, peakid: Callable) -> None:
    assert peakid("duplicates", "resolve", "--kind", "all", "--dry-run", "--json").json["n_excluded"] == 2
    done = peakid("duplicates", "resolve", "--kind", "all", "--json").json
    assert (done["n_excluded"], len(done["skipped"])) == (2, 1)
    assert [group["kind"] for group in peakid("duplicates", "list", "--json").json] == ["near", "copy"]
    assert peakid("undo", "--json").json["n_images"] == 2
    assert len(peakid("duplicates", "list", "--json").json) == 4


def test_a_conflict_is_resolved_by_naming_the_image_to_keep(photos: Path, peakid: Callable) -> None:
    group = peakid("duplicates", "list", "--json").json[0]
    kept = next(image for image in group["images"] if image["label"] == "sea")
    assert (
        peakid(
            "duplicates", "resolve", group["group_key"][:16], "--keep", kept["digest"][:16], "--json"
        ).json["n_excluded"]
        == 1
    )
    assert peakid("log", "--image", kept["digest"], "--json").json[0]["label"] == "sea"


def test_not_a_duplicate_and_keep_all_settle_a_group(photos: Path, peakid: Callable) -> None:
    groups = peakid("duplicates", "list", "--json").json
    assert peakid("duplicates", "not", groups[2]["group_key"], "--json").code == 0
    assert peakid("duplicates", "keep-all", groups[1]["group_key"], "--json").code == 0
    assert [group["is_conflicting"] for group in peakid("duplicates", "list", "--json").json] == [True, False]
    assert len(peakid("duplicates", "list", "--all", "--json").json) == 4
    refused = peakid("duplicates", "not", groups[1]["group_key"], "--json")
    assert (refused.code, "same pixels" in refused.err) == (1, True)


def test_search_finds_the_picture_of_a_file(
    photos: Path, peakid: Callable, tmp_path: Path, draw: Callable[..., bytes]
) -> None:
    found = peakid("search", photos / "sea" / "1.jpg", "--json").json
    assert [(twin["path"], twin["kind"]) for twin in found] == [("sea/1.jpg", "copy")]
    (tmp_path / "other.jpg").write_bytes(draw(77))
    assert "No image shows the same picture" in peakid("search", tmp_path / "other.jpg").out


def test_no_duplicates_are_reported_only_of_images_that_were_compared(peakid, fill):
    fill(river=3)
    assert "3 images were not compared yet" in peakid("duplicates", "list").out
    peakid("scan")
    assert "were all compared" in peakid("duplicates", "list").out


def test_proposed_duplicates_are_listed_apart_with_how_they_lie_over_each_other(
    propose: Callable[..., list[str]], peakid: Callable
) -> None:
    digests = propose((0, 1, "strong"), (2, 3, "proposed"))
    assert peakid("duplicates", "list", "--json").json == []
    assert "A model proposes 2 groups" in peakid("duplicates", "list").out
    strong, proposed = peakid("duplicates", "list", "--proposed", "--json").json
    assert (strong["kind"], strong["group_key"]) == ("proposed", min(digests[:2]))
    first, second = (image["proposal"] for image in strong["images"])
    assert first is None
    assert (second["strength"], second["n_matches"]) == ("strong", 30)
    assert second["matrix"] == [[1.0, 0.0, 0.25], [0.0, 1.0, 0.0]]
    assert proposed["images"][1]["proposal"]["strength"] == "proposed"


def test_proposed_duplicates_are_resolved_by_their_key_or_kind_only(
    propose: Callable[..., list[str]], peakid: Callable
) -> None:
    digests = propose((0, 1, "strong"), (2, 3, "proposed"))
    assert peakid("duplicates", "resolve", "--kind", "all", "--json").json["n_excluded"] == 0
    done = peakid("duplicates", "resolve", min(digests[:2])[:12], "--json").json
    assert done["excluded"] == [digests[1]]
    peakid("duplicates", "not", min(digests[2:])[:12])
    assert peakid("duplicates", "list", "--proposed", "--json").json == []
    assert "A model proposes no duplicates." in peakid("duplicates", "list", "--proposed").out
    assert len(peakid("duplicates", "list", "--proposed", "--all", "--json").json) == 2
    peakid("undo")
    peakid("undo")
    assert peakid("duplicates", "resolve", "--kind", "proposed", "--json").json["n_excluded"] == 2


@pytest.mark.usefixtures("as_idle")
def test_the_search_for_changed_copies_is_a_job(fill: Callable[..., list[str]], peakid: Callable) -> None:
    fill(river=2)
    started = peakid("duplicates", "find", "--json").json
    assert started["state"] == "queued"
    assert "2 images were not compared" in peakid("duplicates", "list", "--proposed").out
    assert peakid("jobs", "list", "--json").json[0]["kind"] == "changed-copies"
