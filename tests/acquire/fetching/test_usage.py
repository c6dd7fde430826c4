"""Quotas hold in any span of time, for bytes too, across processes and restarts, and end a wait of hours."""

import sqlite3
from collections.abc import Callable
from pathlib import Path

import anyio
import pytest

from peakid.acquire.fetching import pace as paces
from peakid.acquire.fetching.pace import ByteQuota, HostPace, Pace, Quota, QuotaUsedUp
from peakid.acquire.fetching.usage import Usage
from tests.acquire.fetching.clock import Clock, most_within
from tests.web import event_loop

HOUR = Pace(per_s=2, n_at_once=1, quotas=(Quota(100, 300.0),))
BYTES = Pace(per_s=50, n_at_once=2, byte_quotas=(ByteQuota(2_000_000, 10.0), ByteQuota(9_000_000, 100.0)))


def asked(file: Path | None, pace: Pace, n: int, clock: Clock) -> list[float]:
    """Return when each of n requests began, in a process of its own: it shares nothing but the file."""

    async def ask() -> list[float]:
        usage = Usage(file, clock=clock)
        host, times = HostPace(pace, host="h", usage=usage, clock=clock, sleep=clock.sleep), []
        for _ in range(n):
            async with host.turn():
                times.append(clock.now)
        usage.close()
        return times

    return event_loop.run(ask())


def received(
    file: Path | None, pace: Pace, n: int, clock: Clock, *, every_s: float = 0.01
) -> list[tuple[float, int]]:
    """Return when each part of n bodies was counted, with its bytes; two bodies arrive at once."""
    parts: list[tuple[float, int]] = []

    async def body(host: HostPace) -> None:
        async with host.turn():
            for _ in range(10):
                await clock.sleep(every_s)
                parts.append((clock.now, 60_000))
                await host.receive(60_000)

    async def ask() -> None:
        usage = Usage(file, clock=clock)
        host = HostPace(pace, host="h", usage=usage, clock=clock, sleep=clock.sleep)
        if n == 1:
            await body(host)
        for _ in range(n // 2):
            async with anyio.create_task_group() as group:
                group.start_soon(body, host)
                group.start_soon(body, host)
        usage.close()

    event_loop.run(ask())
    return parts


def test_a_second_run_counts_what_the_first_one_asked(tmp_path: Path) -> None:
    clock = Clock()
    times = [each for _ in range(3) for each in asked(tmp_path / "u.sqlite", HOUR, 90, clock)]
    assert most_within(times, 300.0) == 100
    forgotten = [each for _ in range(3) for each in asked(None, HOUR, 90, Clock())]
    assert most_within(sorted(forgotten), 300.0) > 100, "without a file each run begins at zero"


def test_two_processes_at_once_share_a_quota(tmp_path: Path) -> None:
    clock, file = Clock(), tmp_path / "u.sqlite"

    async def ask() -> list[float]:
        hosts = [
            HostPace(HOUR, host="h", usage=Usage(file, clock=clock), clock=clock, sleep=clock.sleep)
            for _ in range(2)
        ]
        times = []
        for n in range(240):
            async with hosts[n % 2].turn():
                times.append(clock.now)
        return times

    assert most_within(sorted(event_loop.run(ask())), 300.0) <= 100


@pytest.mark.parametrize("every_s", [0.01, 0.2])
def test_bytes_are_counted_as_they_arrive_within_a_run_and_over_two(tmp_path: Path, every_s: float) -> None:
    clock, file = Clock(), tmp_path / "u.sqlite"
    parts = [each for _ in range(2) for each in received(file, BYTES, 20, clock, every_s=every_s)]
    times, sizes = [at for at, _ in parts], [n for _, n in parts]
    for quota in BYTES.byte_quotas:
        assert quota.n_bytes / 2 < most_within(times, quota.seconds, sizes) <= quota.n_bytes


def test_bytes_count_for_the_whole_time_of_a_quota() -> None:
    clock = Clock()
    usage, quotas = Usage(clock=clock), (ByteQuota(2_000_000, 10.0),)
    clock.now = 100.9
    usage.receive("h", quotas, 1_900_000, room=1)
    fitting = {}
    for now in (110.0, 110.8, 111.9):
        clock.now = now
        fitting[now] = usage.receive("h", quotas, 0, room=1)[2]
    assert fitting == {110.0: 100_000, 110.8: 100_000, 111.9: 2_000_000}


def test_the_hosts_of_one_provider_share_their_bytes() -> None:
    clock = Clock()
    usage = Usage(clock=clock)
    first = usage.receive("photos", BYTES.byte_quotas, 1_500_000, room=100_000)
    second = usage.receive("photos", BYTES.byte_quotas, 450_000, room=100_000)
    assert (first[0], second[0] > 0, second[2]) == (0.0, True, 50_000)


def test_a_quota_that_is_used_up_for_hours_ends_the_search(tmp_path: Path) -> None:
    clock, file = Clock(), tmp_path / "u.sqlite"
    day = Pace(per_s=1000, n_at_once=1, quotas=(Quota(50, 86_400.0),))
    asked(file, day, 50, clock)
    before = clock.now
    with pytest.raises(QuotaUsedUp, match=r"The 50 requests a day that h allows are used up until \d\d:\d\d"):
        asked(file, day, 1, clock)
    assert clock.now == before, "nobody waits for hours"
    clock.now += 86_400
    assert len(asked(file, day, 1, clock)) == 1
    parts = Pace(byte_quotas=(ByteQuota(300_000, 7200.0),))
    with pytest.raises(QuotaUsedUp, match="The 300,000 bytes in 7200 s that h allows are used up until"):
        received(file, parts, 1, clock)


def test_a_short_wait_is_waited_for() -> None:
    assert paces.MAX_QUOTA_WAIT_S == 900
    clock = Clock()
    pace = Pace(per_s=1000, n_at_once=1, quotas=(Quota(5, 800.0),))
    assert asked(None, pace, 6, clock)[-1] == pytest.approx(900.0, abs=0.1)  # The clock begins at 100.


def test_a_clock_that_was_set_back_blocks_nobody(tmp_path: Path) -> None:
    clock, file = Clock(), tmp_path / "u.sqlite"
    clock.now = 9e9
    asked(file, HOUR, 100, clock)
    clock.now = 100.0
    assert asked(file, HOUR, 1, clock) == [100.0]


def _damaged(file: Path) -> None:
    file.write_bytes(b"not a database" * 100)


def _a_folder(file: Path) -> None:
    file.mkdir()


def _of_another_program(file: Path) -> None:
    connection = sqlite3.connect(file)
    connection.execute("CREATE TABLE asked (something)")
    connection.commit()
    connection.close()


@pytest.mark.parametrize("spoil", [_damaged, _a_folder, _of_another_program])
def test_a_file_that_cannot_be_used_leaves_the_quota_of_the_run(
    tmp_path: Path, spoil: Callable[[Path], None]
) -> None:
    file = tmp_path / "u.sqlite"
    spoil(file)
    assert most_within(asked(file, HOUR, 250, Clock()), 300.0) == 100


def test_a_folder_that_cannot_be_created_leaves_the_quota_of_the_run(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert most_within(asked(tmp_path / "file" / "u.sqlite", HOUR, 250, Clock()), 300.0) == 100


def test_a_file_that_fails_meanwhile_keeps_what_was_counted(tmp_path: Path) -> None:
    clock = Clock()
    usage = Usage(tmp_path / "u.sqlite", clock=clock)
    for _ in range(100):
        usage.reserve("h", HOUR.quotas, after_s=0, most_s=1e9)
    usage._connection.execute("PRAGMA query_only = ON")  # As on a full disk: it can be read only.
    wait_s, quota = usage.reserve("h", HOUR.quotas, after_s=0, most_s=1e9)
    assert (wait_s, quota) == (300.0, HOUR.quotas[0])
