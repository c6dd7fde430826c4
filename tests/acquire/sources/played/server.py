"""A local server that plays services of photos, each under its name, and has the pictures they list.

    library = Library({"otter": 60, "beaver": 40})
    with played_services(library, picture=draw).running() as served:
        ...  # PEAKID_SOURCES_URL=served.url, PEAKID_FETCH_PRIVATE=1, PEAKID_FLICKR_KEY=flickr.KEY

`/flickr/`, `/openverse/`, `/commons/`, `/inaturalist/` and `/gbif/` answer as the services do,
`/photos/N.jpg` and `/photos/N_small.jpg` with pictures.
"""

import functools
import re
from collections.abc import Callable, Mapping

from tests.acquire.fetching.served import Answer, Asked, Served
from tests.acquire.sources.played.commons import PlayedCommons
from tests.acquire.sources.played.flickr import PlayedFlickr
from tests.acquire.sources.played.gbif import PlayedGbif
from tests.acquire.sources.played.inaturalist import PlayedINaturalist
from tests.acquire.sources.played.library import Library
from tests.acquire.sources.played.openverse import PlayedOpenverse

Part = Callable[[Asked, int], Answer]
_PICTURE = re.compile(r"/photos/(\d+)(_small)?\.jpg")


def played_services(
    library: Library,
    *,
    picture: Callable[..., bytes],
    parts: Mapping[str, Part] | None = None,
    fault: Callable[[Asked, int], Answer | None] = lambda _asked, _n_before: None,
) -> Served:
    """Return a server that is not running yet.

    Args:
        picture: Draws the photo of a number, in a size given as `size`; the fixture `draw`.
        parts: What answers paths under further names, or in place of a service.
        fault: What is answered in place of all else where it is not None.
    """
    known: dict[str, Part] = {
        "flickr": PlayedFlickr(library).answer,
        "openverse": PlayedOpenverse(library).answer,
        "commons": PlayedCommons(library, picture).answer,
        "inaturalist": PlayedINaturalist(library, picture).answer,
        "gbif": PlayedGbif(library).answer,
        "photos": functools.partial(_photo, picture),
        **(parts or {}),
    }

    def answer(asked: Asked, n_before: int) -> Answer:
        if (given := fault(asked, n_before)) is not None:
            return given
        part = known.get(asked.path.split("/")[1].partition("?")[0])
        return part(asked, n_before) if part else Answer(status=404)

    return Served(answer)


def _photo(picture: Callable[..., bytes], asked: Asked, _n_before: int) -> Answer:
    found = _PICTURE.fullmatch(asked.path)
    if found is None:
        return Answer(status=404)
    size = (24, 18) if found[2] else (48, 36)
    return Answer(picture(int(found[1]), size=size), headers={"Content-Type": "image/jpeg"})
