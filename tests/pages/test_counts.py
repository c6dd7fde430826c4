"""A number means the same in the navigation, on a chip, on a page and in `peakid status`."""

import re
from collections.abc import Callable

import pytest
from streamlit.testing.v1 import AppTest

from peakid.curate import decisions
from peakid.curate.queues import review_queue
from peakid.dataset import snapshot as snapshots
from peakid.records import Choice
from peakid.store.workspace import Workspace
from peakid.web import navigation

ANNA = "human:anna"


def title(workspace: Workspace, name: str) -> str:
    return navigation.title(next(page for page in navigation.PAGES if page.name == name), workspace)


def number(text: str) -> int:
    """Return the first number of a text; 0 where it has none."""
    found = re.search(r"\d[\d,]*", text)
    return int(found[0].replace(",", "")) if found else 0


@pytest.fixture
def with_all(workspace: Workspace, fill: Callable[..., list[str]]) -> list[str]:
    """River and sea with one conflict of two images, one image without a label, and one pair that agrees."""
    digests = fill(river=5, sea=3)
    with workspace.transaction() as connection:
        for pair in ((1, 6), (2, 3)):
            connection.execute("INSERT INTO duplicate_pair VALUES (?, ?, 'near', 3, 'now')", pair)
    decisions.decide(workspace, [Choice(digests[3], "clear")], actor=ANNA)
    return digests


def test_page_chip_navigation_and_status_agree(
    with_all: list[str], workspace: Workspace, open_page: Callable[..., AppTest], peakid: Callable
) -> None:
    for n_worth in (3, 2):  # Before and after a judgement.
        status = peakid("status", "--json").json
        queues = {row["queue"]: row["n"] for row in peakid("queues", "--json").json}
        chip = open_page("review").pills[0].options[0]
        assert (status["n_worth"], status["is_more_worth"], queues["worth"]) == (n_worth, False, n_worth)
        assert title(workspace, "review") == f"Review {n_worth}"
        assert f"Worth your time {n_worth} " in chip
        overview = "".join(each.value for each in open_page("overview").markdown)
        assert f"{n_worth} images are worth your time" in overview
        assert ["worth", str(n_worth)] in [line.split() for line in peakid("status").out.splitlines()]
        choice = Choice(with_all[3], "label", "river", basis={"queue": "worth"})
        decisions.decide(workspace, [choice], actor=ANNA)


def test_duplicates_are_counted_as_groups_once_everywhere(
    with_all: list[str], workspace: Workspace, open_page: Callable[..., AppTest], peakid: Callable
) -> None:
    status = peakid("status", "--json").json
    tabs = open_page("duplicates").pills[0].options
    assert status["n_duplicate_groups"] == 2
    assert title(workspace, "duplicates") == "Duplicates 2"
    assert sum(number(tab) for tab in tabs if "Settled" not in tab) == 2
    assert len(peakid("duplicates", "list", "--json").json) == 2


def test_a_count_that_stopped_says_so_in_the_navigation_too(
    workspace: Workspace,
    fill: Callable[..., list[str]],
    open_page: Callable[..., AppTest],
    peakid: Callable,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    digests = fill(river=4)
    decisions.decide(workspace, [Choice(digest, "clear") for digest in digests], actor=ANNA)
    monkeypatch.setattr(review_queue, "MOST_ON_A_CHIP", 3)
    assert title(workspace, "review") == "Review 3+"
    assert "Worth your time 3+" in open_page("review").pills[0].options[0]
    assert peakid("status", "--json").json["is_more_worth"] is True


@pytest.mark.usefixtures("as_idle")
def test_unreviewed_images_alone_give_no_number_but_the_next_step(
    workspace: Workspace, fill: Callable[..., list[str]], open_page: Callable[..., AppTest]
) -> None:
    fill(river=5, sea=5)
    assert title(workspace, "review") == "Review"
    app = open_page("review")
    assert app.query_params["queue"] in ("unreviewed", ["unreviewed"])
    assert any("Enough for a first model." in each.value for each in app.markdown)
    next(button for button in app.button if button.label == "Train a first model").click().run()
    assert not app.exception
    (frozen,) = snapshots.list_snapshots(workspace)
    assert frozen.n_images == 10


def test_the_next_step_waits_until_nothing_is_worth_the_time_and_two_classes_have_images(
    workspace: Workspace, fill: Callable[..., list[str]], open_page: Callable[..., AppTest]
) -> None:
    (first, *_) = fill(river=3)
    assert "Train a first model" not in [button.label for button in open_page("review").button]
    fill(sea=3)
    decisions.decide(workspace, [Choice(first, "clear")], actor=ANNA)
    assert "Train a first model" not in [button.label for button in open_page("review").button]
    decisions.undo(workspace, actor=ANNA)
    assert "Train a first model" in [button.label for button in open_page("review").button]


def test_the_meaning_of_the_numbers_is_said() -> None:
    assert navigation.meanings() == (
        "The number beside Review counts images that are worth your time, the number beside Duplicates counts"
        " groups of duplicates to settle."
    )
