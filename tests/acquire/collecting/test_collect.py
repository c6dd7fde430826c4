"""Every candidate of a collection becomes one image or one rejection, and nothing is fetched twice."""

import base64
import errno
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from peakid.acquire import history
from peakid.acquire.collecting import fetching
from peakid.errors import DiskError, NotFound
from peakid.records import Credit
from peakid.store import images, origins
from peakid.store.collecting import collections
from peakid.store.workspace import Workspace
from tests.acquire.fetching.served import Served


def outcomes(workspace: Workspace) -> dict[str, str]:
    rows = workspace.query("SELECT url, state, reason FROM candidate ORDER BY id")
    return {row["url"].rsplit("/", 1)[-1]: row["reason"] or row["state"] for row in rows}


def test_each_candidate_ends_as_an_image_or_with_its_reason(
    workspace: Workspace, photos: Served, collection: Callable[..., int], collect: Callable
) -> None:
    names = ["1.jpg", "2.jpg", "3-flaky", "4-404", "5-500", "6-page", "7-cut", "8-flaky"]
    collection([f"{photos.url}/{name}" for name in names] + ["http://10.0.0.1:x/", "ftp://example.org/a"])
    said = []
    found = collect(report=lambda *each: said.append(each))
    assert outcomes(workspace) == {
        "1.jpg": "image",
        "2.jpg": "image",
        "3-flaky": "image",
        "8-flaky": "image",
        "4-404": "gone",
        "5-500": "unreachable",
        "6-page": "not_an_image",
        "7-cut": "unreadable",
        "": "unsafe_url",
        "a": "unsafe_url",
    }
    assert (found.n_images, found.n_new, found.n_rejected, found.n_waiting) == (4, 4, 6, 0)
    assert said[-1][:3] == ("Collecting", 10, 10)
    shown = collections.show(workspace, "lakes")
    assert (shown.n_images, shown.n_rejected) == (4, 6)
    [imported] = history.list_acquisitions(workspace)
    assert (imported.source, imported.n_added, imported.finished_at is not None) == ("web", 4, True)
    assert shown.by_reason["unsafe_url"] == 2
    states = workspace.query(
        "SELECT c.name, s.is_reviewed FROM image_state s JOIN class c ON c.id = s.class_id"
    )
    assert [tuple(row) for row in states] == [("lake", 0)] * 4


def test_a_second_run_asks_nothing_of_what_is_known(
    workspace: Workspace, photos: Served, collection: Callable[..., int], collect: Callable
) -> None:
    collection([f"{photos.url}/{n}.jpg" for n in range(5)])
    collect()
    assert len(photos.asked) == 5
    collection([f"{photos.url}/{n}.jpg" for n in range(7)])
    found = collect()
    assert sorted(photos.paths()[5:]) == ["/5.jpg", "/6.jpg"]
    assert (found.n_images, found.n_new) == (2, 2)
    assert collect().n_images == 0
    assert len(photos.asked) == 7


def test_a_photo_of_another_collection_is_not_fetched_again(
    workspace: Workspace, photos: Served, collection: Callable[..., int], collect: Callable
) -> None:
    urls = [f"{photos.url}/{n}.jpg" for n in range(3)]
    collection(urls)
    collect()
    (images.image_path(workspace, collections.known_images(workspace, urls)[urls[2]])).unlink()
    peaks = collections.create(workspace, "peaks", actor="human:anna")
    found = [collections.NewCandidate(url, "lake", "urls", "urls_peak.txt") for url in urls]
    collections.add(workspace, peaks, found)
    again = collect(name="peaks")
    assert (again.n_images, again.n_new, again.n_rejected, len(photos.asked)) == (2, 0, 1, 3)
    assert collections.show(workspace, "peaks").by_reason == {"missing_file": 1}


def test_a_url_of_two_classes_is_fetched_once_and_flagged(
    workspace: Workspace, photos: Served, collection: Callable[..., int], collect: Callable
) -> None:
    collection([f"{photos.url}/1.jpg", f"{photos.url}/2.jpg"], label="river")
    collection_id = collection([f"{photos.url}/1.jpg"], label="lake")
    assert collections.conflicts(workspace, collection_id) == {f"{photos.url}/1.jpg": ("river", "lake")}
    found = collect()
    assert (found.n_images, found.n_new, len(photos.asked)) == (3, 2, 2)
    reasons = [row["reason"] for row in workspace.query("SELECT reason FROM image_state ORDER BY image_id")]
    assert sorted(reasons) == ["", "origins disagree: lake, river"]


def test_an_image_keeps_its_url_and_credit(workspace: Workspace, photos: Served, collect: Callable) -> None:
    collection_id = collections.create(workspace, "lakes", actor="human:anna")
    credit = Credit("https://example.org/page", "CC BY 4.0", "A. Adams")
    given = collections.NewCandidate(f"{photos.url}/1.jpg", None, "urls", "list.csv", 7, credit)
    collections.add(workspace, collection_id, [given])
    collect()
    [digest] = [row["digest"] for row in workspace.query("SELECT digest FROM image")]
    [origin] = origins.list_origins(workspace, digest)
    assert (origin.source, origin.path, origin.label) == ("web", f"{photos.url}/1.jpg", None)
    row = workspace.one("SELECT page_url, licence, author FROM origin")
    assert tuple(row) == ("https://example.org/page", "CC BY 4.0", "A. Adams")


def test_an_image_inside_its_url_needs_no_request(
    workspace: Workspace, photos: Served, draw, collection: Callable[..., int], collect: Callable
) -> None:
    collection([f"data:image/jpeg;base64,{base64.b64encode(draw(3)).decode()}", "data:image/png;base64,%%"])
    found = collect()
    assert (found.n_images, found.n_rejected, photos.asked) == (1, 1, [])


def test_what_may_pass_is_tried_again_when_asked(
    workspace: Workspace, photos: Served, collection: Callable[..., int], collect: Callable
) -> None:
    collection_id = collection([f"{photos.url}/1-500", f"{photos.url}/2-404"])
    collect()
    assert len(photos.asked) == 3 + 1
    assert collections.retry(workspace, collection_id) == 1
    collect()
    assert len(photos.asked) == 3 + 1 + 3
    assert collections.retry(workspace, collection_id, ["gone"]) == 1


def test_a_limit_for_each_class_counts_what_is_there(
    workspace: Workspace, photos: Served, collection: Callable[..., int]
) -> None:
    urls = [f"{photos.url}/{n}.jpg" for n in range(6)]
    collection(["ftp://no", *urls], most_per_class=4)
    collection(urls, label="river", most_per_class=2)
    collection_id = collection(urls, most_per_class=5)
    waiting = collections.waiting(workspace, collection_id)
    assert sorted(each.label for each in waiting) == ["lake"] * 5 + ["river"] * 2


@pytest.mark.slow
def test_a_stopped_collection_keeps_what_it_has_and_goes_on(
    workspace: Workspace, photos: Served, collection: Callable[..., int], collect: Callable
) -> None:
    collection([f"{photos.url}/{n}.jpg" for n in range(120)])
    found = collect(should_stop=lambda: len(photos.asked) > 30)
    assert 0 < found.n_images < 120
    assert found.n_waiting == 120 - found.n_images
    assert collect().n_waiting == 0
    assert len(set(photos.paths())) == 120
    assert len(photos.asked) <= 120 + fetching.N_WORKERS  # Those that were on their way.


def test_an_unknown_collection_is_named(workspace: Workspace, collection: Callable[..., int]) -> None:
    collection(["http://example.org/1.jpg"])
    with pytest.raises(NotFound, match="no collection 'seas'") as caught:
        collections.show(workspace, "seas")
    assert "lakes" in caught.value.remedy


def test_a_full_disk_is_one_line_and_loses_no_candidate(
    workspace: Workspace,
    photos: Served,
    collection: Callable[..., int],
    collect: Callable,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    collection([f"{photos.url}/{n}.jpg" for n in range(60)])

    def full(*_arguments: object, **_more: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(fetching.files, "write_bytes", full)
        with pytest.raises(DiskError, match="The disk is full"):
            collect()
    assert collections.show(workspace, "lakes").n_waiting == 60
    assert collect().n_images == 60


@pytest.mark.slow
def test_two_processes_that_collect_at_once_write_each_image_once(
    workspace: Workspace, photos: Served, collection: Callable[..., int], collect: Callable
) -> None:
    collection([f"{photos.url}/{n}.jpg" for n in range(150)])
    with ThreadPoolExecutor(2) as pool:
        found = [each.result() for each in [pool.submit(collect) for _ in range(2)]]
    assert sum(each.n_images for each in found) == 150
    assert workspace.one("SELECT COUNT(*) AS n FROM origin")["n"] == 150
    assert set(outcomes(workspace).values()) == {"image"}
