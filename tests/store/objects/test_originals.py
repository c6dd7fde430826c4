"""With a store chosen, new originals are there and not here; everything that reads images finds them."""

import io
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from peakid.acquire import archive, folder, roots, single_photo, verification
from peakid.errors import BadInput, NotFound, StoreRefused, StoreUnreachable
from peakid.imaging import inspection
from peakid.keep import backup, clean, forget, restore
from peakid.store import damaged_images, images
from peakid.store import workspace as workspaces
from peakid.store.objects import image_stores, opening, waiting
from peakid.store.workspace import Workspace
from peakid.store_urls import StoreUrl, parse

Draw = Callable[..., bytes]


@pytest.fixture
def store(workspace: Workspace, tmp_path: Path) -> StoreUrl:
    url = parse(f"file://{tmp_path}/bucket/own")
    image_stores.set_current(workspace, url)
    return url


def put(folder: Path, files: dict[str, bytes]) -> Path:
    for path, data in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(data)
    return folder


@pytest.fixture
def photos(tmp_path: Path, draw: Draw) -> Path:
    return put(tmp_path / "photos", {"sea/1.jpg": draw(1), "sea/2.jpg": draw(2)})


def digest_of(data: bytes) -> str:
    return inspection.digest_of(data)


def object_at(url: StoreUrl, digest: str, kind: str = "images") -> Path:
    return Path(str(image_stores.object_of(str(url), digest, kind=kind)).removeprefix("file://"))


def local(workspace: Workspace) -> list[Path]:
    return [path for path in workspace.images_dir.rglob("*") if path.is_file()]


def import_(workspace: Workspace, path: Path):
    return folder.import_folder(workspace, path, actor="human:anna")


def test_every_import_writes_to_the_store(
    workspace: Workspace, store: StoreUrl, photos: Path, draw: Draw, tmp_path: Path
) -> None:
    import_(workspace, photos)
    with zipfile.ZipFile(tmp_path / "more.zip", "w") as packed:
        packed.writestr("river/3.jpg", draw(3))
    archive.import_zip(workspace, tmp_path / "more.zip", actor="human:anna")
    single_photo.add(workspace, draw(4), source="feedback", place="page", actor="human:anna")
    assert local(workspace) == []
    for n in (1, 2, 3, 4):
        assert object_at(store, digest_of(draw(n))).read_bytes() == draw(n)
        assert images.read_bytes(workspace, digest_of(draw(n))) == draw(n)
    assert image_stores.list_stores(workspace)[0].n_images == 4
    clean.clean(workspace)
    assert dict(images.read_many(workspace, [digest_of(draw(2))])) == {digest_of(draw(2)): draw(2)}
    assert images.locations(workspace, [digest_of(draw(2))]) == [
        str(image_stores.object_of(str(store), digest_of(draw(2))))
    ]


def test_the_same_bytes_are_written_once_and_images_from_before_stay_here(
    workspace: Workspace, photos: Path, draw: Draw, tmp_path: Path
) -> None:
    import_(workspace, put(tmp_path / "before", {"sea/2.jpg": draw(2)}))
    url = parse(f"file://{tmp_path}/bucket")
    image_stores.set_current(workspace, url)
    import_(workspace, photos)
    written = object_at(url, digest_of(draw(1)))
    at = written.stat().st_mtime_ns
    assert [path.name for path in local(workspace)] == [digest_of(draw(2))]
    again = import_(workspace, photos)
    assert (again.n_known, again.n_mended) == (2, 0)
    import_(workspace, put(tmp_path / "copy", {"sea/other name.jpg": draw(1)}))
    assert written.stat().st_mtime_ns == at
    assert [path.name for path in local(workspace)] == [digest_of(draw(2))]
    image_stores.set_current(workspace, None)
    import_(workspace, put(tmp_path / "later", {"sea/5.jpg": draw(5)}))
    assert digest_of(draw(5)) in {path.name for path in local(workspace)}
    assert images.read_bytes(workspace, digest_of(draw(1))) == draw(1)


def test_thumbnails_beside_the_originals_are_used(
    workspace: Workspace, photos: Path, draw: Draw, tmp_path: Path
) -> None:
    url = parse(f"file://{tmp_path}/bucket")
    image_stores.set_current(workspace, url, has_thumbnails=True)
    import_(workspace, photos)
    digest = digest_of(draw(1))
    stored = object_at(url, digest, "thumbs").with_suffix(".jpg").read_bytes()
    clean.clean(workspace)
    object_at(url, digest).unlink()
    assert images.thumbnail(workspace, digest) == stored


def test_a_damaged_object_is_found_and_the_next_import_writes_it_again(
    workspace: Workspace, store: StoreUrl, photos: Path, draw: Draw
) -> None:
    import_(workspace, photos)
    clean.clean(workspace)
    one, two = digest_of(draw(1)), digest_of(draw(2))
    object_at(store, one).write_bytes(b"damaged")
    object_at(store, two).unlink()
    found = verification.verify(workspace, actor="human:anna")
    assert sorted(each.digest for each in found.damaged) == sorted((one, two))
    assert any("does not exist any more" in each.reason for each in found.damaged)
    with pytest.raises(NotFound):
        images.read_bytes(workspace, one)
    assert import_(workspace, photos).n_mended == 2
    assert damaged_images.digests(workspace) == frozenset()
    assert verification.verify(workspace, actor="human:anna").damaged == []
    assert images.read_bytes(workspace, one) == draw(1)


def test_forgetting_removes_the_object_and_nothing_if_the_store_is_away(
    workspace: Workspace,
    store: StoreUrl,
    photos: Path,
    draw: Draw,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import_(workspace, photos)
    digest, system = digest_of(draw(1)), opening.file_system(store)

    def lost(path: str) -> None:
        raise ConnectionRefusedError

    monkeypatch.setattr(waiting, "PATIENCE_S", 0.0)
    with monkeypatch.context() as patched:
        patched.setattr(system, "rm_file", lost)
        with pytest.raises(StoreUnreachable):
            forget.forget(workspace, digest, actor="human:anna")
    assert images.read_bytes(workspace, digest) == draw(1)
    forget.forget(workspace, digest, actor="human:anna")
    assert not object_at(store, digest).exists()
    assert not [path for path in workspace.path.rglob("*") if digest in path.name]
    assert import_(workspace, photos).n_rejected == 1


@pytest.mark.slow  # It ends the process that decodes; the next import starts another one.
def test_an_import_whose_store_is_away_leaves_no_row_without_its_bytes(
    workspace: Workspace, store: StoreUrl, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lost(path: str, data: bytes) -> None:
        raise ConnectionRefusedError

    monkeypatch.setattr(waiting, "PATIENCE_S", 0.0)
    with monkeypatch.context() as patched:
        patched.setattr(opening.file_system(store), "pipe_file", lost)
        with pytest.raises(StoreUnreachable):
            import_(workspace, photos)
    assert workspace.one("SELECT COUNT(*) FROM image")[0] == 0
    assert import_(workspace, photos).n_added == 2
    assert local(workspace) == []


def test_a_backup_names_the_store_and_a_restore_waits_until_it_is_accepted(
    workspace: Workspace, store: StoreUrl, photos: Path, draw: Draw, tmp_path: Path
) -> None:
    import_(workspace, photos)
    done = backup.backup(workspace, tmp_path / "backup.zip")
    assert not done.missing
    with zipfile.ZipFile(io.BytesIO((tmp_path / "backup.zip").read_bytes())) as packed:
        assert not [name for name in packed.namelist() if name.startswith("images/")]
    restored = restore.restore(tmp_path / "backup.zip", tmp_path / "restored")
    assert (restored.foreign_roots, restored.n_waiting, restored.missing) == ((str(store),), 2, ())
    other = workspaces.create(tmp_path / "restored")
    assert image_stores.current(other) is None
    with pytest.raises(NotFound, match="only the restored backup says so"):
        images.read_bytes(other, digest_of(draw(1)))
    roots.accept(other, store)
    assert images.read_bytes(other, digest_of(draw(1))) == draw(1)
    image_stores.set_current(other, store)  # It has originals there.
    other.close()


def test_a_store_that_cannot_be_written_or_is_in_use_is_refused(workspace: Workspace, tmp_path: Path) -> None:
    url = parse(f"file://{tmp_path}/bucket")
    image_stores.set_current(workspace, url)
    other = workspaces.create(tmp_path / "other")
    with pytest.raises(BadInput, match="Another workspace writes its originals"):
        image_stores.set_current(other, url)
    other.close()
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(StoreRefused):
        image_stores.set_current(workspace, parse(f"file://{tmp_path}/file/inside"))
    assert image_stores.current(workspace).url == str(url)
