"""What a collection has by class and by licence, and its newest images."""

from collections.abc import Callable

import pytest

from peakid.records import Credit
from peakid.store.collecting import class_progress, collections, searches
from peakid.store.collecting.class_progress import ClassProgress, LicenceCount
from peakid.store.collecting.collections import Ended, NewCandidate
from peakid.store.collecting.searches import NewSearch
from peakid.store.workspace import Workspace


@pytest.fixture
def lakes(workspace: Workspace, fill: Callable[..., list[str]]) -> int:
    """Five candidates: three images (one found twice), one rejected, one that waits."""
    fill(lake=2)
    collection_id = collections.create(workspace, "lakes", actor="human:anna")
    wanted = [NewSearch("flickr", "lake", "lake", n_wanted=3), NewSearch("gbif", "lake", "lake", n_wanted=4)]
    searches.save(workspace, collection_id, [*wanted, NewSearch("flickr", "pond", "pond", n_wanted=5)])
    licences = [
        "All rights reserved",
        "cc-by 4.0",
        "https://creativecommons.org/licenses/by/4.0/",
        None,
        None,
    ]
    collections.add(
        workspace,
        collection_id,
        [
            NewCandidate(f"https://example.org/{n}", "lake", "flickr", credit=Credit(None, each, None))
            for n, each in enumerate(licences)
        ],
    )
    with workspace.transaction() as connection:
        for candidate_id, image_id in ((1, 1), (2, 1), (3, 2)):
            collections.end(connection, Ended(candidate_id, image_id))
        collections.end(connection, Ended(4, None, "gone", "404"))
    return collection_id


def test_candidates_are_counted_by_class_beside_what_is_wanted(workspace: Workspace, lakes: int) -> None:
    assert class_progress.by_class(workspace, lakes) == [
        ClassProgress("lake", 7, 5, 3, 1, 1),
        ClassProgress("pond", 5, 0, 0, 0, 0),
    ]
    assert class_progress.is_searching(workspace, lakes)


def test_open_searches_may_add_what_they_want_and_have(workspace: Workspace, lakes: int) -> None:
    workspace.connection().execute("UPDATE search SET n_found = 1, n_available = 2 WHERE source = 'gbif'")
    assert class_progress.n_to_find(workspace, lakes) == 3 + 1 + 5
    searches.fail(workspace, 1, "The service is closed.")
    assert class_progress.n_to_find(workspace, lakes) == 1 + 5
    workspace.connection().execute("UPDATE search SET is_ended = 1")
    assert class_progress.n_to_find(workspace, lakes) == 0


def test_the_newest_images_come_first_and_once(workspace: Workspace, lakes: int) -> None:
    found = class_progress.newest_images(workspace, lakes)
    assert [label for _, label in found] == ["lake", "lake"]
    assert len({digest for digest, _ in found}) == 2
    assert class_progress.newest_images(workspace, lakes, limit=1) == found[:1]


def test_one_licence_in_two_spellings_is_counted_once(workspace: Workspace, lakes: int) -> None:
    # Image 1 was found with all rights reserved and with CC BY 4.0; image 2 with CC BY 4.0 as an address.
    assert class_progress.by_licence(workspace, lakes) == [LicenceCount("CC BY 4.0", "by", 2)]


def test_images_of_unknown_licence_are_the_last_line(workspace: Workspace, lakes: int) -> None:
    workspace.connection().execute("UPDATE candidate SET licence = NULL WHERE image_id = 2")
    last = class_progress.by_licence(workspace, lakes)[-1]
    assert last == LicenceCount("", "", 1)
