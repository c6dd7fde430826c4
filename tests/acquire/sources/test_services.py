"""Every service states its documented limits, and no window of time holds more requests than they allow."""

import bisect

import pytest

from peakid.acquire.sources import services
from peakid.acquire.sources.services import Keys
from tests.acquire.fetching.test_pace import begun

DOCUMENTED = {
    ("flickr", "api.flickr.com"): {(3600, 3600.0)},
    ("openverse", "api.openverse.org"): {(20, 60.0), (200, 86_400.0)},
}


@pytest.mark.parametrize(("name", "host"), DOCUMENTED)
def test_the_documented_limits_are_never_exceeded(name: str, host: str) -> None:
    pace = services.opened(Keys())[name].paces[host]
    assert {(each.n_requests, each.seconds) for each in pace.quotas} == DOCUMENTED[name, host]
    times = begun(pace, max(each.n_requests for each in pace.quotas) + 50)
    for quota in pace.quotas:
        held = [bisect.bisect_left(times, at + quota.seconds - 1e-6) - n for n, at in enumerate(times)]
        assert max(held) <= quota.n_requests


def test_the_shape_of_every_service_is_that_of_a_source() -> None:
    for name, source in services.opened(Keys("key", "token")).items():
        assert (source.name, source.paces != {}) == (name, True)
        assert source.terms_url.startswith("https://")
        assert {"key", "token"}.isdisjoint(repr(source).replace("(", "'").split("'"))


def test_a_server_that_stands_in_has_no_limits_of_the_service() -> None:
    opened = services.opened(Keys(), stand_in="http://127.0.0.1:9/")
    assert {name: opened[name].paces for name in ("flickr", "openverse")} == {"flickr": {}, "openverse": {}}
