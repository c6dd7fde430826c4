"""No service is asked more often than it documents, within a run and over two, by a virtual clock."""

from pathlib import Path

import pytest

from peakid.acquire.fetching.pace import ByteQuota, HostPace, Pace, Quota, QuotaUsedUp
from peakid.acquire.fetching.usage import Usage
from peakid.acquire.sources import services
from tests.acquire.fetching.clock import Clock, most_within
from tests.web import event_loop

# From the pages of the services: requests at once, requests in seconds, bytes in seconds.
DOCUMENTED: dict[str, tuple[int, tuple[tuple[int, float], ...], tuple[tuple[int, float], ...]]] = {
    "commons.wikimedia.org": (1, (), ()),
    "upload.wikimedia.org": (2, (), ((25_000_000 // 8 * 10, 10),)),
    "api.inaturalist.org": (1, ((60, 60), (10_000, 86_400)), ()),
    "static.inaturalist.org": (4, (), ((5 * 10**9, 3600), (24 * 10**9, 86_400))),
    "inaturalist-open-data.s3.amazonaws.com": (4, (), ((5 * 10**9, 3600), (24 * 10**9, 86_400))),
    "api.gbif.org": (1, (), ()),
    "api.flickr.com": (4, ((3600, 3600),), ()),
    "www.flickr.com": (4, ((3600, 3600),), ()),
    "api.openverse.org": (1, ((20, 60), (200, 86_400)), ()),
}


def all_paces() -> list[tuple[str, Pace]]:
    opened = services.opened(services.Keys()).values()
    return [each for source in opened for each in source.paces.items()]


@pytest.mark.parametrize(("host", "pace"), all_paces())
def test_a_pace_is_within_what_its_service_documents(host: str, pace: Pace) -> None:
    n_at_once, requests, sizes = DOCUMENTED.get(host, (8, (), ()))
    assert pace.n_at_once <= n_at_once
    assert any(each.seconds >= 3600 for each in pace.quotas) == any(s >= 3600 for _, s in requests)
    for n, seconds in requests:
        assert min(q.n_requests * max(1, seconds / q.seconds) for q in _of(pace, seconds)) <= n
    for n, seconds in sizes:
        assert any(each.n_bytes <= n and each.seconds >= seconds for each in pace.byte_quotas)


def _of(pace: Pace, seconds: float) -> list[Quota]:
    """Return the quotas of a pace that limit a span, and its rate as one."""
    rate = Quota(max(1, int(pace.per_s * seconds)), seconds)
    return [*(each for each in pace.quotas if each.seconds >= seconds), rate]


def test_every_source_is_in_the_table_of_what_is_documented() -> None:
    for source in services.opened(services.Keys()).values():
        assert set(source.paces) & set(DOCUMENTED), source.name


@pytest.mark.parametrize(("host", "pace"), [each for each in all_paces() if each[1].quotas])
def test_requests_of_two_runs_never_exceed_a_quota(host: str, pace: Pace, tmp_path: Path) -> None:
    """Each run asks for more than the smaller quotas allow; the day is used up before it begins."""
    clock = Clock()

    async def run(n: int) -> list[float]:
        usage = Usage(tmp_path / "u.sqlite", clock=clock)
        at_host = HostPace(pace, host=host, usage=usage, clock=clock, sleep=clock.sleep)
        times = []
        try:
            for _ in range(n):
                async with at_host.turn():
                    times.append(clock.now)
        except QuotaUsedUp:
            assert len(times) < n
        usage.close()
        return times

    times = [each for _ in range(2) for each in event_loop.run(run(120))]
    for quota in pace.quotas:
        assert most_within(times, quota.seconds) <= quota.n_requests
    largest = max(pace.quotas, key=lambda each: each.seconds)
    if len(times) < largest.n_requests:
        _use_up(tmp_path / "u.sqlite", host, largest, times, clock)
    before = clock.now
    assert event_loop.run(run(1)) == []
    assert clock.now == before, "it does not sleep until the next day or hour"
    clock.now += largest.seconds
    assert len(event_loop.run(run(1))) == 1


def _use_up(file: Path, host: str, quota: Quota, times: list[float], clock: Clock) -> None:
    """Count what is left of a quota as one request after the other now, as further runs would."""
    usage = Usage(file, clock=clock)
    rows = [(host, clock.now)] * (quota.n_requests - len(times))
    usage._connection.executemany("INSERT INTO asked (host, at) VALUES (?, ?)", rows)
    usage.close()


MEDIA = [each for each in all_paces() if each[1].byte_quotas]


@pytest.mark.parametrize(("host", "pace"), MEDIA)
def test_bytes_of_two_runs_never_exceed_a_quota(host: str, pace: Pace, tmp_path: Path) -> None:
    clock, part = Clock(), 2**16
    times, ended = list[float](), list[bool]()
    # The larger quotas have been used up to a few parts.
    usage = Usage(tmp_path / "u.sqlite", clock=clock)
    shortest = min(pace.byte_quotas, key=lambda each: each.seconds)
    before = max(0, shortest.n_bytes - 400 * part)
    usage.receive(pace.shared_as or host, pace.byte_quotas, before, room=0)
    usage.close()
    times += [clock.now]

    async def run(n_parts: int) -> None:
        at = Usage(tmp_path / "u.sqlite", clock=clock)
        name = pace.shared_as or host
        at_host = HostPace(pace, host=name, usage=at, clock=clock, sleep=clock.sleep)
        try:
            for _ in range(n_parts // 10):
                async with at_host.turn():
                    for _ in range(10):
                        await clock.sleep(0.002)
                        times.append(clock.now)
                        await at_host.receive(part)
        except QuotaUsedUp:
            ended.append(True)
        at.close()

    for _ in range(2):
        event_loop.run(run(900))
    amounts = [before, *[part] * (len(times) - 1)]
    for quota in pace.byte_quotas:
        assert most_within(times, quota.seconds, amounts) <= quota.n_bytes
    assert most_within(times, shortest.seconds, amounts) > 0.85 * shortest.n_bytes, "nearly all is used"
    assert bool(ended) == (shortest.seconds >= 900)


def test_the_photo_hosts_of_inaturalist_count_together() -> None:
    paces = dict(all_paces())
    hosts = ("static.inaturalist.org", "inaturalist-open-data.s3.amazonaws.com")
    assert len({paces[each].shared_as for each in hosts}) == 1
    assert paces[hosts[0]].shared_as
    assert paces[hosts[0]].byte_quotas == (ByteQuota(5 * 10**9, 3600), ByteQuota(24 * 10**9, 86_400))
