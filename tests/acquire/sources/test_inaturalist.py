"""iNaturalist: observations newest first, split by number, with the licence and place of each photo."""

from collections.abc import Callable

from peakid.acquire.sources.photo_source import Query, SearchFailed
from peakid.records import Credit
from tests.acquire.sources.conftest import Found
from tests.acquire.sources.played.inaturalist import FIRST, FIRST_TAXON, PlayedINaturalist
from tests.acquire.sources.played.library import Library

Search = Callable[..., Found]


def test_a_photo_has_its_author_licence_date_place_and_page(search: Search) -> None:
    found = search("inaturalist", Query("otter"), Library({"otter": 7}, ["CC BY-NC-SA 4.0"]))
    photo = next(each for each in found.photos if "/photos/2/" in each.url)
    assert photo.url == f"{found.served.url}/inaturalist/photos/2/large.jpg"
    assert photo.thumbnail_url == f"{found.served.url}/inaturalist/photos/2/small.jpg"
    assert photo.credit == Credit(
        f"https://www.inaturalist.org/observations/{FIRST + 2}", "CC BY-NC-SA 4.0", "A. Cdams"
    )
    assert (photo.title, photo.taken_at) == ("Otter (Otter 3)", "2020-08-03T22:46:10")
    assert (photo.latitude, photo.longitude) == (50.433418274, -104.5628221383)
    other = next(each for each in found.photos if "/photos/1/" in each.url)
    assert (other.taken_at, other.latitude) == ("2020-08-02", None)
    obscured = next(each for each in found.photos if "/photos/4/" in each.url)
    assert obscured.latitude is None, "the place that is shown is not that of the photo"


def test_more_than_10000_observations_are_reached_in_order_and_once(
    search: Search, draw: Callable[..., bytes]
) -> None:
    library = Library({"otter": 1050}, ["CC0 1.0"])
    played = PlayedINaturalist(library, draw, max_results=400)  # 10,000 of the service: two pages of 200.
    found = search("inaturalist", Query("otter"), library, {"inaturalist": played.answer})
    numbers = [int(each.url.split("/")[-2]) for each in found.photos]
    assert numbers == list(range(1049, -1, -1))
    assert [each.get("id_below") for each in played.asked[:2]] == [None, str(FIRST + 850)]
    assert [each.n_available for each in found.pages] == [1050, None, None, None, None, None]


def test_photos_of_an_observation_have_their_own_licence(search: Search) -> None:
    library = Library({"otter": 4}, ["CC BY 2.0"])
    open_ = search("inaturalist", Query("otter"), library)
    assert {each.credit.licence for each in open_.photos} == {"CC BY 4.0"}
    assert len(open_.photos) == 4
    every = search("inaturalist", Query("otter", "any"), library)
    assert len(every.photos) == 6
    assert {each.credit.licence for each in every.photos} == {"CC BY 4.0", None}


def test_a_number_is_that_of_a_taxon_and_options_narrow(search: Search, draw: Callable[..., bytes]) -> None:
    library = Library({"otter": 4, "beaver": 3})
    played = PlayedINaturalist(library, draw)
    options = {"quality": "any", "size": "original"}
    parts = {"inaturalist": played.answer}
    found = search("inaturalist", Query(str(FIRST_TAXON + 1), options=options), library, parts)
    assert {each.title[:6] for each in found.photos} == {"Beaver"}
    assert all(each.url.endswith("/original.jpg") for each in found.photos)
    asked = played.asked[0]
    assert "quality_grade" not in asked
    assert asked["photo_license"].startswith("cc0,cc-by,")
    assert search("inaturalist", Query("otter", options={"quality": "needs_id"}), library).photos == []
    wrong = search("inaturalist", Query("otter", options={"quality": "best"}), library)
    assert isinstance(wrong.failure, SearchFailed)
    assert str(wrong.failure).startswith("iNaturalist has no quality 'best'. Give one of these: research,")


def test_a_name_that_is_unknown_is_answered_with_those_that_are_similar(search: Search) -> None:
    library = Library({"otters": 4, "otter shell": 1, "beaver": 3})
    found = search("inaturalist", Query("otter"), library)
    assert isinstance(found.failure, SearchFailed)
    assert str(found.failure) == (
        "iNaturalist knows no species or group with the name 'otter'."
        " It knows: Otters minor (Otters), Otter shell minor (Otter shell)."
    )
    assert "such as Lutra lutra" in str(search("inaturalist", Query("nessie"), library).failure)


def test_of_two_taxa_with_one_name_the_more_observed_is_searched_in_all_pages(
    search: Search, draw: Callable[..., bytes]
) -> None:
    library = Library({"otter": 250})
    played = PlayedINaturalist(library, draw)
    found = search("inaturalist", Query("OTTER"), library, {"inaturalist": played.answer})
    assert {each["taxon_id"] for each in played.asked} == {str(FIRST_TAXON)}
    assert found.pages[0].cursor == f'{{"taxon":{FIRST_TAXON},"below":{FIRST + 50}}}'
    assert sum("autocomplete" in path for path in found.served.paths()) == 1
