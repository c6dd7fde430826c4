"""What one browser session keeps: request ids of forms and the loaded images of a queue."""

from collections.abc import Callable

import pytest
from streamlit.testing.v1 import AppTest

from peakid.curate import decisions
from peakid.curate.queues import review_queue
from peakid.records import Choice, Snapshot
from peakid.store.workspace import Workspace


def two_forms() -> None:
    import streamlit as st

    from peakid.web import session

    if st.button("renew"):
        session.renew_request("train")
    st.button("anything")
    st.text(session.request_id("train"))
    st.text(session.request_id("export"))


def test_two_clicks_on_one_form_are_one_request_until_it_is_renewed() -> None:
    app = AppTest.from_function(two_forms, default_timeout=60).run()
    train, export = (text.value for text in app.text)
    assert train != export
    app.button[1].click().run()
    assert [text.value for text in app.text] == [train, export]
    app.button[0].click().run()
    assert app.text[0].value != train
    assert app.text[1].value == export


def test_a_reviewed_image_stays_visible_and_leaves_the_counts(
    open_page: Callable[..., AppTest], fill: Callable[..., list[str]], workspace: Workspace
) -> None:
    digests = fill(river=3)
    app = open_page("review")
    assert list(app.session_state["page:unreviewed"].images) == digests
    decisions.decide(workspace, [Choice(digests[1], "label", "river")], actor="human:anna")
    app.session_state["page:unreviewed"].judged.add(digests[1])  # As after a delivery of this session.
    app.run()
    assert list(app.session_state["page:unreviewed"].images) == digests
    assert app.pills[0].options[0] == ":blue[Unreviewed 2]"


def test_a_link_starts_after_the_image_it_names(
    open_page: Callable[..., AppTest], fill: Callable[..., list[str]]
) -> None:
    digests = fill(river=3)
    app = open_page("review", queue="all", after="1")  # Image 1 was the last of the page before.
    assert list(app.session_state["page:all"].images) == digests[1:]
    assert not open_page("review", queue="all", after="nonsense").exception


def test_names_that_look_like_markup_are_shown_as_they_are(
    open_page: Callable[..., AppTest], fill: Callable[..., list[str]], workspace: Workspace
) -> None:
    fill(**{"<b>x</b>": 1, "*y*": 2})
    app = open_page("review", queue="class:<b>x</b>")
    assert not app.exception
    assert app.pills[0].options[-1] == r":blue[\<b\>x\<\/b\> 1]"


def test_a_browser_without_a_name_is_asked_once(
    open_page: Callable[..., AppTest], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PEAKID_ACTOR")
    monkeypatch.setenv("LOGNAME", "root")  # What remains is an account of the system.
    app = open_page("review")
    assert app.text_input(key="reviewer").value == ""
    assert any("Who reviews in this browser?" in each.value for each in app.sidebar.caption)
    app.text_input(key="reviewer").input("root").run()
    assert "root is an account of a system" in app.sidebar.warning[0].value
    app.text_input(key="reviewer").input("Zoë").run()
    assert not any("Who reviews" in each.value for each in app.sidebar.caption)
    assert not app.sidebar.warning


def test_the_queue_on_screen_is_that_of_the_run_that_has_just_ended(
    open_page: Callable[..., AppTest],
    frozen: Snapshot,
    add_run: Callable[..., int],
    workspace: Workspace,
) -> None:
    add_run(frozen, n_wrong=1)
    app = open_page("review", queue="worth")
    before = list(app.session_state["page:worth"].images)
    add_run(frozen, n_wrong=4)
    app.run()  # As the progress in the sidebar does at the end of a job.
    now = [item.digest for item in review_queue.page(workspace, "worth", limit=240)]
    assert list(app.session_state["page:worth"].images) == now
    assert len(now) > len(before) > 0


def test_images_imported_meanwhile_join_the_queue_on_screen(
    open_page: Callable[..., AppTest], fill: Callable[..., list[str]]
) -> None:
    digests = fill(river=3)
    app = open_page("review", queue="unreviewed")
    digests += fill(mountain=2)
    app.run()
    assert list(app.session_state["page:unreviewed"].images) == digests
