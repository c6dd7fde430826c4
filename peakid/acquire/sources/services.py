"""The services that can be searched for photos."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from peakid import settings
from peakid.acquire.sources.commons import Commons
from peakid.acquire.sources.flickr import Flickr
from peakid.acquire.sources.gbif import Gbif
from peakid.acquire.sources.inaturalist import INaturalist
from peakid.acquire.sources.openverse import Openverse
from peakid.acquire.sources.photo_source import PhotoSource


@dataclass(frozen=True)
class Keys:
    """The keys that a person has from services; '' = none. They are never stored or logged."""

    flickr: str = field(default="", repr=False)
    openverse: str = field(default="", repr=False)


def own_keys() -> Keys:
    """Return the keys that the settings of this machine have."""
    return Keys(settings.service_key("flickr_key"), settings.service_key("openverse_token"))


Opener = Callable[[Keys, str], PhotoSource]
"""Return a source; its second argument is the address of a server that stands in for the service, or ''."""

OPENERS: dict[str, Opener] = {
    "flickr": lambda keys, stand_in: Flickr(keys.flickr.strip(), stand_in),
    "openverse": lambda keys, stand_in: Openverse(keys.openverse.strip(), stand_in),
    "commons": lambda _keys, stand_in: Commons(stand_in),
    "inaturalist": lambda _keys, stand_in: INaturalist(stand_in),
    "gbif": lambda _keys, stand_in: Gbif(stand_in),
}
"""By the name of the source, in the order in which a page offers them."""


def opened(keys: Keys, *, stand_in: str = "") -> Mapping[str, PhotoSource]:
    """Return all services by name.

    Args:
        stand_in: A server that is asked in place of the services, each under its name, such as
            `http://127.0.0.1:9000/flickr/`. '' = the services themselves.
    """
    base = stand_in.rstrip("/")
    return {name: open_(keys, f"{base}/{name}/" if base else "") for name, open_ in OPENERS.items()}


CONTACT = "contact"
NEEDED: dict[str, str] = {"flickr": "flickr_key", "commons": CONTACT}
"""The setting without which a service cannot be searched, by the name of the source."""


def lacking() -> Mapping[str, str]:
    """Return the services that cannot be searched on this machine, with the setting that each needs."""
    return {source: name for source, name in NEEDED.items() if not _is_set(name)}


def _is_set(name: str) -> bool:
    if name == CONTACT:  # Not needed where another server is asked in place of the service.
        chosen = settings.for_job()
        return bool(chosen.contact or chosen.sources_url)
    return bool(settings.service_key(name))
