"""GBIF: occurrences of a taxon with their publishers' photos, 100,000 at most, of one basis."""

from collections.abc import Callable

from peakid.acquire.sources import gbif
from peakid.acquire.sources.photo_source import Query, SearchFailed
from peakid.records import Credit
from tests.acquire.fetching.served import Answer, Asked
from tests.acquire.sources.conftest import Found
from tests.acquire.sources.played.gbif import FIRST_TAXON, PlayedGbif
from tests.acquire.sources.played.inaturalist import sent
from tests.acquire.sources.played.library import Library

Search = Callable[..., Found]


def test_a_photo_has_its_author_licence_date_place_and_page(search: Search) -> None:
    found = search("gbif", Query("Lutra lutra"), Library({"Lutra lutra": 5}, ["CC BY-NC 4.0"]))
    photo, bare = found.photos[2], found.photos[3]
    assert photo.url == f"{found.served.url}/photos/2.jpg", "the photo of the publisher, not of GBIF's cache"
    assert photo.credit == Credit("https://www.inaturalist.org/photos/2", "CC BY-NC 4.0", "A. Cdams")
    assert (photo.title, photo.taken_at) == ("Lutra lutra (Linnaeus, 1758)", "2023-09-03T18:30:00")
    assert (photo.latitude, photo.longitude) == (37.2, -122.1)
    assert bare.credit == Credit("https://www.gbif.org/occurrence/4416833003", "CC BY-NC 4.0", None)
    assert (bare.taken_at, bare.latitude) == ("2023-09-04", None)
    assert len(found.photos) == 5, "sounds are left out"


def test_pages_follow_up_to_the_largest_offset(search: Search) -> None:
    library = Library({"Lutra lutra": 700, "Castor fiber": 3})
    played = PlayedGbif(library)
    found = search("gbif", Query("Lutra lutra"), library, {"gbif": played.answer})
    assert [each.url for each in found.photos] == [f"{found.served.url}/photos/{n}.jpg" for n in range(700)]
    assert [(path[-6:], given.get("offset")) for path, given in played.asked] == [
        *[("/match", None), ("search", "0"), ("search", "300"), ("search", "600")],
    ]
    assert found.pages[0].cursor == f'{{"taxon":{FIRST_TAXON},"offset":300}}'


def test_a_search_ends_at_100000(search: Search) -> None:
    asked: list[str] = []

    def endless(request: Asked, _n_before: int) -> Answer:
        asked.append(request.path)
        page = {"key": 5, "media": [{"type": "StillImage", "identifier": "https://example.org/a.jpg"}]}
        offset = int(request.path.rpartition("offset=")[2].partition("&")[0])
        n = int(request.path.rpartition("limit=")[2].partition("&")[0])
        body = {"offset": offset, "count": 900_000, "endOfRecords": False, "results": [page] * n}
        return sent(body)

    cursor = '{"taxon":5,"offset":99900}'
    found = search("gbif", Query("5", "any"), Library({}), {"gbif": endless}, cursor=cursor)
    assert (len(found.pages), len(found.photos), found.pages[0].cursor) == (1, 100, "")
    assert "limit=100&offset=99900" in asked[0]
    assert gbif.MAX_OFFSET == 100_000


def test_a_name_that_is_unknown_or_of_a_larger_group_is_refused(search: Search) -> None:
    found = search("gbif", Query("Nessiteras rhombopteryx"), Library({"Lutra lutra": 2}))
    assert isinstance(found.failure, SearchFailed)
    assert str(found.failure) == (
        "GBIF knows no species or group with the name 'Nessiteras rhombopteryx'."
        " Give the scientific name, such as Lutra lutra, or the number of the taxon."
    )
    higher = {"usageKey": 5219, "matchType": "HIGHERRANK", "rank": "FAMILY", "scientificName": "Mustelidae"}
    part = {"gbif": lambda _asked, _n: sent(higher)}
    assert "knows no species" in str(search("gbif", Query("Lutra xyz"), Library({}), part).failure)


def test_a_synonym_is_searched_by_its_accepted_name_and_a_photo_of_inaturalist_once(search: Search) -> None:
    url = "https://inaturalist-open-data.s3.amazonaws.com/photos/31610070/original.jpeg"
    media = {"type": "StillImage", "format": "image/jpeg", "identifier": url}
    page = {"type": "StillImage", "format": "text/html", "identifier": "https://example.org/page"}
    asked: list[str] = []

    def answer(request: Asked, _n_before: int) -> Answer:
        asked.append(request.path)
        if "match" in request.path:
            return sent({"usageKey": 12, "acceptedUsageKey": 10, "matchType": "EXACT", "status": "SYNONYM"})
        results = [{"key": 1, "media": [media, page]}]
        return sent({"offset": 0, "count": 1, "endOfRecords": True, "results": results})

    found = search("gbif", Query("Lutra vulgaris", "any"), Library({}), {"gbif": answer})
    assert "taxonKey=10&" in asked[1]
    assert "basisOfRecord=HUMAN_OBSERVATION" in asked[1]
    [photo] = found.photos
    assert photo.url == url.replace("original", "large"), "as iNaturalist lists it"
    assert (photo.thumbnail_url, photo.credit.licence) == (url.replace("original", "small"), None)
    assert search("gbif", Query("Lutra vulgaris"), Library({}), {"gbif": answer}).photos == []
