"""Small pictures of what the searches of a plan find first, to see whether it is what is meant."""

import dataclasses
from collections.abc import Mapping, Sequence

import anyio
from anyio.from_thread import start_blocking_portal

from peakid.acquire.fetching.client import Client, ClientOptions
from peakid.acquire.sources.photo_source import PhotoSource
from peakid.errors import PeakidError
from peakid.imaging import gate, pixels
from peakid.jobs.collecting.plans import Estimate

N_OF_CLASS, MOST = 4, 32
LONGEST_PX = 160
MAX_BYTES = 2 * 2**20
LIMIT_S = 8.0  # Someone waits for them.


def thumbnails(
    estimates: Sequence[Estimate], sources: Mapping[str, PhotoSource], *, options: ClientOptions | None = None
) -> dict[str, tuple[bytes, ...]]:
    """Fetch a few thumbnails of each class, through the client and at its paces; return JPEGs by class.

    Those that the services do not offer, that cannot be read or that do not come in time are left out.
    """
    wanted = _chosen(estimates)
    found: dict[str, bytes] = {}
    paces = {host: pace for each in sources.values() for host, pace in each.paces.items()}
    options = options or ClientOptions()
    options = dataclasses.replace(options, paces={**paces, **options.paces}, n_attempts=1)
    urls = [url for of_class in wanted.values() for url in of_class]
    if urls:
        with start_blocking_portal() as portal:
            portal.call(_fetch_all, urls, options, found)
    shown = {url: _readable(body) for url, body in found.items()}
    return {
        label: tuple(picture for url in of_class if (picture := shown.get(url)))
        for label, of_class in wanted.items()
    }


def _chosen(estimates: Sequence[Estimate]) -> dict[str, list[str]]:
    """Return the addresses of thumbnails by class: a few of each, those of its searches by turns."""
    by_class: dict[str, list[list[str]]] = {}
    for each in estimates:
        urls = [photo.thumbnail_url for photo in each.samples if photo.thumbnail_url]
        by_class.setdefault(each.search.label, []).append(urls)
    n_each = max(1, min(N_OF_CLASS, MOST // max(1, len(by_class))))
    chosen: dict[str, list[str]] = {}
    for label, lists in by_class.items():
        turns = [urls[n] for n in range(max(map(len, lists))) for urls in lists if n < len(urls)]
        chosen[label] = list(dict.fromkeys(turns))[:n_each]
    return dict(list(chosen.items())[:MOST])


async def _fetch_all(urls: Sequence[str], options: ClientOptions, found: dict[str, bytes]) -> None:
    async def fetch(client: Client, url: str) -> None:
        try:
            found[url] = (await client.get(url, max_bytes=MAX_BYTES)).body
        except PeakidError:
            return  # One thumbnail less.

    with anyio.move_on_after(LIMIT_S):
        async with Client(options) as client, anyio.create_task_group() as group:
            for url in urls:
                group.start_soon(fetch, client, url)


def _readable(body: bytes) -> bytes:
    """Return a picture as a small JPEG, decoded in the guarded process; empty if that is not possible."""
    try:
        return gate.call(pixels.as_jpeg, body, longest_px=LONGEST_PX)
    except PeakidError:
        return b""
