"""Credits of a snapshot name title, author, licence and page; a snapshot can be narrowed by licence."""

import csv
import io
from collections.abc import Callable
from pathlib import Path

import pytest

from peakid.acquire import table
from peakid.dataset import credits, snapshot
from peakid.errors import BadInput, EmptySnapshot
from peakid.records import Snapshot
from peakid.store.workspace import Workspace

ROWS = [
    ("0.jpg", "lake", "https://example.org/0", "cc-by-sa 2.0", "A. Adams"),
    ("1.jpg", "lake", "https://example.org/1", "CC BY-NC 4.0", "<b>Ben</b>"),
    ("2.jpg", "river", "https://example.org/2?a=1&b=2", "cc0", "=HYPERLINK(1)"),
    ("3.jpg", "river", "", "All rights reserved", "D. Doe"),
    ("4.jpg", "river", "", "", ""),
]


@pytest.fixture
def frozen(workspace: Workspace, draw: Callable[..., bytes], tmp_path: Path) -> Snapshot:
    folder = tmp_path / "photos"
    folder.mkdir()
    for n, row in enumerate(ROWS):
        (folder / row[0]).write_bytes(draw(n))
    lines = [",".join(row) for row in [("path", "label", "page_url", "licence", "author"), *ROWS]]
    (folder / "list.csv").write_text("\n".join(lines))
    table.import_csv(workspace, folder / "list.csv", root=folder, actor="human:anna")
    return snapshot.create(workspace, name="waters", actor="human:anna")


def test_every_image_has_a_line_with_what_is_known(workspace: Workspace, frozen: Snapshot) -> None:
    found = credits.of_snapshot(workspace, frozen)
    assert found.n_by_licence() == {
        "": 1,
        "All rights reserved": 1,
        "CC BY-NC 4.0": 1,
        "CC BY-SA 2.0": 1,
        "CC0 1.0": 1,
    }
    assert found.n_unknown == 2
    rows = {
        row["author"]: row
        for row in csv.DictReader(io.StringIO(credits.csv_bytes(found.lines, found.labels).decode()))
    }
    assert len(rows) == 5
    first = rows["A. Adams"]
    assert (first["label"], first["licence"], first["page_url"]) == (
        "lake",
        "CC BY-SA 2.0",
        "https://example.org/0",
    )
    assert first["licence_url"] == "https://creativecommons.org/licenses/by-sa/2.0/"
    assert "'=HYPERLINK(1)" in rows, "a spreadsheet must not run it"


def test_the_page_of_credits_holds_no_markup_of_others(workspace: Workspace, frozen: Snapshot) -> None:
    text = credits.page(credits.of_snapshot(workspace, frozen)).decode()
    assert "<b>Ben" not in text
    assert "&lt;b&gt;Ben&lt;/b&gt;" in text
    assert '<a href="https://example.org/2?a=1&amp;b=2" rel="noreferrer">' in text
    assert "1 without an author, a page or an address." in text
    assert "Credits of waters" in text


def test_written_credits_overwrite_nothing(workspace: Workspace, frozen: Snapshot, tmp_path: Path) -> None:
    found = credits.of_snapshot(workspace, frozen)
    written = credits.write(found, tmp_path / "out")
    assert sorted(path.name for path in written) == ["CREDITS.csv", "credits.html"]
    with pytest.raises(BadInput, match="exists"):
        credits.write(found, tmp_path / "out")


@pytest.mark.parametrize(
    ("chosen", "n"),
    [([], 5), (["open"], 3), (["commercial"], 2), (["cc0", "by-nc"], 2), (["open", "unknown"], 5)],
)
def test_a_snapshot_has_only_the_chosen_licences(
    workspace: Workspace, frozen: Snapshot, chosen: list[str], n: int
) -> None:
    assert snapshot.create(workspace, of_licences=chosen, actor="human:anna").n_images == n


def test_licences_that_no_image_has_or_nobody_knows_are_refused(
    workspace: Workspace, frozen: Snapshot
) -> None:
    with pytest.raises(EmptySnapshot, match="None of the 5 images has one of the licences by-nd, pd"):
        snapshot.create(workspace, of_licences=["pd", "by-nd"], actor="human:anna")
    with pytest.raises(BadInput, match="'gpl' is no licence"):
        snapshot.create(workspace, of_licences=["gpl"], actor="human:anna")
    assert [each.digest for each in snapshot.list_snapshots(workspace)] == [frozen.digest]


def test_commands_narrow_a_snapshot_and_write_its_credits(
    peakid: Callable, frozen: Snapshot, tmp_path: Path
) -> None:
    made = peakid("snapshot", "create", "--licences", "open,unknown", "--json").json
    assert made["n_images"] == 5
    found = peakid("snapshot", "credits", "waters", "--out", tmp_path / "out", "--json").json
    assert (found["n_images"], found["n_unknown"], len(found["credits"])) == (5, 2, 5)
    assert [Path(each).name for each in found["files"]] == ["CREDITS.csv", "credits.html"]
    assert "CC BY-SA 2.0" in peakid("snapshot", "credits", "waters").out
