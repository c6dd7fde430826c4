"""`peakid workspaces`: what was opened last and what each holds."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from peakid.records import Snapshot


def test_created_workspaces_are_listed_with_what_they_hold(
    peakid: Callable[..., Any], tmp_path: Path, frozen: Snapshot, add_run: Callable[..., int]
) -> None:
    add_run(frozen)
    peakid("init")
    [row] = peakid("workspaces", "list", "--json").json
    assert row.pop("opened_at").startswith("20")
    assert row == {
        "path": str(tmp_path / "workspace"),
        "n_images": 40,
        "n_classes": 2,
        "run_id": 1,
        "accuracy": 0.8,
        "accuracy_interval": None,
        "n_scored": 7,
        "is_demo": False,
        "problem": "",
    }
    [_, line] = peakid("workspaces", "list").out.splitlines()
    assert "80 % (" in line
    assert "n = 7)" in line


def test_a_workspace_that_is_gone_stays_on_the_list_until_it_is_removed(
    peakid: Callable[..., Any], tmp_path: Path
) -> None:
    peakid("init")
    (tmp_path / "workspace").rename(tmp_path / "elsewhere")
    [row] = peakid("workspaces", "list", "--json").json
    assert row["problem"] == "The folder is not there."
    assert "The folder is not there." in peakid("workspaces", "list").out
    removed = peakid("workspaces", "remove", tmp_path / "workspace", "--json")
    assert removed.json == {"removed": str(tmp_path / "workspace")}
    assert peakid("workspaces", "list", "--json").json == []
    assert peakid("workspaces", "list").out == "No workspace was opened yet.\n"
    again = peakid("workspaces", "remove", tmp_path / "workspace")
    assert (again.code, again.out) == (1, "")
    assert "is not on the list of workspaces" in again.err


def test_without_a_list_the_command_says_so(
    peakid: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PEAKID_RECENT_WORKSPACES", "0")
    peakid("init")
    assert peakid("workspaces", "list", "--json").json == []
    assert "PEAKID_RECENT_WORKSPACES is 0" in peakid("workspaces", "list").out
