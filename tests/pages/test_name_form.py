"""Names of classes on the Collect page: estimated first, collected in a job, and changed later."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import pytest
from streamlit.testing.v1 import AppTest

from peakid.acquire.fetching.client import Client
from peakid.acquire.fetching.pace import Pace
from peakid.acquire.sources import services
from peakid.acquire.sources.photo_source import FoundPage, FoundPhoto, Query, SearchFailed
from peakid.jobs import ledger, process, queue
from peakid.jobs.results import CollectResult
from peakid.records import Credit
from peakid.store.collecting import collections, schedules, searches
from peakid.store.collecting.collections import Ended, NewCandidate
from peakid.store.workspace import Workspace
from peakid.web.collect import name_form

OpenPage = Callable[..., AppTest]
N_PHOTOS = {"otter": 300, "beaver": 12}
MARKUP = "<b>:smile: $x$ [a](b)"


@dataclass
class Played:
    """A service that has photos of otters and beavers, and fails when asked for trouble."""

    name: str = "played"
    title: str = "Played"
    terms_url: str = "https://example.org/terms"
    paces: Mapping[str, Pace] = field(default_factory=dict)
    options: tuple[str, ...] = ("depth",)

    async def page(self, client: Client, query: Query, cursor: str = "") -> FoundPage:
        del client, cursor
        ASKED.append((self.name, query.text))
        if "trouble" in query.text:
            raise SearchFailed(f"{self.title}: The service is closed.", "Try again tomorrow.")
        n = N_PHOTOS.get(query.text, 0)
        photos = [
            FoundPhoto(f"https://example.org/{query.text}/{k}.jpg", Credit(None, "CC BY 4.0", "A. Adams"))
            for k in range(min(n, 50))
        ]
        return FoundPage(tuple(photos), "2" if n > 50 else "", n)


ASKED: list[tuple[str, str]] = []


@pytest.fixture(autouse=True)
def played(monkeypatch: pytest.MonkeyPatch) -> None:
    ASKED.clear()
    found = {"played": Played(), "flickr": Played("flickr", "Flickr", options=())}
    openers = {name: lambda _keys, _stand_in, each=each: each for name, each in found.items()}
    monkeypatch.setattr(services, "OPENERS", openers)


def opened(open_page: OpenPage, text: str = "", **fields: object) -> AppTest:
    """Open the form, fill it in, and click Estimate where classes are given."""
    app = open_page("collect")
    app.segmented_control(key="source").set_value("search").run()
    if not text:
        return app
    app.text_area(key=name_form.CLASSES).set_value(text)
    for key, value in fields.items():
        next(each for each in [*app.number_input, *app.text_input] if each.key == f"names:{key}").set_value(
            value
        )
    return app.button(key="names:estimate").click().run()


def test_nothing_is_fetched_before_an_estimate(
    open_page: OpenPage, workspace: Workspace, text_of: Callable
) -> None:
    app = opened(open_page, "otter\nbeaver\nunicorn", wanted=200)
    assert not app.exception
    assert app.dataframe[0].value.to_dict("records") == [
        {"Class": "otter", "Searched for": "otter", "Played": "300", "To collect": 200},
        {"Class": "beaver", "Searched for": "beaver", "Played": "12", "To collect": 12},
        {"Class": "unicorn", "Searched for": "unicorn", "Played": "none", "To collect": 0},
    ]
    said = text_of(app)
    assert "Nothing was found for unicorn." in said
    assert "Licences of the first 16 photos: CC BY 4.0 16." in said
    assert "217 requests, about 27 s" in said  # 212 photos and 5 pages at 8 a second.
    assert app.button(key="names:collect").label == "Collect 212 photos"
    assert collections.list_collections(workspace) == []
    assert queue.list_jobs(workspace) == []


def test_another_number_asks_no_source_again(open_page: OpenPage) -> None:
    app = opened(open_page, "otter\nbeaver")
    assert ASKED == [("played", "otter"), ("played", "beaver")]
    app.number_input(key="names:wanted").set_value(10).run()
    assert app.button(key="names:collect").disabled
    app.button(key="names:estimate").click().run()
    assert (len(ASKED), app.button(key="names:collect").label) == (2, "Collect 20 photos")


def test_the_collection_is_saved_and_runs_in_a_job(
    open_page: OpenPage, workspace: Workspace, no_worker: None
) -> None:
    app = opened(open_page, "otter\nbeaver = beaver; Biber", wanted=100)
    app.button(key="names:collect").click().run()
    assert not app.exception
    [job] = queue.list_jobs(workspace)
    assert (job.kind, job.state) == ("collect", "queued")
    found = searches.of_collection(workspace, collections.show(workspace, "photos").collection_id)
    assert [(each.label, each.text, each.n_wanted) for each in found] == [
        ("otter", "otter", 100),
        ("beaver", "beaver", 12),
        ("beaver", "Biber", 1),  # Nothing now; a further run may find some.
    ]
    assert [row["Class"] for row in app.dataframe[0].value.to_dict("records")] == ["otter", "beaver"]


def test_a_service_without_its_key_says_which_setting_it_needs(
    open_page: OpenPage, text_of: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = opened(open_page)
    assert app.checkbox(key="names:source:flickr").disabled
    assert "Flickr needs a key of yours: the setting `flickr_key`" in text_of(app)
    monkeypatch.setenv("PEAKID_FLICKR_KEY", "0123")
    app = opened(open_page)
    assert not app.checkbox(key="names:source:flickr").disabled
    assert "needs a key" not in text_of(app)


def test_a_service_that_fails_is_explained_beside_the_others(open_page: OpenPage, text_of: Callable) -> None:
    app = opened(open_page, "otter\nbeaver = trouble")
    assert "Played (beaver): The service is closed. Try again tomorrow." in text_of(app)
    assert app.button(key="names:collect").label == "Collect 200 photos"
    app.button(key="names:estimate").click().run()
    assert ASKED.count(("played", "trouble")) == 2, "what failed is asked again"


@pytest.mark.parametrize("text", ["unicorn", "unicorn = trouble"])
def test_where_nothing_is_found_nothing_can_be_collected(
    open_page: OpenPage, text_of: Callable, text: str
) -> None:
    app = opened(open_page, text)
    assert "Nothing was found" in text_of(app)
    assert app.button(key="names:collect").disabled


def test_what_is_missing_is_said_at_the_form(open_page: OpenPage, text_of: Callable) -> None:
    app = opened(open_page)
    app.button(key="names:estimate").click().run()
    assert "No class was given." in app.error[0].value
    app.text_area(key=name_form.CLASSES).set_value("otter")
    app.checkbox(key="names:source:played").uncheck()
    app.button(key="names:estimate").click().run()
    assert "No source was chosen." in app.error[0].value


def test_without_any_service_the_page_says_so(
    open_page: OpenPage, text_of: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(services, "OPENERS", {})
    assert "No service of photos can be searched here." in text_of(opened(open_page))


def test_names_with_markup_stay_text(open_page: OpenPage, text_of: Callable) -> None:
    app = opened(open_page, f"{MARKUP}\n{MARKUP} = trouble <i>")
    assert not app.exception
    assert app.dataframe[0].value.iloc[0]["Class"] == MARKUP
    assert f"Played ({MARKUP})" not in "\n".join(each.value for each in app.warning)  # Escaped.


def test_fifty_classes_are_one_collection(open_page: OpenPage, workspace: Workspace, no_worker: None) -> None:
    app = opened(open_page, "\n".join(f"peak {n} = otter" for n in range(50)), wanted=20)
    assert app.button(key="names:collect").label == "Collect 1,000 photos"
    assert len(ASKED) == 50
    app.button(key="names:collect").click().run()
    assert not app.exception
    assert len(searches.of_collection(workspace, 1)) == 50


def test_the_classes_of_the_workspace_fill_the_form(
    open_page: OpenPage, fill: Callable[..., list[str]]
) -> None:
    fill(river=1, sea=1)
    app = opened(open_page)
    app.text_area(key=name_form.CLASSES).set_value("otter").run()
    app.button(key="names:own").click().run()
    assert app.text_area(key=name_form.CLASSES).value == "otter\nriver\nsea"


def test_a_saved_collection_is_opened_again_filled_in(
    open_page: OpenPage, workspace: Workspace, no_worker: None
) -> None:
    opened(open_page, "otter\nbeaver", wanted=100).button(key="names:collect").click().run()
    queue.cancel(workspace, 1)
    app = open_page("collect")
    app.button(key="change:1").click().run()
    assert not app.exception
    assert app.text_area(key=name_form.CLASSES).value == "otter\nbeaver"
    assert app.number_input(key="names:wanted").value == 100
    app.toggle(key="names:more").set_value(True).run()
    assert app.text_input(key="names:name").value == "photos"
    app.text_input(key="names:template").set_value("{class} pond")
    app.text_input(key="names:option:played:depth").set_value("2")
    app.number_input(key="names:days").set_value(7.0)
    app.button(key="names:estimate").click().run()
    assert ASKED[-1] == ("played", "beaver pond")


def test_large_and_small_numbers_of_a_saved_collection_are_shown(
    open_page: OpenPage, workspace: Workspace
) -> None:
    collection_id = collections.create(workspace, "alps", actor="human:anna")
    wanted = [searches.NewSearch("played", "otter", text, n_wanted=100_000) for text in ("otter", "Otter")]
    searches.save(workspace, collection_id, wanted)
    schedules.save(workspace, collection_id, every_days=0.01, retrain_after=None)
    app = open_page("collect")
    app.button(key=f"change:{collection_id}").click().run()
    app.toggle(key="names:more").set_value(True).run()
    assert not app.exception
    assert app.number_input(key="names:wanted").value == 200_000
    assert app.number_input(key="names:days").value == 0.01


def test_a_collection_that_was_removed_meanwhile_is_explained(
    open_page: OpenPage, workspace: Workspace, text_of: Callable
) -> None:
    collection_id = collections.create(workspace, "alps", actor="human:anna")
    searches.save(workspace, collection_id, [searches.NewSearch("played", "otter", "otter")])
    app = open_page("collect")
    for table in ("search", "collection"):
        workspace.connection().execute(f"DELETE FROM {table}")
    app.button(key=f"change:{collection_id}").click().run()
    assert not app.exception


@pytest.fixture
def finished(workspace: Workspace, fill: Callable[..., list[str]]) -> int:
    """A collection with two images of two classes, one of them with a licence, and three rejections."""
    fill(otter=1, sea=1, bear=3)
    collection_id = collections.create(workspace, "animals", actor="human:anna")
    searches.save(workspace, collection_id, [searches.NewSearch("played", "otter", "otter", n_wanted=10)])
    cc = Credit(None, "CC BY-NC 2.0", "A. Adams")
    collections.add(
        workspace,
        collection_id,
        [
            NewCandidate("https://example.org/1", "otter", "played", credit=cc),
            NewCandidate("https://example.org/2", "sea", "played"),
            *(NewCandidate(f"https://example.org/{n}", "otter", "played") for n in (3, 4, 5)),
        ],
    )
    with workspace.transaction() as connection:
        collections.end(connection, Ended(1, 1))
        collections.end(connection, Ended(2, 2))
        collections.end(connection, Ended(3, None, "gone", "404"))
        collections.end(connection, Ended(4, None, "gone", "404"))
        collections.end(connection, Ended(5, None, "opted_out", "noai"))
    return collection_id


def test_a_finished_collection_shows_licences_and_leads_to_the_first_score(
    open_page: OpenPage, workspace: Workspace, finished: int, no_worker: None
) -> None:
    app = open_page("collect")
    assert not app.exception
    tables = [each.value.to_dict("records") for each in app.dataframe]
    assert {"Class": "otter", "Wanted": 10, "Found": 4, "Images": 1, "Rejected": 3, "Waiting": 0}.items() <= (
        tables[1][0].items()
    )
    by_licence = {row["Licence"]: row for rows in tables for row in rows if "Licence" in row}
    assert by_licence["CC BY-NC 2.0"]["Commercial use"] == "no"
    assert by_licence["Unknown, or all rights reserved"]["Images"] == 1
    app.button(key="first score").click().run()
    assert app.title[0].value == "Train"
    assert [job.kind for job in queue.list_jobs(workspace)] == ["train"]


def test_where_all_were_rejected_only_another_attempt_is_offered(
    open_page: OpenPage, workspace: Workspace, no_worker: None
) -> None:
    collection_id = collections.create(workspace, "animals", actor="human:anna")
    collections.add(workspace, collection_id, [NewCandidate("https://example.org/1", "otter", "played")])
    with workspace.transaction() as connection:
        collections.end(connection, Ended(1, None, "unreachable", "It did not answer in time."))
    app = open_page("collect")
    assert not app.exception
    assert "Licence" not in "".join(each.label for each in app.expander)
    in_panel = [each.key for each in app.main.button if str(each.key).endswith(f":{collection_id}")]
    assert in_panel == [f"retry:{collection_id}", f"again:{collection_id}"]


def test_a_job_that_rejected_everything_says_so(
    open_page: OpenPage, workspace: Workspace, no_worker: None, text_of: Callable
) -> None:
    app = opened(open_page, "otter")
    app.button(key="names:collect").click().run()
    work = ledger.claim(workspace, 1, process.own())
    work.note(CollectResult("photos", n_images=0, n_new=0, n_rejected=9, n_waiting=0, seconds=1.0))
    work.end("done")
    assert "0 new images, 0 known, 9 rejected. The reasons are listed below." in text_of(app.run())


def test_a_finished_collection_is_searched_again_for_what_is_new(
    open_page: OpenPage, workspace: Workspace, finished: int, no_worker: None, text_of: Callable
) -> None:
    schedules.save(workspace, finished, every_days=7, retrain_after=50)
    workspace.connection().execute("UPDATE search SET is_ended = 1, cursor = '9'")
    app = open_page("collect")
    assert "Runs again every 7 days. Trains again after 50 reviewed images, once" in text_of(app)
    app.button(key=f"further:{finished}").click().run()
    assert not app.exception
    [search] = searches.of_collection(workspace, finished)
    assert (search.cursor, search.is_ended) == ("", False)
    assert [job.kind for job in queue.list_jobs(workspace)] == ["collect"]


def test_rejections_of_a_chosen_reason_are_tried_again_as_a_batch(
    open_page: OpenPage, workspace: Workspace, finished: int, no_worker: None
) -> None:
    app = open_page("collect")
    app.pills(key=f"reasons:{finished}").set_value(["gone"]).run()
    assert app.button(key=f"again:{finished}").label == "Try 2 photos again"
    app.button(key=f"again:{finished}").click().run()
    assert not app.exception
    shown = collections.show(workspace, "animals")
    assert (shown.n_waiting, shown.by_reason) == (2, {"opted_out": 1})


def test_a_search_that_did_not_go_on_says_why_and_can_continue(
    open_page: OpenPage, workspace: Workspace, finished: int, text_of: Callable
) -> None:
    searches.fail(workspace, 1, "The service is closed.")
    app = open_page("collect")
    assert "1 search at played stopped: The service is closed." in text_of(app)
    assert app.button(key=f"continue:{finished}").label == "Continue animals"
