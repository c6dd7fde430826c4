"""Importing a folder gives images, origins and labels; a file that is rejected has a reason."""

import ctypes
import functools
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from peakid.acquire import folder, ingest
from peakid.acquire.ingest import Arrival
from peakid.errors import BadInput, NothingToImport
from peakid.imaging import inspection
from peakid.records import ImportReport
from peakid.store import decision_log, images
from peakid.store.workspace import Workspace

Draw = Callable[..., bytes]


def put(root: Path, files: dict[str, bytes]) -> Path:
    for path, data in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(data)
    return root


def import_(workspace: Workspace, root: Path, **options: bool) -> ImportReport:
    return folder.import_folder(workspace, root, actor="human:tester", **options)


def counts(report: ImportReport) -> tuple[int, int, int]:
    return report.n_added, report.n_known, report.n_rejected


def reasons(report: ImportReport) -> dict[str, str]:
    return {row.path: row.reason for row in report.rejections}


def rows(workspace: Workspace, table: str) -> int:
    return workspace.one(f"SELECT COUNT(*) AS n FROM {table}")["n"]


def states(workspace: Workspace) -> list[tuple[str, str, str | None, int, str]]:
    """Path of the first origin, verdict, label, is_reviewed, reason; in the order of paths."""
    return [
        tuple(row)
        for row in workspace.query(
            "SELECT MIN(origin.path), verdict, class.name, is_reviewed, reason FROM image_state"
            " JOIN origin USING (image_id) LEFT JOIN class ON class.id = class_id"
            " GROUP BY image_id ORDER BY 1"
        )
    ]


def test_class_folders_give_unreviewed_labels_in_one_step_of_the_import(
    workspace: Workspace, tmp_path: Path, draw: Draw
) -> None:
    root = put(tmp_path / "photos", {"river/1.jpg": draw(1), "sea/2.jpg": draw(2), "3.jpg": draw(3)})
    report = import_(workspace, root)
    assert counts(report) == (3, 0, 0)
    assert states(workspace) == [
        ("3.jpg", "clear", None, 0, ""),
        ("river/1.jpg", "label", "river", 0, ""),
        ("sea/2.jpg", "label", "sea", 0, ""),
    ]
    assert [tuple(row) for row in workspace.query("SELECT actor, kind FROM step")] == [
        ("import:folder", "import")
    ]
    assert [row["actor"] for row in workspace.query("SELECT actor FROM acquisition")] == ["human:tester"]


def test_origins_are_numbered_in_the_order_of_their_paths(
    workspace: Workspace, tmp_path: Path, draw: Draw
) -> None:
    names = ["b/2.jpg", "a/9.jpg", "b/1.jpg", "a/10.jpg"]
    import_(workspace, put(tmp_path / "photos", {name: draw(n) for n, name in enumerate(names)}))
    assert [row["path"] for row in workspace.query("SELECT path FROM origin ORDER BY id")] == sorted(names)


def test_the_same_bytes_twice_are_one_added_and_one_known(
    workspace: Workspace, tmp_path: Path, draw: Draw
) -> None:
    report = import_(workspace, put(tmp_path / "photos", {"sea/1.jpg": draw(1), "sea/2.jpg": draw(1)}))
    assert counts(report) == (1, 1, 0)
    assert (rows(workspace, "image"), rows(workspace, "origin"), rows(workspace, "decision")) == (1, 2, 1)


def test_a_second_import_adds_nothing(workspace: Workspace, tmp_path: Path, draw: Draw) -> None:
    root = put(
        tmp_path / "photos",
        {
            "sea/1.jpg": draw(1),
            "sea/2.jpg": draw(1),
            "river/3.jpg": draw(1),
            "4.jpg": draw(4),
            "x.txt": b"no",
        },
    )
    first = import_(workspace, root)
    tables = ("image", "origin", "decision", "step", "rejection", "root", "class")
    before = {table: rows(workspace, table) for table in tables}
    second = import_(workspace, root)
    assert (counts(first), counts(second)) == ((2, 2, 1), (0, 4, 1))
    assert {table: rows(workspace, table) for table in tables} == before


def test_origins_that_disagree_flag_the_image_with_its_first_label(
    workspace: Workspace, tmp_path: Path, draw: Draw
) -> None:
    import_(
        workspace,
        put(tmp_path / "photos", {"river/1.jpg": draw(1), "sea/1.jpg": draw(1), "lake/1.jpg": draw(2)}),
    )
    # Paths in order: lake/1 (image 2), river/1 (image 1), sea/1 (image 1 again).
    assert states(workspace) == [
        ("lake/1.jpg", "label", "lake", 0, ""),
        ("river/1.jpg", "flag", "river", 0, "origins disagree: river, sea"),
    ]


def test_the_judgement_of_a_person_is_kept_when_a_new_origin_disagrees(
    workspace: Workspace, tmp_path: Path, draw: Draw
) -> None:
    import_(workspace, put(tmp_path / "a", {"river/1.jpg": draw(1)}))
    with workspace.transaction() as connection:
        step_id = decision_log.new_step(connection, actor="human:tester", kind="decide")
        class_id = decision_log.class_id(connection, "river")
        decision_log.append(
            connection,
            step_id=step_id,
            image_id=1,
            verdict="label",
            class_id=class_id,
            is_reviewed=True,
            actor="human:tester",
        )
    import_(workspace, put(tmp_path / "b", {"sea/1.jpg": draw(1)}))
    assert states(workspace) == [("river/1.jpg", "label", "river", 1, "")]
    assert rows(workspace, "origin") == 2


def test_an_unlabelled_image_takes_the_label_of_a_later_origin(
    workspace: Workspace, tmp_path: Path, draw: Draw
) -> None:
    import_(workspace, put(tmp_path / "a", {"1.jpg": draw(1)}))
    import_(workspace, put(tmp_path / "b", {"sea/1.jpg": draw(1)}))
    assert states(workspace) == [("1.jpg", "label", "sea", 0, "")]


def test_predefined_splits_are_kept_on_the_origins(workspace: Workspace, tmp_path: Path, draw: Draw) -> None:
    files = {
        "seg_train/seg_train/sea/1.jpg": draw(1),
        "seg_test/seg_test/sea/2.jpg": draw(2),
        "seg_pred/3.jpg": draw(3),
    }
    import_(workspace, put(tmp_path / "photos", files))
    assert [tuple(row) for row in workspace.query("SELECT label, split FROM origin ORDER BY path")] == [
        (None, None),
        ("sea", "test"),
        ("sea", "train"),
    ]


def test_a_file_is_recognised_by_decoding_and_not_by_its_suffix(
    workspace: Workspace, tmp_path: Path, draw: Draw
) -> None:
    files = {
        "sea/1.jpg": draw(1, format="PNG"),
        "sea/2.ashx": draw(2),
        "sea/3": draw(3),
        "sea/4.jpg": b"<html>404</html>",
    }
    report = import_(workspace, put(tmp_path / "photos", files))
    assert counts(report) == (3, 0, 1)
    assert reasons(report) == {"sea/4.jpg": "not_an_image"}
    assert images.show(workspace, inspection.digest_of(draw(1, format="PNG"))).format == "PNG"


def test_each_bad_file_is_a_rejection_with_its_reason_and_its_class(
    workspace: Workspace, tmp_path: Path, draw: Draw
) -> None:
    files = {
        "sea/empty.jpg": b"",
        "sea/cut.jpg": draw(1, size=(400, 300))[:-900],
        "sea/good.jpg": draw(2),
        "sea/.hidden.jpg": draw(3),
        "sea/Thumbs.db": b"x",
        "__MACOSX/sea/._good.jpg": b"x",
        "urls_sea.txt": b"https://example.org/1.jpg",
    }
    report = import_(workspace, put(tmp_path / "photos", files))
    assert counts(report) == (1, 0, 6)
    assert reasons(report) == {
        "sea/empty.jpg": "empty",
        "sea/cut.jpg": "unreadable",
        "sea/.hidden.jpg": "hidden",
        "sea/Thumbs.db": "hidden",
        "__MACOSX": "hidden",
        "urls_sea.txt": "not_an_image",
    }
    labels = {row["path"]: row["label"] for row in workspace.query("SELECT path, label FROM rejection")}
    assert (labels["sea/cut.jpg"], labels["urls_sea.txt"]) == ("sea", None)


def test_links_that_leave_the_folder_are_rejected_and_links_inside_are_read(
    workspace: Workspace, tmp_path: Path, draw: Draw
) -> None:
    put(tmp_path, {"secret/1.jpg": draw(9), "photos/sea/1.jpg": draw(1)})
    sea = tmp_path / "photos" / "sea"
    (sea / "out.jpg").symlink_to(tmp_path / "secret" / "1.jpg")
    (sea / "inside.jpg").symlink_to(sea / "1.jpg")
    (sea / "nothing.jpg").symlink_to(sea / "gone.jpg")
    (sea / "circle.jpg").symlink_to(sea / "circle.jpg")
    (tmp_path / "photos" / "linked").symlink_to(tmp_path / "secret")
    report = import_(workspace, tmp_path / "photos")
    assert counts(report) == (1, 1, 4)
    assert reasons(report) == {
        "linked": "unsafe_path",
        "sea/out.jpg": "unsafe_path",
        "sea/nothing.jpg": "missing_file",
        "sea/circle.jpg": "unsafe_path",
    }


def test_a_name_that_is_not_utf8_is_rejected_with_a_readable_name(
    workspace: Workspace, tmp_path: Path, draw: Draw
) -> None:
    put(tmp_path, {"photos/sea/1.jpg": draw(1)})
    try:
        Path(os.fsdecode(os.fsencode(tmp_path / "photos" / "sea") + b"/\xff.jpg")).write_bytes(draw(2))
    except OSError:
        pytest.skip("this file system takes UTF-8 names only")
    assert reasons(import_(workspace, tmp_path / "photos")) == {"sea/\\xff.jpg": "unsafe_path"}


def test_a_pipe_does_not_hang_the_import(workspace: Workspace, tmp_path: Path, draw: Draw) -> None:
    put(tmp_path, {"photos/sea/1.jpg": draw(1)})
    os.mkfifo(tmp_path / "photos" / "sea" / "pipe.jpg")
    assert reasons(import_(workspace, tmp_path / "photos")) == {"sea/pipe.jpg": "not_an_image"}


def denied() -> bytes:
    raise PermissionError(13, "Permission denied")


def gone() -> bytes:
    raise FileNotFoundError


def broken() -> bytes:
    raise OSError(5, "Input/output error")


def test_files_that_cannot_be_read_do_not_stop_the_rest(
    workspace: Workspace, tmp_path: Path, draw: Draw
) -> None:
    arrivals = [
        Arrival("a.jpg", "sea", None, denied),
        Arrival("b.jpg", None, None, gone),
        Arrival("c.jpg", None, None, broken),
    ]
    arrivals.append(Arrival("d.jpg", "sea", None, functools.partial(bytes, draw(1))))
    report = ingest.ingest(
        workspace, arrivals, source="folder", root=tmp_path, actor="human:t", report=lambda *_: None
    )
    assert counts(report) == (1, 0, 3)
    assert reasons(report) == {"a.jpg": "no_permission", "b.jpg": "missing_file", "c.jpg": "unreadable"}


def crash() -> bytes:
    ctypes.string_at(0)
    return b""


@pytest.mark.slow
def test_a_file_that_kills_the_decoder_is_a_rejection_and_the_rest_is_imported(
    workspace: Workspace, tmp_path: Path, draw: Draw
) -> None:
    arrivals = [Arrival(f"{n}.jpg", "sea", None, functools.partial(bytes, draw(n))) for n in range(6)]
    arrivals.insert(3, Arrival("2b.jpg", "sea", None, crash))
    report = ingest.ingest(
        workspace, arrivals, source="folder", root=tmp_path, actor="human:t", report=lambda *_: None
    )
    assert (counts(report), reasons(report)) == ((6, 0, 1), {"2b.jpg": "crashes_decoder"})
    assert [row["path"] for row in workspace.query("SELECT path FROM origin ORDER BY id")] == [
        f"{n}.jpg" for n in range(6)
    ]


def test_a_workspace_inside_the_folder_is_not_imported_into_itself(tmp_path: Path, draw: Draw) -> None:
    from peakid.store import workspace as workspaces

    inner = workspaces.create(put(tmp_path, {"sea/1.jpg": draw(1)}) / "workspace")
    assert counts(import_(inner, tmp_path)) == (1, 0, 1)
    assert counts(import_(inner, tmp_path)) == (0, 1, 1)


def test_in_place_copies_nothing_and_remembers_the_folder(
    workspace: Workspace, tmp_path: Path, draw: Draw
) -> None:
    root = put(tmp_path / "photos", {"sea/1.jpg": draw(1)})
    import_(workspace, root, in_place=True)
    assert not any(path.is_file() for path in workspace.images_dir.rglob("*"))
    assert images.read_bytes(workspace, inspection.digest_of(draw(1))) == draw(1)
    assert [tuple(row) for row in workspace.query("SELECT path, is_in_place FROM root")] == [(str(root), 1)]


def test_a_copying_import_after_one_in_place_keeps_the_bytes(
    workspace: Workspace, tmp_path: Path, draw: Draw
) -> None:
    root = put(tmp_path / "photos", {"sea/1.jpg": draw(1)})
    import_(workspace, root, in_place=True)
    import_(workspace, root)
    (root / "sea" / "1.jpg").unlink()
    assert images.read_bytes(workspace, inspection.digest_of(draw(1))) == draw(1)


def test_the_imported_folder_is_not_changed(workspace: Workspace, tmp_path: Path, draw: Draw) -> None:
    root = put(tmp_path / "photos", {"sea/1.jpg": draw(1), "x.txt": b"no"})

    def listing() -> list[tuple[str, bytes]]:
        return sorted((str(path), path.read_bytes()) for path in root.rglob("*") if path.is_file())

    before = listing()
    import_(workspace, root)
    assert listing() == before


def test_hugging_face_metadata_takes_precedence_over_folder_names(
    workspace: Workspace, tmp_path: Path, draw: Draw
) -> None:
    files = {"a/1.jpg": draw(1), "a/2.jpg": draw(2), "metadata.csv": b"file_name,label\na/1.jpg,sea\n"}
    report = import_(workspace, put(tmp_path / "photos", files))
    assert counts(report) == (2, 0, 0)
    assert [(path, label) for path, _, label, _, _ in states(workspace)] == [
        ("a/1.jpg", "sea"),
        ("a/2.jpg", "a"),
    ]


def test_metadata_without_labels_is_a_rejection_with_words(
    workspace: Workspace, tmp_path: Path, draw: Draw
) -> None:
    files = {
        "sea/1.jpg": draw(1),
        "metadata.jsonl": b'{"file_name": "sea/1.jpg", "text": "an otter"}',
        "cleaned.csv": b"name,label\n",
    }
    report = import_(workspace, put(tmp_path / "photos", files))
    assert reasons(report) == {"metadata.jsonl": "bad_table", "cleaned.csv": "not_an_image"}
    (said,) = (row.detail for row in report.rejections if row.reason == "bad_table")
    assert said.startswith(
        "its labels were not read: The table metadata.jsonl has the columns file_name, text"
    )
    assert states(workspace)[0][2] == "sea"


def test_a_missing_folder_a_file_and_an_empty_folder_are_different_errors(
    workspace: Workspace, tmp_path: Path
) -> None:
    (tmp_path / "empty" / "deeper").mkdir(parents=True)
    (tmp_path / "file.jpg").write_bytes(b"x")
    with pytest.raises(BadInput, match="There is no folder"):
        import_(workspace, tmp_path / "gone")
    with pytest.raises(BadInput, match="is a file, not a folder"):
        import_(workspace, tmp_path / "file.jpg")
    with pytest.raises(NothingToImport, match="has no files"):
        import_(workspace, tmp_path / "empty")
    assert rows(workspace, "acquisition") == 0


def test_a_folder_of_text_files_is_all_rejections(workspace: Workspace, tmp_path: Path) -> None:
    report = import_(workspace, put(tmp_path / "notes", {"a/1.txt": b"one", "b/2.txt": b"two"}))
    assert counts(report) == (0, 0, 2)
    assert rows(workspace, "class") == 0


def test_progress_has_the_number_of_files(workspace: Workspace, tmp_path: Path, draw: Draw) -> None:
    reports: list[tuple[str, int, int, str]] = []
    root = put(tmp_path / "photos", {f"sea/{n}.jpg": draw(n) for n in range(3)})
    folder.import_folder(workspace, root, actor="human:t", report=lambda *line: reports.append(line))
    assert [(phase, step, total) for phase, step, total, _ in reports] == [
        ("Importing", 1, 3),
        ("Importing", 2, 3),
        ("Importing", 3, 3),
    ]
    assert reports[-1][3] == "3 of 3 files"


def test_after_a_killed_import_the_next_one_continues(
    workspace: Workspace, tmp_path: Path, draw: Draw, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ingest, "BATCH_SIZE", 4)

    class Killed(BaseException): ...

    def killing(_phase: str, step: int, _total: int, _message: str) -> None:
        if step == 7:  # In the middle of the second batch of four.
            raise Killed

    root = put(tmp_path / "photos", {f"sea/{n}.jpg": draw(n) for n in range(10)})
    with pytest.raises(Killed):
        folder.import_folder(workspace, root, actor="human:t", report=killing)
    assert (rows(workspace, "image"), rows(workspace, "origin"), rows(workspace, "decision")) == (4, 4, 4)
    assert counts(import_(workspace, root)) == (6, 4, 0)
    assert (rows(workspace, "image"), rows(workspace, "origin"), rows(workspace, "decision")) == (10, 10, 10)
