"""The heat maps of a run: one file in its folder, with what testing each map found."""

import zipfile
from collections.abc import Callable, Sequence
from dataclasses import astuple, dataclass, fields
from pathlib import Path

import numpy as np

from peakid import files
from peakid.run_records import HeatCheck
from peakid.store import tombstones
from peakid.store.workspace import Workspace

FILE = "heat_maps.npz"  # In the folder of a run.
# Increase when maps or checks are computed in another way: those of two versions are not mixed.
VERSION = 1

SIDE = 32  # Cells of a map.
_FIELDS = tuple(each.name for each in fields(HeatCheck))


@dataclass(frozen=True)
class HeatMap:
    """Where in an image a run's score for a class comes from.

    Attributes:
        class_index: Of the class, in the run's class_names.
        heat: uint8 of shape (SIDE, SIDE) over the pixels that the network sees; the hottest cell is 255.
    """

    digest: str
    class_index: int
    heat: np.ndarray
    check: HeatCheck


HeatMaps = dict[tuple[str, int], HeatMap]
"""The maps of a run by digest and class_index, in the order in which they were computed."""


def read(workspace: Workspace, run_id: int) -> HeatMaps:
    """Return the heat maps of a run.

    None are returned where the file is missing, cut or of another version: they can be computed again.
    """
    try:
        with np.load(_file(workspace, run_id), allow_pickle=False) as stored:
            if int(stored["version"]) != VERSION or tuple(stored["fields"].tolist()) != _FIELDS:
                return {}
            heat = stored["maps"]
            if heat.dtype != np.uint8 or heat.shape[1:] != (SIDE, SIDE):
                return {}
            columns = (stored[name].tolist() for name in ("digests", "classes", "checks"))
            rows = zip(heat, *columns, strict=True)
            found = [HeatMap(digest.decode(), n, each, HeatCheck(*check)) for each, digest, n, check in rows]
    except (
        *(OSError, ValueError, KeyError, EOFError, TypeError, AttributeError),
        *(zipfile.BadZipFile, UnicodeDecodeError),
    ):
        return {}
    return {(each.digest, each.class_index): each for each in found}


def add(workspace: Workspace, run_id: int, maps: Sequence[HeatMap]) -> None:
    """Store maps in addition to those of the run; a map of the same image and class is replaced.

    Images that were forgotten since are left out.
    """
    with workspace.transaction():  # One writer at a time: two jobs and `forget` must not undo each other.
        found = read(workspace, run_id)
        found |= {(each.digest, each.class_index): each for each in maps}
        forgotten = set(tombstones.digests(workspace))
        _write(_file(workspace, run_id), [each for each in found.values() if each.digest not in forgotten])


def remove_images(workspace: Workspace, digests: Sequence[str]) -> None:
    """Remove the maps of these images from every run."""
    gone = set(digests)
    _keep(workspace, lambda each: each.digest not in gone)


def remove_run(workspace: Workspace, run_id: int) -> None:
    """Remove all maps of a run: its model is another one now."""
    _file(workspace, run_id).unlink(missing_ok=True)


def _keep(workspace: Workspace, is_kept: Callable[[HeatMap], bool]) -> None:
    with workspace.transaction():
        for file in sorted(workspace.runs_dir.glob(f"*/{FILE}")):
            if not file.parent.name.isdecimal():
                continue
            found = list(read(workspace, int(file.parent.name)).values())
            kept = [each for each in found if is_kept(each)]
            if not kept:
                file.unlink(missing_ok=True)  # Also one that cannot be read: what it has is not known.
            elif len(kept) < len(found):
                _write(file, kept)


def _write(file: Path, maps: Sequence[HeatMap]) -> None:
    with files.replacing(file) as part, part.open("wb") as out:
        np.savez(
            out,
            version=np.int64(VERSION),
            fields=np.array(_FIELDS),
            digests=np.array([each.digest.encode() for each in maps], dtype="S64"),
            classes=np.array([each.class_index for each in maps], dtype=np.int32),
            maps=np.array([each.heat for each in maps], dtype=np.uint8),
            checks=np.array([astuple(each.check) for each in maps], dtype=np.float64),
        )


def _file(workspace: Workspace, run_id: int) -> Path:
    return workspace.runs_dir / str(run_id) / FILE
