"""A plan is checked and estimated before anything is fetched, and saved as the searches of a collection."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import pytest

from peakid.acquire.fetching.client import Client, NotFetched
from peakid.acquire.fetching.pace import Pace
from peakid.acquire.sources.photo_source import FoundPage, FoundPhoto, Query, SearchFailed
from peakid.errors import BadInput
from peakid.jobs.collecting import plans
from peakid.jobs.collecting.plans import Plan
from peakid.store.collecting import collections, searches
from peakid.store.collecting.searches import NewSearch
from peakid.store.workspace import Workspace


@dataclass
class Lakes:
    """A service that has 90 photos of lakes and nothing else."""

    name: str = "lakes"
    title: str = "Lakes"
    terms_url: str = "https://example.org/terms"
    paces: Mapping[str, Pace] = field(default_factory=dict)
    options: tuple[str, ...] = ("depth",)

    async def page(self, client: Client, query: Query, cursor: str = "") -> FoundPage:
        del client, cursor
        if query.text == "denied":
            raise SearchFailed("The key is wrong.", "Set another one.")
        if query.text != "lake":
            return FoundPage((), n_available=None)
        return FoundPage(tuple(FoundPhoto(f"https://example.org/{n}.jpg") for n in range(30)), "2", 90)


SOURCES = {"lakes": Lakes()}
LAKE = NewSearch("lakes", "lake", "lake")


def test_an_estimate_asks_for_one_page_of_each_search() -> None:
    wanted = (LAKE, replace(LAKE, text="desert"), replace(LAKE, text="denied"))
    full, empty, denied = plans.estimate(Plan("lakes", wanted), SOURCES)
    assert (full.n_available, len(full.samples), full.problem) == (90, plans.N_SAMPLES, "")
    assert (empty.n_available, empty.samples) == (0, ())
    assert (denied.n_available, denied.problem) == (None, "The key is wrong. Set another one.")


def test_a_saved_plan_can_be_changed(workspace: Workspace) -> None:
    plan = Plan("alps", (replace(LAKE, label=" lake ", text=" lake  "),), every_days=7, retrain_after=50)
    collection_id = plans.save(workspace, plan, SOURCES, actor="human:anna")
    [search] = searches.of_collection(workspace, collection_id)
    assert (search.label, search.text, search.n_wanted) == ("lake", "lake", 200)
    found = collections.show(workspace, "alps")
    assert (found.every_days, found.retrain_after, found.ran_at) == (7, 50, None)
    assert plans.save(workspace, Plan("alps", (LAKE,)), SOURCES, actor="human:ben") == collection_id
    assert collections.show(workspace, "alps").every_days is None


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"label": " \u200b"}, "cannot be the name of a class"),
        ({"source": "nowhere"}, "There is no source 'nowhere'. There are: lakes."),
        ({"text": " "}, "cannot be searched for"),
        ({"text": "a" * 501}, "cannot be searched for"),
        ({"n_wanted": 0}, "0 photos of lake cannot be collected"),
        ({"n_wanted": 10**6}, "1,000,000 photos of lake cannot be collected"),
        ({"options": {"width": "1"}}, "has no option 'width'. It has: depth."),
    ],
)
def test_what_cannot_be_searched_is_refused(
    workspace: Workspace, changed: Mapping[str, object], said: str
) -> None:
    with pytest.raises(BadInput) as refused:
        plans.save(workspace, Plan("alps", (replace(LAKE, **changed),)), SOURCES, actor="human:anna")
    assert said in str(refused.value)
    assert collections.list_collections(workspace) == []


@pytest.mark.parametrize("plan", [Plan("alps", ()), Plan("alps", (LAKE,), every_days=-1)])
def test_a_plan_without_searches_or_with_a_wrong_number_is_refused(workspace: Workspace, plan: Plan) -> None:
    with pytest.raises(BadInput):
        plans.save(workspace, plan, SOURCES, actor="human:anna")


@dataclass
class Silent(Lakes):
    """A service that does not answer."""

    name: str = "silent"
    asked: list[str] = field(default_factory=list)

    async def page(self, client: Client, query: Query, cursor: str = "") -> FoundPage:
        self.asked.append(query.text)
        raise NotFetched("unreachable", "It did not answer in time.", is_passing=True)


def test_a_service_that_does_not_answer_is_asked_for_one_search_only() -> None:
    silent = Silent()
    others = [replace(LAKE, source="silent", text=f"{n}") for n in range(50)]
    found = plans.estimate(Plan("lakes", (*others, LAKE)), {**SOURCES, "silent": silent})
    assert {each.problem for each in found[:50]} == {"It did not answer in time. Try again later."}
    assert (found[50].n_available, silent.asked) == (90, ["0"])


def test_an_estimate_says_how_far_it_is_and_ends_when_told() -> None:
    said: list[tuple[int, int]] = []
    plans.estimate(
        Plan("lakes", (LAKE, replace(LAKE, text="desert"))),
        SOURCES,
        report=lambda _phase, step, total, _text: said.append((step, total)),
    )
    assert said[-1] == (2, 2)

    def stop(*_details: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        plans.estimate(Plan("lakes", (LAKE,)), SOURCES, report=stop)
