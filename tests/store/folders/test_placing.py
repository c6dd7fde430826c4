"""A prepared folder takes its place in one step; what a killed process left is cleared, never a workspace."""

import json
import os

import pytest

from peakid.files import file_of
from peakid.store.folders import placing

PREFIX = ".w-restoring-"


@pytest.fixture
def both(tmp_path):
    """A workspace in use, and a fresh one in a working folder whose process is gone."""
    (tmp_path / "w").mkdir()
    (tmp_path / "w" / "peakid.db").write_text("old")
    working = tmp_path / f"{PREFIX}1"
    (working / "workspace").mkdir(parents=True)
    (working / "workspace" / "peakid.db").write_text("fresh")
    (working / "in-use").touch()
    return tmp_path / "w", working


def text_at(folder):
    return (folder / "peakid.db").read_text()


def journal(working, folder, *, old, fresh):
    names = {"folder": folder.name, "aside": "w.replaced-1", "old": old, "fresh": fresh}
    (working / "replacing.json").write_text(json.dumps(names))


def test_the_former_folder_is_kept_under_another_name(both):
    folder, working = both
    aside = placing.place(working, folder)
    assert (text_at(folder), text_at(aside)) == ("fresh", "old")
    assert aside.name.startswith("w.replaced-")


def test_a_folder_with_nothing_but_locks_is_not_kept(both):
    folder, working = both
    (folder / "peakid.db").rename(folder / ".lock")
    assert placing.place(working, folder) is None
    assert text_at(folder) == "fresh"


def test_without_the_exchange_of_the_system_the_folder_is_replaced_in_two_steps(both):
    folder, working = both
    aside = placing.replace_in_two_steps(working, folder)
    assert (text_at(folder), text_at(aside)) == ("fresh", "old")


def test_a_replacement_killed_between_its_two_steps_is_completed_when_it_is_opened(both):
    folder, working = both
    journal(working, folder, old=file_of(folder), fresh=file_of(working / "workspace"))
    folder.rename(folder.with_name("w.replaced-1"))
    placing.recover(folder)
    assert (text_at(folder), text_at(folder.with_name("w.replaced-1"))) == ("fresh", "old")
    assert not working.exists()


def test_a_replacement_killed_after_the_exchange_keeps_the_former_workspace(both):
    folder, working = both
    journal(working, folder, old=file_of(folder), fresh=file_of(working / "workspace"))
    (working / "workspace").rename(folder.with_name("t"))
    folder.rename(working / "workspace")
    folder.with_name("t").rename(folder)
    placing.sweep(folder.parent, PREFIX)
    assert (text_at(folder), text_at(folder.with_name("w.replaced-1"))) == ("fresh", "old")
    assert not working.exists()


def test_a_replacement_killed_before_the_exchange_is_taken_back(both):
    folder, working = both
    journal(working, folder, old=file_of(folder), fresh=file_of(working / "workspace"))
    placing.sweep(folder.parent, PREFIX)
    assert text_at(folder) == "old"
    assert not working.exists()


@pytest.mark.parametrize("text", ["", "[]", '{"folder": "../x", "aside": "y", "old": "", "fresh": ""}'])
def test_a_working_folder_with_an_unknown_journal_is_left_alone(both, text):
    folder, working = both
    (working / "replacing.json").write_text(text)
    placing.sweep(folder.parent, PREFIX)
    assert text_at(working / "workspace") == "fresh"


def test_the_working_folder_of_a_killed_process_is_cleared_and_that_of_a_living_one_is_not(tmp_path):
    with placing.working_folder(tmp_path, PREFIX) as alive:
        (tmp_path / f"{PREFIX}dead").mkdir()
        (tmp_path / f"{PREFIX}dead" / "in-use").touch()
        (tmp_path / f"{PREFIX}dead" / "half").touch()
        (tmp_path / f"{PREFIX}link").symlink_to(tmp_path / "elsewhere")
        (tmp_path / f"{PREFIX}file").touch()
        with placing.working_folder(tmp_path, PREFIX) as second:
            there = {path.name for path in tmp_path.iterdir()}
            assert there == {alive.name, second.name, f"{PREFIX}link", f"{PREFIX}file"}


def test_a_folder_of_another_program_is_not_cleared(tmp_path):
    (tmp_path / f"{PREFIX}theirs").mkdir()
    (tmp_path / f"{PREFIX}theirs" / "photo").touch()
    os.utime(tmp_path / f"{PREFIX}theirs", (0, 0))
    with placing.working_folder(tmp_path, PREFIX):
        pass
    assert (tmp_path / f"{PREFIX}theirs" / "photo").exists()
