"""Browsing folders: what is listed and counted, what cannot be opened, and how much is looked at."""

import os
from pathlib import Path

import pytest

from peakid.acquire import folder_listing
from peakid.acquire.folder_listing import SubFolder
from peakid.errors import BadInput


def add(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()


def by_name(path: Path, **options: object) -> dict[str, SubFolder]:
    return {each.name: each for each in folder_listing.read(path, **options).folders}


def test_sub_folders_are_listed_by_name_with_the_pictures_below_them(tmp_path: Path) -> None:
    add(tmp_path, "Zoo/a/1.JPG", "Zoo/2.png", "Zoo/notes.txt", "alps/3.webp", "top.jpg", "labels.csv")
    (tmp_path / "empty").mkdir()
    found = folder_listing.read(tmp_path)
    counts = [(each.name, each.n_pictures, each.is_more) for each in found.folders]
    assert counts == [("alps", 1, False), ("empty", 0, False), ("Zoo", 2, False)]
    assert (found.n_pictures, found.n_left_out, found.is_cut, found.is_empty) == (1, 0, False, False)
    assert folder_listing.read(tmp_path / "empty").is_empty


def test_hidden_folders_and_those_of_systems_are_left_out(tmp_path: Path) -> None:
    add(tmp_path, ".secret/1.jpg", "__MACOSX/2.jpg", "photos/.thumbnails/3.jpg", "photos/4.jpg")
    assert {name: each.n_pictures for name, each in by_name(tmp_path).items()} == {"photos": 1}


def test_a_link_is_shown_and_leads_to_its_target_but_is_not_counted_into_the_folder_around_it(
    tmp_path: Path,
) -> None:
    add(tmp_path, "elsewhere/1.jpg", "photos/2.jpg")
    (tmp_path / "photos" / "more").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "photos" / "file.jpg").symlink_to(tmp_path / "elsewhere" / "1.jpg")
    assert by_name(tmp_path)["photos"].n_pictures == 1  # As an import that follows no links.
    link = by_name(tmp_path / "photos")["more"]
    assert (link.is_link, link.path, link.problem) == (True, tmp_path / "elsewhere", "")


def test_links_that_lead_nowhere_or_in_a_circle_are_listed_with_the_reason(tmp_path: Path) -> None:
    (tmp_path / "gone").symlink_to(tmp_path / "nowhere")
    (tmp_path / "circle").symlink_to(tmp_path / "circle")
    problems = {name: each.problem for name, each in by_name(tmp_path).items()}
    assert problems["gone"] == "a broken link"
    assert problems["circle"] in ("a circular link", "a broken link")


def test_a_circle_of_folders_ends(tmp_path: Path) -> None:
    add(tmp_path, "a/1.jpg")
    (tmp_path / "a" / "up").symlink_to(tmp_path)
    assert by_name(tmp_path)["a"].n_pictures == 1


def test_the_path_of_a_listing_has_no_links(tmp_path: Path) -> None:
    (tmp_path / "real" / "inner").mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "real")
    assert folder_listing.read(tmp_path / "link" / "inner" / "..").path == tmp_path / "real"


def test_names_that_a_field_cannot_hold_are_listed_and_cannot_be_chosen(tmp_path: Path) -> None:
    for name in (b"caf\xe9", b"two\nlines", "\u202egnp".encode(), "Zo\u00eb & <b>".encode()):
        os.mkdir(os.fsencode(tmp_path) + b"/" + name)  # noqa: PTH102
    problems = {name: each.problem for name, each in by_name(tmp_path).items()}
    assert "not UTF-8" in problems[os.fsdecode(b"caf\xe9")]
    assert "control characters" in problems["two\nlines"]
    assert "control characters" in problems["\u202egnp"]
    assert problems["Zo\u00eb & <b>"] == ""


def test_a_workspace_is_named_and_not_counted(tmp_path: Path) -> None:
    add(tmp_path, "space/peakid.db", "space/images/ab/1.jpg")
    found = by_name(tmp_path)["space"]
    assert (found.is_workspace, found.n_pictures) == (True, None)
    assert folder_listing.read(tmp_path / "space").is_workspace


def test_folders_that_may_not_be_opened_are_listed_with_the_reason(tmp_path: Path) -> None:
    add(tmp_path, "yes/1.jpg", "no/2.jpg")
    (tmp_path / "out").symlink_to(tmp_path / "no")
    found = by_name(tmp_path, is_allowed=lambda path: path.name == "yes")
    problems = {name: (each.problem, each.n_pictures) for name, each in found.items()}
    outside = ("outside the allowed folders", None)
    assert problems == {"yes": ("", 1), "no": outside, "out": outside}


def test_a_folder_with_very_many_sub_folders_shows_some_and_finds_the_others_by_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folder_listing, "MAX_SHOWN", 3)
    for n in range(8):
        (tmp_path / f"Peak {n}").mkdir()
    found = folder_listing.read(tmp_path)
    assert ([each.name for each in found.folders], found.n_left_out) == (["Peak 0", "Peak 1", "Peak 2"], 5)
    assert list(by_name(tmp_path, matching="peak 7")) == ["Peak 7"]
    monkeypatch.setattr(folder_listing, "MAX_ENTRIES", 5)
    assert folder_listing.read(tmp_path).is_cut


def test_counting_ends_after_a_number_of_entries_and_after_a_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(tmp_path, *(f"many/{n}.jpg" for n in range(9)))
    monkeypatch.setattr(folder_listing, "MAX_COUNTED", 4)
    assert (by_name(tmp_path)["many"].n_pictures, by_name(tmp_path)["many"].is_more) == (4, True)
    monkeypatch.setattr(folder_listing, "MAX_SECONDS", -1)
    assert by_name(tmp_path)["many"].n_pictures is None


@pytest.mark.parametrize("name", ["gone", "file", "x" * 300, "a\0b"])
def test_what_is_no_folder_is_refused_in_words(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(BadInput):
        folder_listing.read(tmp_path / name)


def test_a_folder_without_permission_is_refused_in_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def denied(path: object) -> object:
        raise PermissionError(13, "Permission denied", path)

    # Root may open everything, so the answer of the system is replaced.
    (tmp_path / "private").mkdir()
    monkeypatch.setattr(os, "access", lambda path, mode: Path(path).name != "private")
    assert by_name(tmp_path)["private"].problem == "no permission"
    monkeypatch.setattr(os, "scandir", denied)
    with pytest.raises(BadInput, match="No permission to open the folder"):
        folder_listing.read(tmp_path)
