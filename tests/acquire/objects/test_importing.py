"""A place in an image store is imported as a folder is; its objects stay there and are read once."""

import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace

import fsspec
import pytest

from peakid import settings
from peakid.acquire import folder, roots, verification
from peakid.acquire.objects import importing
from peakid.curate import scan
from peakid.errors import BadInput, NotFound, NothingToImport, NotPhotos
from peakid.imaging import inspection
from peakid.keep import clean, forget
from peakid.records import ImportReport
from peakid.store import images
from peakid.store import workspace as workspaces
from peakid.store.objects import opening
from peakid.store.workspace import Workspace
from peakid.store_urls import StoreUrl, parse

Draw = Callable[..., bytes]


class Bucket:
    """A place in memory that counts how often its objects are read."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.url = parse(f"memory://{uuid.uuid4().hex}/photos")
        self.system = opening.file_system(self.url)
        self.read: list[str] = []
        contents = self.system.cat_file

        def counted(path: str, **options: int) -> bytes:
            self.read.append(path.removeprefix(f"{self.url}/"))
            return contents(path, **options)

        monkeypatch.setattr(self.system, "cat_file", counted)

    def put(self, **objects: bytes) -> "Bucket":
        for path, data in objects.items():
            self.system.pipe_file(f"{self.url}/{path}", data)
        return self

    def remove(self, path: str) -> None:
        self.system.rm_file(f"{self.url}/{path}")


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[Bucket]:
    yield Bucket(monkeypatch)
    fsspec.filesystem("memory").store.clear()


def import_(workspace: Workspace, url: StoreUrl) -> ImportReport:
    return importing.import_store(workspace, url, actor="human:anna")


def rows(workspace: Workspace, sql: str) -> list[tuple[object, ...]]:
    return [tuple(row) for row in workspace.query(sql)]


FOUND = (
    "SELECT o.path, o.label, o.split, s.verdict, j.reason FROM origin o"
    " JOIN image_state s USING (image_id) LEFT JOIN rejection j ON j.path = o.path ORDER BY 1, 2"
)


def test_a_store_gives_what_the_same_folder_gives(
    workspace: Workspace, bucket: Bucket, draw: Draw, tmp_path
) -> None:
    objects = {
        "train/river/1.jpg": draw(1),
        "train/sea/2.jpg": draw(2),
        "valid/sea/copy of 2.jpg": draw(2),
        "valid/sea/3.png": draw(3, format="PNG"),
        "train/sea/notes.jpg": b"no picture",
        "train/sea/.hidden.jpg": draw(4),
        "train/sea/empty.jpg": b"",
        "train/river/metadata.csv": b"file_name,label\n1.jpg,brook\n",
    }
    bucket.put(**objects)
    for path, data in objects.items():
        (tmp_path / "same" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "same" / path).write_bytes(data)
    of_store = import_(workspace, bucket.url)
    found, rejected = rows(workspace, FOUND), {(r.path, r.reason) for r in of_store.rejections}
    other = workspaces.create(tmp_path / "other")
    of_folder = folder.import_folder(other, tmp_path / "same", in_place=True, actor="human:anna")
    assert found == rows(other, FOUND)
    assert rejected == {(r.path, r.reason) for r in of_folder.rejections}
    assert (of_store.n_added, of_store.reading) == (3, of_folder.reading)
    assert replace(scan.scan(workspace), seconds=0) == replace(scan.scan(other), seconds=0)
    other.close()


def test_the_originals_stay_in_the_store_and_each_is_read_once(
    workspace: Workspace, bucket: Bucket, draw: Draw
) -> None:
    bucket.put(**{f"sea/{n}.jpg": draw(n) for n in range(5)})
    import_(workspace, bucket.url)
    assert sorted(bucket.read) == [f"sea/{n}.jpg" for n in range(5)]
    assert not list(workspace.images_dir.glob("*/*"))
    assert len(list(workspace.thumbs_dir.glob("*/*.jpg"))) == 5
    scan.scan(workspace)
    digest = inspection.digest_of(draw(3))
    assert images.read_bytes(workspace, digest) == draw(3)
    assert len(bucket.read) == 5  # From the cache.
    clean.clean(workspace)
    assert images.read_bytes(workspace, digest) == draw(3)
    assert images.thumbnail(workspace, digest)[:2] == b"\xff\xd8"
    assert bucket.read[5:] == ["sea/3.jpg"]
    assert images.locations(workspace, [digest, "0" * 64]) == [f"{bucket.url}/sea/3.jpg", ""]


def test_a_second_import_reads_only_what_is_new_or_has_changed(
    workspace: Workspace, bucket: Bucket, draw: Draw
) -> None:
    bucket.put(**{"sea/1.jpg": draw(1), "sea/2.jpg": draw(2), "sea/no.jpg": b"no picture"})
    first = import_(workspace, bucket.url)
    bucket.read.clear()
    again = import_(workspace, bucket.url)
    assert bucket.read == []
    assert (again.n_added, again.n_known, again.rejections) == (0, 2, first.rejections)
    bucket.put(**{"sea/2.jpg": draw(7), "sea/3.jpg": draw(3)})
    third = import_(workspace, bucket.url)
    assert sorted(bucket.read) == ["sea/2.jpg", "sea/3.jpg"]
    assert (third.n_added, third.n_known) == (2, 1)
    assert [row.reason for row in third.rejections] == ["not_an_image"]


@pytest.mark.slow  # It ends the process that decodes; the next import starts another one.
def test_an_import_that_was_killed_reads_the_rest_only(
    workspace: Workspace, bucket: Bucket, draw: Draw, monkeypatch: pytest.MonkeyPatch
) -> None:
    bucket.put(**{f"sea/{n}.jpg": draw(n) for n in range(6)})
    monkeypatch.setattr("peakid.acquire.ingest.BATCH_SIZE", 2)
    monkeypatch.setattr("peakid.acquire.import_batches.BATCH_SIZE", 2)

    def report(phase: str, step: int, total: int, message: str) -> None:
        if step == 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        importing.import_store(workspace, bucket.url, actor="human:anna", report=report)
    bucket.read.clear()
    assert import_(workspace, bucket.url).n_added == 2
    assert sorted(bucket.read) == ["sea/4.jpg", "sea/5.jpg"]


def test_a_place_without_photos_says_what_it_is(workspace: Workspace, bucket: Bucket, draw: Draw) -> None:
    with pytest.raises(Exception, match="There is no bucket"):
        import_(workspace, bucket.url)
    bucket.put(**{"a/peakid.db": b"x", "a/images/1.jpg": draw(1), "b/2.jpg": draw(2)})
    report = import_(workspace, bucket.url)
    assert (report.n_added, {row.reason for row in report.rejections}) == (1, {"hidden"})
    with pytest.raises(NotPhotos, match="is a Peakid workspace"):
        import_(workspace, bucket.url.inside("a"))
    bucket.system.makedirs(f"{bucket.url}/empty")
    with pytest.raises(NothingToImport):
        import_(workspace, bucket.url.inside("empty"))


def test_a_large_object_is_rejected_without_being_read(
    workspace: Workspace, bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    bucket.put(**{"sea/large.jpg": bytes(9999)})
    monkeypatch.setenv("PEAKID_MAX_IMAGE_BYTES", "5000")
    settings.current.cache_clear()
    try:
        report = import_(workspace, bucket.url)
    finally:
        settings.current.cache_clear()
    assert [(row.path, row.reason) for row in report.rejections] == [("sea/large.jpg", "too_large")]
    assert bucket.read == []


def test_an_object_that_was_replaced_is_not_taken_for_the_image(
    workspace: Workspace, bucket: Bucket, draw: Draw
) -> None:
    bucket.put(**{"sea/1.jpg": draw(1)})
    import_(workspace, bucket.url)
    clean.clean(workspace)
    bucket.put(**{"sea/1.jpg": draw(1)[:-1] + b"x"})  # Of the same size.
    digest = inspection.digest_of(draw(1))
    with pytest.raises(NotFound, match=r"memory://.*sea/1\.jpg was moved, removed or changed"):
        images.read_bytes(workspace, digest)
    found = verification.verify(workspace, actor="human:anna")
    assert [each.path for each in found.damaged] == ["sea/1.jpg"]
    bucket.put(**{"moved/one.jpg": draw(1)})
    found = verification.verify(workspace, actor="human:anna")
    assert ([each.new_path for each in found.moved], found.damaged) == (["moved/one.jpg"], [])
    assert images.read_bytes(workspace, digest) == draw(1)


def test_a_forgotten_image_stays_in_the_bucket_and_its_owner_is_told(
    workspace: Workspace, bucket: Bucket, draw: Draw
) -> None:
    bucket.put(**{"sea/1.jpg": draw(1), "sea/2.jpg": draw(2)})
    import_(workspace, bucket.url)
    digest = inspection.digest_of(draw(1))
    done = forget.forget(workspace, digest, actor="human:anna")
    assert done.left_in_place == [f"{bucket.url}/sea/1.jpg"]
    assert bucket.system.exists(f"{bucket.url}/sea/1.jpg")
    left = [path for path in workspace.path.rglob("*") if path.is_file() and digest in path.name]
    assert left == []
    assert rows(workspace, "SELECT path FROM read_object") == [("sea/2.jpg",)]
    again = import_(workspace, bucket.url)
    assert [(row.path, row.reason) for row in again.rejections] == [("sea/1.jpg", "forgotten")]


def test_a_folder_that_moved_to_a_store_is_relinked_to_it(
    workspace: Workspace, bucket: Bucket, draw: Draw, tmp_path
) -> None:
    for n in (1, 2):
        (tmp_path / "photos" / "sea").mkdir(parents=True, exist_ok=True)
        (tmp_path / "photos" / "sea" / f"{n}.jpg").write_bytes(draw(n))
    folder.import_folder(workspace, tmp_path / "photos", in_place=True, actor="human:anna")
    (tmp_path / "photos").rename(tmp_path / "gone")
    bucket.put(**{"sea/1.jpg": draw(1)})
    with pytest.raises(BadInput, match="1 are missing"):
        roots.relink(workspace, tmp_path / "photos", bucket.url, actor="human:anna")
    bucket.put(**{"sea/2.jpg": draw(2)})
    roots.relink(workspace, tmp_path / "photos", bucket.url, actor="human:anna")
    assert images.read_bytes(workspace, inspection.digest_of(draw(2))) == draw(2)
    assert [(root.path, root.is_there) for root in roots.list_roots(workspace)] == [(str(bucket.url), True)]
