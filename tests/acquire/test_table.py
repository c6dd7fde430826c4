"""Tables name images with their labels, in the forms that other tools write."""

from collections.abc import Callable
from pathlib import Path

import pytest

from peakid.acquire import folder, table
from peakid.curate.queues import review_queue
from peakid.errors import BadInput, NothingToImport, UnknownColumns
from peakid.records import ImportReport
from peakid.store.workspace import Workspace

Draw = Callable[..., bytes]


@pytest.fixture
def root(tmp_path: Path, draw: Draw) -> Path:
    """A folder with a/1.jpg, a/2.jpg and 3.jpg."""
    (tmp_path / "photos" / "a").mkdir(parents=True)
    for seed, name in enumerate(["a/1.jpg", "a/2.jpg", "3.jpg"]):
        (tmp_path / "photos" / name).write_bytes(draw(seed))
    return tmp_path / "photos"


def import_(workspace: Workspace, root: Path, content: str | bytes, name: str = "labels.csv") -> ImportReport:
    file = root.parent / name
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    return table.import_csv(workspace, file, root=root, actor="human:tester")


def origins(workspace: Workspace) -> list[tuple[str, str | None, str | None]]:
    return [tuple(row) for row in workspace.query("SELECT path, label, split FROM origin ORDER BY id")]


@pytest.mark.parametrize(
    ("content", "name"),
    [
        ("path,label,split\na/1.jpg,sea,train\n3.jpg,river,test\n", "ours.csv"),
        ("\ufeffpath,label,split\r\na/1.jpg,sea,train\r\n3.jpg,river,test\r\n", "excel.csv"),
        ("path;label;split\na/1.jpg;sea;train\n\n3.jpg;river;test", "semicolons.csv"),
        ("path\tlabel\tsplit\na/1.jpg\tsea\ttrain\n3.jpg\triver\ttest\n", "tabs.tsv"),
        (
            'file_name,label,split,text\n"a/1.jpg","sea",train,"an otter, wet"\n3.jpg,river,test,\n',
            "metadata.csv",
        ),
        (
            '{"file_name": "a/1.jpg", "label": "sea", "split": "train"}\n\n{"file_name": "3.jpg", "label": "river", "split": "test"}',
            "m.jsonl",
        ),
        ("path,label,split\na\\1.jpg,sea,Train\n./3.jpg, river ,TEST\n", "windows.csv"),
    ],
)
def test_every_dialect_says_the_same(content: str, name: str, workspace: Workspace, root: Path) -> None:
    report = import_(workspace, root, content, name)
    assert (report.n_added, report.n_known, report.n_rejected) == (2, 0, 0)
    assert origins(workspace) == [("3.jpg", "river", "test"), ("a/1.jpg", "sea", "train")]


def test_utf16_from_a_spreadsheet_is_read(workspace: Workspace, root: Path) -> None:
    import_(workspace, root, "path\tlabel\n3.jpg\tHörnli\n".encode("utf-16"))
    assert origins(workspace) == [("3.jpg", "Hörnli", None)]


def test_fastai_cleaned_csv_is_read(workspace: Workspace, root: Path) -> None:
    import_(workspace, root, "name,label\na/1.jpg,river\na/2.jpg,sea\n", "cleaned.csv")
    assert origins(workspace) == [("a/1.jpg", "river", None), ("a/2.jpg", "sea", None)]


def test_fastai_noisy_labels_are_read_with_their_split(workspace: Workspace, root: Path) -> None:
    import_(
        workspace,
        root,
        "path,noisy_labels_0,noisy_labels_1,is_valid\na/1.jpg,n01,n02,False\na/2.jpg,n02,n02,True\n",
    )
    assert origins(workspace) == [("a/1.jpg", "n01", "train"), ("a/2.jpg", "n02", "valid")]


def test_an_empty_label_leaves_the_image_unlabelled(workspace: Workspace, root: Path) -> None:
    import_(workspace, root, "path,label\n3.jpg,\n")
    assert origins(workspace) == [("3.jpg", None, None)]
    assert workspace.query("SELECT id FROM decision") == []


def test_the_same_path_with_two_labels_flags_the_image(workspace: Workspace, root: Path) -> None:
    report = import_(workspace, root, "path,label\n3.jpg,sea\n3.jpg,river\n3.jpg,sea\n")
    assert (report.n_added, report.n_known) == (1, 2)
    state = workspace.one("SELECT verdict, reason FROM image_state")
    assert tuple(state) == ("flag", "origins disagree: river, sea")


def test_a_table_over_an_imported_folder_adds_what_it_says(workspace: Workspace, root: Path) -> None:
    folder.import_folder(workspace, root, actor="human:tester")
    content = "path,label\n3.jpg,sea\na/1.jpg,a\na/2.jpg,river\n"
    import_(workspace, root, content)
    # 3.jpg had no label; a/1.jpg has the same one; for a/2.jpg the folder says a and the table river.
    found = workspace.query(
        "SELECT DISTINCT path, verdict, name FROM image_state JOIN origin USING (image_id) JOIN class ON class.id = class_id ORDER BY 1"
    )
    assert [tuple(row) for row in found] == [
        ("3.jpg", "label", "sea"),
        ("a/1.jpg", "label", "a"),
        ("a/2.jpg", "flag", "a"),
    ]
    n_decisions = len(workspace.query("SELECT id FROM decision"))
    report = import_(workspace, root, content)
    assert (report.n_added, report.n_known, len(workspace.query("SELECT id FROM decision"))) == (
        0,
        3,
        n_decisions,
    )


def test_paths_outside_the_root_and_missing_files_are_rejections(
    workspace: Workspace, root: Path, draw: Draw
) -> None:
    (root.parent / "out.jpg").write_bytes(draw(9))
    (root / "link.jpg").symlink_to(root.parent / "out.jpg")
    content = f"path,label\n../out.jpg,sea\n{root.parent}/out.jpg,sea\nlink.jpg,sea\ngone.jpg,sea\n,sea\n{root}/3.jpg,sea\na/../3.jpg,sea\na\0b,sea\n"
    report = import_(workspace, root, content)
    assert {row.path: row.reason for row in report.rejections} == {
        "../out.jpg": "unsafe_path",
        f"{root.parent}/out.jpg": "unsafe_path",
        "link.jpg": "unsafe_path",
        "gone.jpg": "missing_file",
        "line 6": "missing_file",
        "a\0b": "unsafe_path",
    }
    assert origins(workspace) == [("3.jpg", "sea", None)]
    assert {row["label"] for row in workspace.query("SELECT label FROM rejection")} == {"sea"}


def test_unknown_columns_are_named_beside_those_expected(workspace: Workspace, root: Path) -> None:
    with pytest.raises(
        UnknownColumns,
        match=r"has the columns id, url; it needs one of path, file_name, name and one of label",
    ):
        import_(workspace, root, "id,url\n1,https://example.org\n")
    with pytest.raises(UnknownColumns):
        import_(workspace, root, '{"image": "3.jpg"}', "m.jsonl")
    assert workspace.query("SELECT id FROM acquisition") == []


@pytest.mark.parametrize(
    ("content", "name", "message"),
    [
        ("path,label,split\n3.jpg,sea,holdout\n", "a.csv", "Line 2 .* has the split 'holdout'"),
        ("path,label,is_valid\n3.jpg,sea,maybe\n", "a.csv", "Line 2 .* has is_valid 'maybe'"),
        ('{"path": "3.jpg", "label": "sea"}\n{oops\n', "a.jsonl", "Line 2 .* is not JSON"),
        ('{"path": "3.jpg", "label": "sea"}\n[1]\n', "a.jsonl", "Line 2 .* is not a JSON object"),
    ],
)
def test_a_line_that_cannot_be_understood_is_named_before_anything_is_written(
    content: str, name: str, message: str, workspace: Workspace, root: Path
) -> None:
    with pytest.raises(BadInput, match=message):
        import_(workspace, root, content, name)
    assert workspace.query("SELECT id FROM image") == []


def test_an_empty_table_a_missing_one_and_a_missing_root_are_told_apart(
    workspace: Workspace, root: Path
) -> None:
    with pytest.raises(NothingToImport, match="has a header and no rows"):
        import_(workspace, root, "path,label\n")
    with pytest.raises(UnknownColumns, match=r"has the columns \(none\)"):
        import_(workspace, root, "")
    with pytest.raises(BadInput, match="There is no file"):
        table.import_csv(workspace, root / "gone.csv", root=root, actor="human:t")
    with pytest.raises(BadInput, match="There is no folder"):
        table.import_csv(workspace, root.parent / "labels.csv", root=root / "gone", actor="human:t")


def test_a_table_says_whose_a_picture_is_and_where_it_stands(workspace: Workspace, root: Path) -> None:
    content = "path,label,page_url,licence,author\na/1.jpg,sea,https://example.org/1,CC BY 4.0,Anna\n3.jpg,river,javascript:alert(1),,\n"
    import_(workspace, root, content)
    first, second = review_queue.page(workspace, "all", limit=2)
    assert {
        first.path: (first.origin_url, first.licence, first.author),
        second.path: (second.origin_url, second.licence, second.author),
    } == {
        "a/1.jpg": ("https://example.org/1", "CC BY 4.0", "Anna"),
        "3.jpg": (None, None, None),  # A link that does something is none.
    }
