"""The review page shows duplicates with different labels side by side."""

from collections.abc import Callable, Mapping

import pytest
import streamlit as st

from peakid.curate import decisions
from peakid.curate.duplicates import pair_judgements
from peakid.curate.queues import twins
from peakid.curate.queues.filters import NO_FILTERS, Filters
from peakid.records import Choice
from peakid.store.workspace import Workspace
from peakid.web.gallery import delivery, gallery, loaded_page
from peakid.web.gallery.loaded_page import LoadedPage

Plant = Callable[[Mapping[str, str | None]], dict[str, str]]
ANNA = "human:anna"


@pytest.fixture
def pairs(workspace: Workspace, plant: Plant, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """a and d, b and e, c and f are duplicates; only the labels of c and f agree."""
    monkeypatch.setattr(st, "session_state", {})
    digests = plant(dict.fromkeys("abcf", "dom") | dict.fromkeys("de", "eiger"))
    ids = {row["digest"]: row["id"] for row in workspace.query("SELECT id, digest FROM image")}
    with workspace.transaction() as connection:
        for one, other in ("ad", "be", "cf"):
            pair = sorted((ids[digests[one]], ids[digests[other]]))
            connection.execute("INSERT INTO duplicate_pair VALUES (?, ?, 'near', 3, 'now')", pair)
    return digests


def loaded(workspace: Workspace, queue: str, filters: Filters = NO_FILTERS) -> LoadedPage:
    return loaded_page.load(workspace, delivery.plan(queue), filters=filters)


def names(page: LoadedPage, digests: Mapping[str, str]) -> str:
    named = {digest: name for name, digest in digests.items()}
    return "".join(named[digest] for digest in page.images)


def judge(workspace: Workspace, digest: str, label: str, queue: str) -> None:
    choice = Choice(digest, "label", label, basis={"queue": queue})
    decisions.decide(workspace, [choice], actor=ANNA)


@pytest.mark.parametrize("queue", ["conflicts", "worth"])
def test_duplicates_with_different_labels_follow_each_other_and_name_each_other(
    workspace: Workspace, pairs: dict[str, str], queue: str
) -> None:
    page = loaded(workspace, queue)
    assert names(page, pairs) == "adbe"
    assert page.twins[pairs["a"]] == (pairs["d"],)
    assert page.twins[pairs["e"]] == (pairs["b"],)
    assert page.beside == set()


def test_a_duplicate_that_the_queue_does_not_have_is_shown_beside_and_not_counted(
    workspace: Workspace, pairs: dict[str, str]
) -> None:
    page = loaded(workspace, "conflicts", Filters(class_name="dom"))
    assert names(page, pairs) == "adbe"
    assert page.beside == {pairs["d"], pairs["e"]}
    assert page.open == {pairs["a"], pairs["b"]}
    document = gallery._page_document(page, delivery.plan("conflicts"))
    assert (document["n_waiting"], document["n_matching"], document["n_beside"]) == (0, 2, 2)
    assert [item.get("is_beside", False) for item in document["items"]] == [False, True] * 2


def test_a_judged_duplicate_stays_beside_the_one_that_waits(
    workspace: Workspace, pairs: dict[str, str]
) -> None:
    judge(workspace, pairs["a"], "dom", "conflicts")  # Another session: a is settled, d is not.
    page = loaded(workspace, "conflicts")
    assert names(page, pairs) == "dabe"
    assert page.beside == {pairs["a"]}
    page_id = page.page_id
    assert loaded(workspace, "conflicts").page_id == page_id  # Nothing has changed since.
    judge(workspace, pairs["a"], "eiger", "conflicts")  # Now the labels agree.
    assert names(loaded(workspace, "conflicts"), pairs) == "be"


def test_other_queues_and_judged_pairs_have_no_twins(workspace: Workspace, pairs: dict[str, str]) -> None:
    assert loaded(workspace, "unreviewed").twins == {}
    assert set(twins.of_images(workspace, list(pairs.values()))) == {pairs[name] for name in "abde"}
    pair_judgements.judge(workspace, [(1, 5)], "different", actor=ANNA)
    assert set(twins.of_images(workspace, list(pairs.values()))) == {pairs[name] for name in "be"}
    assert twins.of_images(workspace, []) == {}


def test_the_pairs_of_some_images_are_read_through_indexes(workspace: Workspace) -> None:
    rows = workspace.query(
        "EXPLAIN QUERY PLAN SELECT c.image_id, i.digest FROM conflicting_pair c JOIN image i"
        " ON i.id = c.twin_id WHERE c.image_id IN (?, ?) ORDER BY c.image_id, c.twin_id",
        (1, 2),
    )
    details = [row["detail"] for row in rows]
    assert not [line for line in details if line.startswith("SCAN") and line not in ("SCAN c",)], details
    assert any("SEARCH s USING INTEGER PRIMARY KEY" in line for line in details), details
