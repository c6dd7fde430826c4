"""Photos of services become images with their credits; a quota that is used up loses none."""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from peakid import settings
from peakid.acquire.fetching.pace import ByteQuota, Pace, Quota
from peakid.acquire.sources import services
from peakid.jobs.collecting import job
from peakid.store.collecting import collections, searches
from peakid.store.collecting.searches import NewSearch
from peakid.store.workspace import Workspace
from tests.acquire.collecting.conftest import FAST
from tests.acquire.fetching.served import Answer, Asked
from tests.acquire.sources.played.commons import PlayedCommons
from tests.acquire.sources.played.gbif import PlayedGbif
from tests.acquire.sources.played.library import Library
from tests.acquire.sources.played.server import played_services

LIBRARY = Library({"otter": 12, "beaver": 12}, ["CC BY-SA 4.0", "CC0 1.0"])


def save(workspace: Workspace, *wanted: NewSearch) -> int:
    collection_id = collections.create(workspace, "lakes", actor="human:anna")
    searches.save(workspace, collection_id, wanted)
    return collection_id


@pytest.mark.slow
def test_three_services_are_searched_at_once_and_a_photo_of_two_is_fetched_once(
    workspace: Workspace, collect: Callable, draw: Callable[..., bytes]
) -> None:
    categories = {"Category:Otters": ("", ("Category:Pups",)), "Category:Pups": ("otter", ())}
    part = {"commons": PlayedCommons(LIBRARY, draw, categories).answer}
    with played_services(LIBRARY, picture=draw, parts=part).running() as served:
        collection_id = save(
            workspace,
            NewSearch("commons", "otter", "Category:Otters", options={"depth": "1"}),
            NewSearch("inaturalist", "beaver", "beaver"),
            NewSearch("gbif", "otter", "otter"),
        )
        found = collect(sources=services.opened(services.Keys(), stand_in=served.url))
    assert [each.problem for each in searches.of_collection(workspace, collection_id)] == ["", "", ""]
    # Commons and GBIF list the same pictures: those that a thumbnail shows to be known are left out.
    assert set(collections.show(workspace, "lakes").by_reason) <= {"near_duplicate"}
    assert (found.n_images + found.n_rejected, found.n_waiting) == (29, 0)
    by_source = Counter(row["source"] for row in workspace.query("SELECT source FROM candidate"))
    # Commons has 10 (two are drawings in SVG). The originals of 5 of them are on GBIF too, and found once.
    assert (by_source["inaturalist"], by_source.total()) == (12, 12 + 12 + 10 - 5)
    fetched = Counter(path for path in served.paths() if path.endswith(".jpg"))
    assert set(fetched.values()) == {1}, "no photo or thumbnail is asked for twice"
    credits = {tuple(row) for row in workspace.query("SELECT licence, author FROM origin")}
    assert ("CC BY-SA 4.0", "A. Adams") in credits


@pytest.mark.slow
def test_what_a_used_up_quota_of_bytes_leaves_waits_for_the_next_run(
    workspace: Workspace, collect: Callable, draw: Callable[..., bytes], tmp_path: Path
) -> None:
    n_bytes = sum(len(draw(n, size=(48, 36))) for n in range(12))
    pace = Pace(per_s=5000, n_at_once=1, byte_quotas=(ByteQuota(n_bytes * 2 // 3, 86_400.0),))
    options = replace(FAST, paces={"localhost": pace}, usage_file=tmp_path / "u.sqlite")

    def elsewhere(asked: Asked, n_before: int) -> Answer:
        """List photos of another host than that of the search."""
        answer = PlayedGbif(LIBRARY).answer(asked, n_before)
        return replace(answer, body=answer.body.replace(b"//127.0.0.1", b"//localhost"))

    with played_services(LIBRARY, picture=draw, parts={"gbif": elsewhere}).running() as served:
        save(workspace, NewSearch("gbif", "otter", "otter"))
        sources = services.opened(services.Keys(), stand_in=served.url)
        first = collect(sources=sources, options=options)
        assert 4 <= first.n_images <= 8
        assert (first.n_images + first.n_waiting, first.n_rejected) == (12, 0)
        n_asked = len(served.asked)
        second = collect(sources=sources, options=options)
        assert (second.n_images, second.n_waiting, second.n_rejected) == (0, first.n_waiting, 0)
        assert len(served.asked) == n_asked, "the quota of the first run holds for the second"
        third = collect(sources=sources)
        assert (third.n_images, third.n_waiting) == (first.n_waiting, 0)


@pytest.mark.slow
def test_a_used_up_quota_is_the_problem_of_its_search(
    workspace: Workspace, collect: Callable, draw: Callable[..., bytes], tmp_path: Path
) -> None:
    pace = Pace(per_s=5000, n_at_once=4, quotas=(Quota(1, 86_400.0),))
    with played_services(LIBRARY, picture=draw).running() as served:
        collection_id = save(workspace, NewSearch("gbif", "otter", "otter"))
        sources = services.opened(services.Keys(), stand_in=served.url)
        options = replace(FAST, paces={"127.0.0.1": pace}, usage_file=tmp_path / "u.sqlite")
        collect(sources=sources, options=options)
        [search] = searches.of_collection(workspace, collection_id)
        assert search.problem.startswith("The 1 requests a day that 127.0.0.1 allows are used up until ")
        assert not search.is_ended
        collect(sources=sources)
        assert searches.of_collection(workspace, collection_id)[0].problem == ""


def test_a_job_remembers_its_requests_in_the_state_of_the_user(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert job.options(settings.for_job()).usage_file == tmp_path / "peakid" / "requests.sqlite"
