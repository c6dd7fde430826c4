"""An import says what it read: classes, splits, where labels are from, what it skipped, what is doubtful."""

import ctypes
import functools
import os
import threading
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from peakid.acquire import archive, folder, import_reading, ingest, preview, table
from peakid.acquire.arrival import Arrival
from peakid.acquire.folder import Links
from peakid.curate import class_merges, classes
from peakid.import_records import ImportReading
from peakid.jobs import results
from peakid.jobs.results import ImportResult
from peakid.records import Credit, no_report
from peakid.store.workspace import Workspace

Draw = Callable[..., bytes]


def put(root: Path, files: dict[str, bytes]) -> Path:
    for path, data in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(data)
    return root


def kinds(reading: ImportReading) -> list[str]:
    return [note.kind for note in (*reading.doubtful, *reading.notes)]


@pytest.fixture
def files(draw: Draw) -> dict[str, bytes]:
    """Two classes in two splits, an unlabelled image, a text file and what NAS and notebooks leave behind."""
    names = ["train/dom/1.jpg", "train/eiger/2.jpg", "valid/dom/3.jpg", "4.jpg"]
    files = {name: draw(n) for n, name in enumerate(names)} | {"train/notes.txt": b"words"}
    hidden = ["train/dom/@eaDir/1.jpg/SYNO.jpg", "#recycle/x.jpg", "train/dom/.ipynb_checkpoints/1.jpg"]
    return files | {name: draw(9) for name in [*hidden, "train/dom/._1.jpg", "train/Thumbs.db"]}


def test_a_folder_a_zip_and_their_previews_read_the_same(
    workspace: Workspace, tmp_path: Path, files: dict[str, bytes]
) -> None:
    root = put(tmp_path / "photos", files)
    with zipfile.ZipFile(tmp_path / "photos.zip", "w") as target:
        for name, data in files.items():
            target.writestr(name, data)
    before = preview.preview("folder", root)
    assert before == preview.preview("zip", tmp_path / "photos.zip")
    after = folder.import_folder(workspace, root, actor="human:anna").reading
    assert (
        after == archive.import_zip(workspace, tmp_path / "photos.zip", actor="human:anna").reading == before
    )
    assert (after.n_files, dict(after.classes), after.n_unlabelled) == (4, {"dom": 2, "eiger": 1}, 1)
    assert (dict(after.splits), after.n_without_split) == ({"train": 2, "valid": 1}, 1)
    assert after.label_source == "folders"
    assert dict(after.skipped) == {"hidden": 5, "not_an_image": 1}
    assert dict(after.hidden) == {
        "#recycle": 1,
        "._*": 1,
        ".ipynb_checkpoints": 1,
        "@eaDir": 1,
        "Thumbs.db": 1,
    }


def test_a_table_hides_the_same_files_and_says_that_labels_are_its(
    workspace: Workspace, tmp_path: Path, draw: Draw
) -> None:
    root = put(tmp_path / "photos", {"a/1.jpg": draw(1), "a/@eaDir/1.jpg/T.jpg": draw(2)})
    (tmp_path / "labels.csv").write_text(
        "path,label,split\na/1.jpg,sea,Training\na/@eaDir/1.jpg/T.jpg,sea,test\n"
    )
    before = preview.preview("csv", tmp_path / "labels.csv", root=root)
    after = table.import_csv(workspace, tmp_path / "labels.csv", root=root, actor="human:anna").reading
    assert before == after
    assert (dict(after.classes), dict(after.splits), after.label_source) == (
        {"sea": 1},
        {"train": 1},
        "table",
    )
    assert dict(after.skipped) == {"hidden": 1}


def test_metadata_and_folders_are_both_named_as_the_source(tmp_path: Path, draw: Draw) -> None:
    files = {"a/1.jpg": draw(1), "b/2.jpg": draw(2), "metadata.csv": b"file_name,label\na/1.jpg,sea\n"}
    assert preview.preview("folder", put(tmp_path, files)).label_source == "folders and table"


def test_composed_and_decomposed_names_are_one_class_and_one_file(
    workspace: Workspace, tmp_path: Path, draw: Draw
) -> None:
    decomposed, composed = "Sa\u0308ntis/e\u0301.jpg", "S\u00e4ntis/\u00e9.jpg"
    root = put(tmp_path / "mac", {decomposed: draw(1)})
    (tmp_path / "labels.csv").write_text(f"path,label\n{composed},S\u00e4ntis\n")
    found = table.import_csv(workspace, tmp_path / "labels.csv", root=root, actor="human:anna")
    assert (found.n_added, dict(found.reading.classes)) == (1, {"S\u00e4ntis": 1})
    put(root, {"metadata.csv": f"file_name,label\n{composed},Alpstein\n".encode()})
    assert dict(preview.preview("folder", root).classes) == {"Alpstein": 1}
    both = put(tmp_path / "both", {"Sa\u0308ntis/1.jpg": draw(2), "S\u00e4ntis/2.jpg": draw(3)})
    assert dict(folder.import_folder(workspace, both, actor="human:anna").reading.classes) == {
        "S\u00e4ntis": 2
    }


def test_classes_that_differ_only_in_case_are_told_with_their_splits_and_merged_by_the_action(
    workspace: Workspace, tmp_path: Path, draw: Draw
) -> None:
    paths = ["train/apple/1.jpg", "train/apple/2.jpg", "train/pear/3.jpg", "valid/Apple/4.jpg"]
    root = put(tmp_path / "fruit", {path: draw(n) for n, path in enumerate(paths)})
    [before] = preview.preview("folder", root).doubtful
    assert before.actions == ()  # There is nothing to merge yet.
    [note] = folder.import_folder(workspace, root, actor="human:anna").reading.doubtful
    assert note.message == "Classes that differ only in case: 'Apple' (1 in valid), 'apple' (2 in train)."
    [merge] = note.actions
    assert (merge.kind, dict(merge.arguments)) == ("merge_classes", {"class_name": "Apple", "into": "apple"})
    class_merges.merge(workspace, "Apple", "apple", actor="human:anna")
    again = folder.import_folder(workspace, root, actor="human:anna").reading
    assert (dict(again.classes), again.doubtful) == ({"apple": 3, "pear": 1}, ())


def test_a_class_that_differs_only_in_case_from_one_imported_earlier_is_told(
    workspace: Workspace, tmp_path: Path, draw: Draw
) -> None:
    classes.add(workspace, "Dom")
    [note] = folder.import_folder(
        workspace, put(tmp_path / "a", {"dom/1.jpg": draw(1)}), actor="x"
    ).reading.doubtful
    assert "'Dom' (imported earlier)" in note.message
    assert [dict(each.arguments) for each in note.actions] == [{"class_name": "dom", "into": "Dom"}]


@pytest.mark.parametrize(
    ("names", "difference"),
    [
        (("golden retriever", "golden_retriever"), "case, blanks or punctuation"),
        (("St. Bernard", "St Bernard"), "case, blanks or punctuation"),
        (("Poodle", "Poodl\u0435"), "letters that look alike"),
        (("STRASSE", "stra\u00dfe"), "case"),
    ],
)
def test_other_names_that_a_person_takes_for_one_are_told(names: tuple[str, ...], difference: str) -> None:
    [note] = import_reading.of([Arrival(f"{n}.jpg", name) for n, name in enumerate(names)]).doubtful
    assert f"differ only in {difference}:" in note.message


@pytest.mark.parametrize("names", [("1.5", "15"), ("1-2", "12"), ("C", "C++"), ("dom", "domo"), ("a1", "a2")])
def test_names_that_differ_are_not_told(names: tuple[str, ...]) -> None:
    assert import_reading.of([Arrival(f"{n}.jpg", name) for n, name in enumerate(names)]).doubtful == ()


def test_photos_in_a_camera_folder_have_no_class_and_that_is_said(tmp_path: Path, draw: Draw) -> None:
    found = preview.preview(
        "folder", put(tmp_path, {"DCIM/100CANON/1.jpg": draw(1), "DCIM/101CANON/2.jpg": draw(2)})
    )
    assert (dict(found.classes), found.n_unlabelled, found.label_source) == ({}, 2, "none")
    assert kinds(found) == ["container"]
    assert kinds(preview.preview("folder", put(tmp_path / "flat", {"1.jpg": draw(1)}))) == [
        "nothing_labelled"
    ]


def test_the_reading_of_a_job_is_stored_and_read_again(tmp_path: Path, draw: Draw) -> None:
    reading = preview.preview("folder", put(tmp_path, {"dom/1.jpg": draw(1), "Dom/2.jpg": draw(2)}))
    stored = results.document(ImportResult(n_added=2, reading=reading))
    assert results.parse("import", stored) == ImportResult(n_added=2, reading=reading)


@pytest.fixture
def linked(tmp_path: Path, draw: Draw) -> Path:
    """`set/train` has photos, `set/valid` is a link to `shared`, `set/copy` a link to `set/train`."""
    put(tmp_path, {"set/train/ash/1.jpg": draw(1), "shared/ash/2.jpg": draw(2), "secret/3.jpg": draw(3)})
    (tmp_path / "set" / "valid").symlink_to("../shared")
    (tmp_path / "set" / "test").symlink_to("train")
    (tmp_path / "shared" / "oak").symlink_to(tmp_path / "secret")
    return tmp_path / "set"


def test_links_are_followed_only_where_that_was_asked_for(linked: Path) -> None:
    plain = preview.preview("folder", linked)
    assert (dict(plain.splits), dict(plain.skipped)) == ({"train": 1}, {"unsafe_path": 2})
    inside = preview.preview("folder", linked, links=Links(to_folders=True))
    assert dict(inside.splits) == {"train": 1, "test": 1}
    within = preview.preview("folder", linked, links=Links(within=linked.parent / "shared"))
    assert (dict(within.splits), within.n_files) == ({"train": 1, "valid": 1, "test": 1}, 3)
    assert dict(within.skipped) == {"unsafe_path": 1}  # shared/oak leads out of both.


def test_links_that_were_not_followed_are_said_with_the_way_to_follow_them(linked: Path) -> None:
    [note] = preview.preview("folder", linked).doubtful
    assert note.message == "Links that were not followed: 2; leading out of the folder: 1."
    [follow] = note.actions
    assert (follow.kind, follow.arguments["path"]) == ("follow_links_within", str(linked))
    (linked / "valid").unlink()
    [note] = preview.preview("folder", linked).doubtful
    assert [(each.kind, dict(each.arguments)) for each in note.actions] == [
        ("follow_links", {"path": str(linked)})
    ]


def test_a_view_made_of_links_is_imported_from_the_folder_that_they_lead_into(
    workspace: Workspace, tmp_path: Path, draw: Draw
) -> None:
    put(tmp_path, {"store/ab12": draw(1), "view/fir/x.txt": b"words"})
    (tmp_path / "view" / "fir" / "1.jpg").symlink_to("../../store/ab12")
    [note] = preview.preview("folder", tmp_path / "view").doubtful
    within = Path(str(note.actions[0].arguments["within"]))
    assert within == tmp_path / "store"
    found = folder.import_folder(workspace, tmp_path / "view", links=Links(within=within), actor="human:anna")
    assert (found.n_added, dict(found.reading.classes)) == (1, {"fir": 1})


def test_links_in_circles_end(tmp_path: Path, draw: Draw) -> None:
    put(tmp_path, {f"{name}/1.jpg": draw(1) for name in "abc"})
    for name in "abc":
        (tmp_path / name / "up").symlink_to("..")
        for other in "abc":
            (tmp_path / name / f"to_{other}").symlink_to(f"../{other}")
    found = preview.preview("folder", tmp_path, links=Links(to_folders=True))
    assert 3 < found.n_files < 3**5  # At most four links on the way to a file.
    assert list(found.classes) == list("abc")


def without_override(function: Callable[[], ImportReading]) -> ImportReading:
    """Call a function in a thread whose root may not read what it has no permission for, as other users."""
    found: list[ImportReading] = []

    def run() -> None:
        if os.geteuid() == 0:
            header = (ctypes.c_uint32 * 2)(0x20080522, 0)  # _LINUX_CAPABILITY_VERSION_3, this thread.
            sets = (ctypes.c_uint32 * 6)()
            libc = ctypes.CDLL(None, use_errno=True)
            assert libc.capget(header, sets) == 0
            sets[0] &= ~0b110  # CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH, effective.
            assert libc.capset(header, sets) == 0
        found.append(function())

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    return found[0]


@pytest.mark.parametrize("mode", [0o000, 0o444, 0o111])
def test_a_folder_without_permission_is_one_rejection_and_the_rest_is_read(
    tmp_path: Path, draw: Draw, mode: int
) -> None:
    root = put(tmp_path / "disk", {"dom/1.jpg": draw(1), "closed/2.jpg": draw(2)})
    (root / "closed").chmod(mode)
    try:
        found = without_override(lambda: preview.preview("folder", root))
    finally:
        (root / "closed").chmod(0o755)
    assert (dict(found.classes), dict(found.skipped)) == ({"dom": 1}, {"no_permission": 1})


def test_a_folder_that_vanishes_while_it_is_searched_is_one_rejection(tmp_path: Path, draw: Draw) -> None:
    root = put(tmp_path / "disk", {"a/1.jpg": draw(1), "b/2.jpg": draw(2)})
    found = folder._Walk(root, folder.NO_LINKS).arrivals()
    first = next(found)
    for path in [root / "b" / "2.jpg", root / "b"]:
        path.unlink() if path.is_file() else path.rmdir()
    rest = list(found)
    assert [first.path, *(each.path for each in rest)] == ["a/1.jpg", "b"]
    assert rest[0].rejection is not None
    assert rest[0].rejection[0] == "missing_file"


def test_lone_surrogates_in_every_string_of_an_arrival_are_stored_as_escapes(
    workspace: Workspace, tmp_path: Path, draw: Draw
) -> None:
    bad, escaped = "x\ud800\udcff", "x\\ud800\\xff"
    arrivals = [
        Arrival("1.jpg", bad, None, functools.partial(bytes, draw(1)), None, Credit(bad, bad, "a\0b")),
        Arrival(bad, bad, None, None, ("unreadable", bad)),
        Arrival(f"{bad}/2", "\u200b", None, None, ("unreadable", "")),
    ]
    report = ingest.ingest(
        workspace, arrivals, source="csv", root=tmp_path / bad, actor="human:anna", report=no_report
    )
    assert (report.n_added, dict(report.reading.classes)) == (1, {escaped: 1})
    assert [row.path for row in report.rejections] == [escaped, f"{escaped}/2"]
    assert tuple(workspace.query("SELECT page_url, author FROM origin")[0]) == (escaped, "a b")


def test_many_similar_classes_are_told_in_few_notes() -> None:
    names = [name for n in range(20) for name in (f"class {chr(97 + n)}", f"CLASS {chr(97 + n)}")]
    doubtful = import_reading.of([Arrival(f"{n}.jpg", name) for n, name in enumerate(names)]).doubtful
    assert len(doubtful) == import_reading.MAX_SIMILAR + 1
    assert doubtful[-1].message.startswith("12 more groups of classes")


def test_a_broken_link_is_not_offered_to_be_followed(tmp_path: Path, draw: Draw) -> None:
    put(tmp_path / "set", {"dom/1.jpg": draw(1)})
    (tmp_path / "set" / "gone").symlink_to(tmp_path / "nowhere" / "x")
    assert preview.preview("folder", tmp_path / "set").doubtful == ()
