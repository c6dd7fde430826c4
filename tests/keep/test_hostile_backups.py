"""A hostile backup is refused in one line, or restored without touching anything outside the workspace."""

import re
import sys
from collections.abc import Iterator

import pytest

from peakid.acquire import roots, verification
from peakid.dataset import snapshot as snapshots
from peakid.errors import BadBackup, PeakidError, WorkspaceTooNew
from peakid.jobs import queue
from peakid.keep import backup, restore, restored_database
from peakid.store import exports, runs, status
from peakid.store import workspace as workspaces
from tests.keep import hostile_backups
from tests.keep.hostile_backups import Kind, Members

KINDS = hostile_backups.kinds()
ANNA = "human:anna"
_watched: list[str] = []
_touched: list[tuple[str, str]] = []


def _audit(event: str, arguments: tuple[object, ...]) -> None:
    if _watched and (event.startswith(("os.", "shutil.")) or event in ("open", "sqlite3.connect")):
        touched = [str(each) for each in arguments if isinstance(each, str | bytes)]
        _touched.extend((event, each) for each in touched if _watched[0] in each)


sys.addaudithook(_audit)


@pytest.fixture(scope="module")
def members(tmp_path_factory: pytest.TempPathFactory, request) -> Members:
    """A good backup: three images, a class, a snapshot and a run."""
    folder = tmp_path_factory.mktemp("good")
    workspace = workspaces.create(folder / "workspace")
    draw = request.getfixturevalue("drawn")
    for n in range(3):
        (folder / "photos" / f"class{n % 2}").mkdir(parents=True, exist_ok=True)
        (folder / "photos" / f"class{n % 2}" / f"{n}.jpg").write_bytes(draw(n))
    from peakid.acquire import folder as importing

    importing.import_folder(workspace, folder / "photos", actor="import:folder")
    frozen = snapshots.create(workspace, name="first", actor=ANNA)
    runs.create(
        workspace,
        job_id=None,
        snapshot_id=frozen.snapshot_id,
        recipe={},
        class_names=["class0", "class1"],
        seed=0,
        code_version="",
        libraries={},
    )
    backup.backup(workspace, folder / "good.zip")
    workspace.close()
    return hostile_backups.read(folder / "good.zip")


@pytest.fixture(scope="module")
def drawn() -> Iterator[object]:
    """Draw small images, for the whole module."""
    import io

    import numpy as np
    from PIL import Image

    def draw(seed: int) -> bytes:
        coarse = np.random.default_rng(seed).integers(0, 256, (6, 8, 3), dtype=np.uint8)
        out = io.BytesIO()
        Image.fromarray(coarse).resize((48, 36)).save(out, "JPEG")
        return out.getvalue()

    return draw


@pytest.fixture
def outside(tmp_path_factory: pytest.TempPathFactory) -> Iterator[object]:
    """A folder with a file that no backup may reach; everything that touches it is noted."""
    folder = tmp_path_factory.mktemp("o")
    (folder / "marker").write_bytes(b"mine")
    yield folder
    _watched.clear()


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_a_hostile_backup_reaches_nothing_outside(kind: Kind, members, outside, tmp_path) -> None:
    kind.write(tmp_path / "hostile.zip", dict(members), outside)
    before = sorted(path.name for path in tmp_path.iterdir())
    _touched.clear()
    _watched.append(str(outside))
    if kind.outcome == "refused":
        with pytest.raises((BadBackup, WorkspaceTooNew)) as refused:
            restore.restore(tmp_path / "hostile.zip", tmp_path / "restored")
        assert len(str(refused.value).splitlines()) == 1
        assert sorted(path.name for path in tmp_path.iterdir()) == before
    else:
        restore.restore(tmp_path / "hostile.zip", tmp_path / "restored")
        use(tmp_path / "restored")
    _watched.clear()
    assert _touched == []
    assert (outside / "marker").read_bytes() == b"mine"
    assert [path.name for path in outside.iterdir()] == ["marker"]


def use(folder) -> None:
    """Do what pages and commands do with a workspace. An error is one that is explained."""
    workspace = workspaces.open_existing(folder)
    assert all(job.state in queue.ENDED for job in queue.list_jobs(workspace))
    for read in (status.read, runs.list_runs, roots.list_roots):
        read(workspace)
    verification.verify(workspace, actor=ANNA)
    for export in exports.list_exports(workspace):
        with pytest.raises(PeakidError):
            exports.folder(export)
    workspace.close()


def test_there_are_at_least_sixty_kinds_with_different_names() -> None:
    assert len({kind.name for kind in KINDS}) == len(KINDS) >= 60


def test_every_column_of_the_schema_that_holds_json_has_a_shape_that_a_restored_one_must_have(workspace):
    tables = workspace.query("SELECT name, sql FROM sqlite_master WHERE type = 'table' AND sql IS NOT NULL")
    columns = {(t["name"], name) for t in tables for name in re.findall(r"json_valid\((\w+)\)", t["sql"])}
    assert columns
    assert columns - set(restored_database.JSON_COLUMNS) == set()
