"""The Duplicates page: which tab a group is in, the bulk bar, and what a key changes."""

import io
from collections.abc import Callable
from pathlib import Path

import pytest
import streamlit as st
from PIL import Image
from streamlit.testing.v1 import AppTest

from peakid.acquire import folder
from peakid.curate import decisions, waiting
from peakid.curate.duplicates import duplicate_groups, find, proposed_groups
from peakid.jobs import queue
from peakid.store.workspace import Workspace
from peakid.web.gallery import duplicate_grid, outbox
from peakid.web.gallery.delivery import ClientState


@pytest.fixture
def twins(workspace: Workspace, draw: Callable[..., bytes], tmp_path: Path) -> None:
    """Three exact groups, and one near group whose labels differ."""
    for n in range(3):
        data = draw(n, size=(160, 120))
        again = io.BytesIO()
        Image.open(io.BytesIO(data)).save(again, "PNG")
        put(tmp_path, f"sea/{n}.jpg", data)
        put(tmp_path, f"sea/{n}.png", again.getvalue())
    put(tmp_path, "sea/9.jpg", draw(9, size=(160, 120)))
    put(tmp_path, "river/9.jpg", draw(9, size=(320, 240)))
    folder.import_folder(workspace, tmp_path / "photos", actor="human:anna")
    find.scan(workspace)


def put(tmp_path: Path, name: str, data: bytes) -> None:
    path = tmp_path / "photos" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def test_without_duplicates_the_page_says_so(
    open_page: Callable[..., AppTest], fill: Callable[..., list[str]], workspace: Workspace
) -> None:
    fill(river=1)
    app = open_page("duplicates")
    assert not app.exception
    assert "were not compared with each other yet" in app.info[0].value
    assert [button.label for button in app.button if button.key == "scan"] == ["Scan the images"]
    find.scan(workspace)
    assert "No two images look the same" in open_page("duplicates").info[0].value
    fill(river=2)
    assert "among the images that were compared. Not all were." in open_page("duplicates").info[0].value


@pytest.mark.usefixtures("as_idle")
def test_a_scan_started_on_the_page_is_a_job(
    open_page: Callable[..., AppTest], fill: Callable[..., list[str]], workspace: Workspace
) -> None:
    fill(river=2)
    open_page("duplicates").button(key="scan").click().run()
    assert [job.kind for job in queue.list_jobs(workspace)] == ["scan"]


def test_the_most_urgent_tab_comes_first(open_page: Callable[..., AppTest], twins: None) -> None:
    app = open_page("duplicates")
    assert not app.exception
    assert app.pills[0].options == [
        ":blue[Conflicting labels 1]",
        "Across splits 0",
        "Exact 3",
        "Near 0",
        "Proposed by the model 0",
        "Settled 0",
    ]
    assert app.pills[0].value == "conflicting"


def test_proposed_duplicates_have_a_tab_of_their_own_and_wait_like_the_others(
    open_page: Callable[..., AppTest], propose: Callable[..., list[str]], workspace: Workspace
) -> None:
    digests = propose((0, 1, "strong"), (2, 3, "proposed"))
    app = open_page("duplicates", tab="proposed")
    assert not app.exception
    assert ":blue[Proposed by the model 2]" in app.pills[0].options
    assert waiting.duplicates(workspace).n == 2
    assert not [button for button in app.button if button.key == "find-copies"]  # All were compared.
    (strong, _) = proposed_groups.list_groups(workspace)
    document = duplicate_grid._document(strong)
    assert document["aligned_with"] == digests[0]
    assert [each["is_aligned"] for each in document["images"]] == [False, True]
    assert document["images"][1]["likeness"] == "30 points match, agreement 0.80, shares a split"


@pytest.mark.usefixtures("as_idle")
def test_a_search_for_changed_copies_started_on_the_page_is_a_job(
    open_page: Callable[..., AppTest], fill: Callable[..., list[str]], workspace: Workspace
) -> None:
    fill(river=2)
    app = open_page("duplicates", tab="proposed")
    assert any("2 images were not compared with turned" in each.value for each in app.caption)
    app.button(key="find-copies").click().run()
    assert [job.kind for job in queue.list_jobs(workspace)] == ["changed-copies"]


def test_the_bulk_bar_shows_what_it_would_do_and_does_it_in_one_step(
    open_page: Callable[..., AppTest], twins: None, workspace: Workspace
) -> None:
    app = open_page("duplicates", tab="exact")
    assert not app.exception
    assert "keeps 3, excludes 3" in [element.value for element in app.markdown]
    next(button for button in app.button if button.label == "Exclude 3 images").click().run()
    assert not app.exception
    assert decisions.steps(workspace, limit=1)[0].n_images == 3
    assert duplicate_groups.n_waiting(workspace) == 1


def test_each_event_is_applied_once_and_in_order(workspace: Workspace, twins: None) -> None:
    groups = [group for group in duplicate_groups.list_groups(workspace) if group.kind == "exact"]
    events = [
        {
            "seq": n,
            "id": f"e{n}",
            "kind": "keep",
            "digest": group.images[0].digest,
            "digests": {i.digest: i.decision_id for i in group.images},
        }
        for n, group in enumerate(groups, start=1)
    ]
    events.append({"seq": 4, "id": "e4", "kind": "undo"})
    for _ in range(2):  # A delivery whose acknowledgement was lost comes again.
        ack = outbox.apply(workspace, events, last_ack=0, actor="human:anna", act=duplicate_grid.act)
        assert (ack.seq, ack.refused) == (4, ())
    assert duplicate_groups.n_waiting(workspace) == 2


@pytest.mark.parametrize(
    "event",
    [
        {"kind": "keep"},
        {"kind": "burn", "digests": {}},
        {"kind": "not", "digests": {"x": None}},
        {"kind": "keep", "digest": "x", "digests": {"y": 1}},
    ],
)
def test_a_malformed_event_is_refused_and_acknowledged(
    workspace: Workspace, event: dict[str, object]
) -> None:
    ack = outbox.apply(
        workspace, [{"seq": 7, "id": "e", **event}], last_ack=0, actor="human:anna", act=duplicate_grid.act
    )
    assert ack.seq == 7
    assert len(ack.refused) == 1


def test_the_next_groups_are_loaded_once_for_a_request(
    workspace: Workspace, twins: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(st, "session_state", {})
    monkeypatch.setattr(duplicate_grid, "N_GROUPS", 2)
    exact = [group for group in duplicate_groups.list_groups(workspace) if group.kind == "exact"]
    state = ClientState(duplicate_grid.queue_of("exact"))
    loaded = duplicate_grid.load(exact, "exact", state.plan(0.0))
    assert (loaded.groups, loaded.n_waiting) == (tuple(exact[:2]), 1)
    state.note_received({}, outbox.Ack(5, next_seq=5))
    for _ in range(2):
        loaded = duplicate_grid.load(exact[2:], "exact", state.plan(1.0))
        assert (loaded.groups, loaded.n_waiting) == ((exact[2],), 0)
    # Resolved groups keep their places until the next ones are requested.
    assert duplicate_grid.load((), "exact", state.plan(2.0)).groups == (exact[2],)
