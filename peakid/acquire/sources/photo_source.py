"""What every service that is searched for photos gives: pages of photos with their credits."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol

from peakid.acquire.fetching.client import Client
from peakid.acquire.fetching.pace import Pace
from peakid.errors import FetchFailed
from peakid.records import NO_CREDIT, Credit

Licences = Literal[
    "open",  # Creative Commons, public domain and no known copyright.
    "any",   # Whatever the service lists, with an unknown licence too.
]  # fmt: skip


@dataclass(frozen=True)
class Query:
    """What a service is asked for.

    Attributes:
        text: The words to search for, or the name of a category or of a species, as the source takes it.
        options: More that the source knows, such as `depth` of categories; see its `options`.
    """

    text: str
    licences: Licences = "open"
    options: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class FoundPhoto:
    """A photo that a service lists.

    Attributes:
        url: Of the picture, in a size of 1,024 px or more where there is one.
        credit: Its page, its licence as `licences.named` writes it ('' or None = unknown), its author.
        taken_at: ISO 8601 date or time; '' = unknown.
        latitude, longitude: Degrees north and east; None = unknown.
        thumbnail_url: Of a small version, 100 to 500 px wide; '' = there is none.
    """

    url: str
    credit: Credit = NO_CREDIT
    title: str = ""
    taken_at: str = ""
    latitude: float | None = None
    longitude: float | None = None
    thumbnail_url: str = ""


@dataclass(frozen=True)
class FoundPage:
    """Attributes:
    photos: In the order of the service; those whose licence is not wanted are left out.
    cursor: Where the search goes on, in text that the source understands; '' = there is nothing more.
    n_available: How many photos the service says it has; None = it does not say.
    repeats: It may list photos of earlier pages again, so that a page of known ones is no sign of the end.
    """

    photos: tuple[FoundPhoto, ...]
    cursor: str = ""
    n_available: int | None = None
    repeats: bool = False


class SearchFailed(FetchFailed):
    """A service refuses a search: a wrong key, a query that it does not take, a used-up quota."""


class PhotoSource(Protocol):
    """A service of photos.

    Attributes:
        name: As stored with candidates, such as `flickr`.
        title: As shown, such as `Flickr`.
        terms_url: The page that documents its interface and limits.
        paces: How often its hosts may be asked, by host name: its documented limits.
        options: The names that `Query.options` may have.
    """

    @property
    def name(self) -> str: ...
    @property
    def title(self) -> str: ...
    @property
    def terms_url(self) -> str: ...
    @property
    def paces(self) -> Mapping[str, Pace]: ...
    @property
    def options(self) -> tuple[str, ...]: ...

    async def page(self, client: Client, query: Query, cursor: str = "") -> FoundPage:
        """Return one page of a search.

        Args:
            cursor: That of the page before; '' = the first page.

        Raises:
            SearchFailed: If the service refuses it; another attempt gives the same.
            NotFetched: If the service did not answer, after several attempts.
        """
        ...
