"""How many requests a plan takes, and how long at the paces of its hosts."""

from dataclasses import replace

import pytest

from peakid.acquire.fetching.pace import Pace, Quota
from peakid.acquire.sources.photo_source import FoundPhoto
from peakid.jobs.collecting import costs
from peakid.jobs.collecting.plans import Estimate
from peakid.store.collecting.searches import NewSearch
from tests.jobs.collecting.test_plans import Lakes

SEARCH = NewSearch("lakes", "lake", "lake", n_wanted=100)
PHOTO = FoundPhoto("https://photos.example.org/1.jpg")
SLOW = Lakes(paces={"api.example.org": Pace(per_s=0.5, n_at_once=1)})


@pytest.mark.parametrize(
    ("pace", "seconds"),
    [
        (Pace(per_s=4, n_at_once=8), 25.0),  # 100 requests at 4 a second.
        (Pace(per_s=1000, n_at_once=4), 10.0),  # 0.4 s an answer, four at once.
        (Pace(per_s=1000, n_at_once=40, quotas=(Quota(30, 60),)), 180.0),  # Waits thrice for a minute.
    ],
)
def test_a_host_takes_the_time_of_its_pace(pace: Pace, seconds: float) -> None:
    assert costs.seconds_for(100, pace) == pytest.approx(seconds)


def test_pages_and_pictures_are_counted_and_the_slowest_host_decides() -> None:
    found = [Estimate(SEARCH, 5000, (PHOTO,), n_listed=20), Estimate(SEARCH, 30, (PHOTO,), n_listed=20)]
    cost = costs.of_estimates(found, {"lakes": SLOW})
    # 130 photos; 5 + 2 pages at one in two seconds = 14 s; 130 photos at 8 a second = 16.25 s.
    assert (cost.n_photos, cost.n_requests, cost.seconds) == (130, 137, pytest.approx(16.25))


@pytest.mark.parametrize(
    ("estimate", "n"),
    [
        (Estimate(SEARCH, None, (PHOTO,)), 100),
        (Estimate(SEARCH, 30, (PHOTO,)), 30),
        (Estimate(SEARCH, 0), 0),
        (Estimate(SEARCH, None, ()), 0),
        (Estimate(SEARCH, problem="The key is wrong."), 0),
        (Estimate(replace(SEARCH, n_wanted=7), 30, (PHOTO,)), 7),
    ],
)
def test_no_more_is_expected_than_there_is(estimate: Estimate, n: int) -> None:
    assert costs.n_expected(estimate) == n
