"""What collecting a plan takes: requests and time, by the paces of the services and of the servers."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from peakid.acquire.fetching.pace import Pace
from peakid.acquire.sources.photo_source import PhotoSource
from peakid.jobs.collecting.plans import Estimate

ANSWER_S = 0.4  # A picture of some 300 KB over a line of 6 Mbit/s.


@dataclass(frozen=True)
class Cost:
    """`n_requests` are for pages of searches and for pictures, without repeated ones."""

    n_photos: int
    n_requests: int
    seconds: float


def of_estimates(
    estimates: Sequence[Estimate], sources: Mapping[str, PhotoSource], *, pace: Pace | None = None
) -> Cost:
    """Return the cost of fetching what the searches of a plan want and have.

    Different hosts are asked at the same time, so the slowest one decides.

    Args:
        pace: Of hosts that no source names.
    """
    n_photos = 0
    by_host: dict[str, int] = {}
    for each in estimates:
        n = n_expected(each)
        pictures, pages = _hosts(each, sources[each.search.source])
        n_photos += n
        by_host[pictures] = by_host.get(pictures, 0) + n
        by_host[pages] = by_host.get(pages, 0) + math.ceil(n / max(1, each.n_listed))
    paces = {host: found for each in sources.values() for host, found in each.paces.items()}
    usual = pace or Pace()
    seconds = [seconds_for(n, paces.get(host, usual)) for host, n in by_host.items()]
    return Cost(n_photos, sum(by_host.values()), max(seconds, default=0.0))


def n_expected(estimate: Estimate) -> int:
    """Return how many photos a search gives: what is wanted, as far as there is enough."""
    if estimate.problem or not (estimate.samples or estimate.n_available):
        return 0
    n_wanted = estimate.search.n_wanted
    return n_wanted if estimate.n_available is None else min(n_wanted, estimate.n_available)


def seconds_for(n_requests: int, pace: Pace) -> float:
    """Return how long a host takes for requests at its pace and within its quotas."""
    if not n_requests:
        return 0.0
    waits = [(math.ceil(n_requests / each.n_requests) - 1) * each.seconds for each in pace.quotas]
    return max(n_requests * max(1 / pace.per_s, ANSWER_S / pace.n_at_once), *waits, 0.0)


def _hosts(estimate: Estimate, source: PhotoSource) -> tuple[str, str]:
    """Return the host of the pictures of a search and that of its pages, the slowest other one it names."""
    pictures = (urlsplit(estimate.samples[0].url).hostname or "") if estimate.samples else ""
    others = [host for host in source.paces if host != pictures]
    return pictures, min(others, key=lambda host: source.paces[host].per_s, default=pictures)
