"""Tables of paths and labels are read in the formats that other tools write."""

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pandas
import pytest

from peakid.acquire import folder, table
from peakid.acquire.tables import parquet_sheet, reader
from peakid.acquire.tables.columns import ColumnChoice
from peakid.curate.queues import review_queue
from peakid.errors import BadInput, ExtraMissing, NothingToImport, UnknownColumns
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
            '{"file_name": "a/1.jpg", "label": "sea", "split": "train"}\n\n'
            '{"file_name": "3.jpg", "label": "river", "split": "test"}',
            "m.jsonl",
        ),
        ("path,label,split\na\\1.jpg,sea,Train\n./3.jpg, river ,TEST\n", "windows.csv"),
    ],
)
def test_every_dialect_gives_the_same_result(
    content: str, name: str, workspace: Workspace, root: Path
) -> None:
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


def test_a_table_for_an_imported_folder_adds_labels(workspace: Workspace, root: Path) -> None:
    folder.import_folder(workspace, root, actor="human:tester")
    content = "path,label\n3.jpg,sea\na/1.jpg,a\na/2.jpg,river\n"
    import_(workspace, root, content)
    # 3.jpg had no label; a/1.jpg has the same one; a/2.jpg is a in the folder and river in the table.
    found = workspace.query(
        "SELECT DISTINCT path, verdict, name FROM image_state JOIN origin USING (image_id)"
        " JOIN class ON class.id = class_id ORDER BY 1"
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
    outside = f"../out.jpg,sea\n{root.parent}/out.jpg,sea\nlink.jpg,sea\n"
    content = f"path,label\n{outside}gone.jpg,sea\n,sea\n{root}/3.jpg,sea\na/../3.jpg,sea\na\0b,sea\n"
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


def test_the_error_for_unknown_columns_lists_the_expected_ones(workspace: Workspace, root: Path) -> None:
    with pytest.raises(
        UnknownColumns,
        match=r"has the columns key, url; none of them is recognised as the path .* path, file_name",
    ):
        import_(workspace, root, "key,url\n1,https://example.org\n")
    with pytest.raises(UnknownColumns, match=r"the columns image; .* as the class .* label"):
        import_(workspace, root, '{"image": "3.jpg"}', "m.jsonl")
    assert workspace.query("SELECT id FROM acquisition") == []


@pytest.mark.parametrize(
    ("bad_line", "name", "problem"),
    [
        ("3.jpg,sea,elsewhere", "a.csv", "has the split 'elsewhere'; use train, valid or test"),
        ('{"path": "3.jpg", "label": "sea", "is_valid": "maybe"}', "a.jsonl", "has is_valid 'maybe'"),
        ("{oops", "a.jsonl", "is not JSON"),
        ("[1]", "a.jsonl", "is not a JSON object: [1]"),
        ("[" * 3000, "a.jsonl", "is nested too deeply"),
        ('{"path": "3.jpg", "label": {"a": [1, 2]}}', "a.jsonl", "has an object in the column label"),
        ('{"path": "3.jpg", "label": ["a", "b"]}', "a.jsonl", "has a list of 2 values in the column label"),
        ('{"path": "3.jpg", "label": 1' + "0" * 5000 + "}", "a.jsonl", "is not JSON"),
        ("3.jpg," + "x" * 5000 + ",", "a.csv", "has 5,000 characters in the column label"),
        ("3.jpg," + "x" * 200_000 + ",", "a.csv", "has a cell of more than 131,072 characters"),
        ('3.jpg,"sea"river,', "a.csv", "has a quotation mark inside a quoted cell"),
        ('3.jpg,\t"sea",', "a.csv", "has a blank before a quotation mark"),
        ('"3.jpg,sea,', "a.csv", "has a quotation mark"),
        ("a city, a comma, Paris, France", "a.csv", "has more cells than the header, which has 3"),
        ("3.jpg", "a.csv", "has no cell for the column label"),
    ],
)
def test_a_wrong_row_is_a_rejection_and_the_right_ones_are_imported(
    bad_line: str, name: str, problem: str, workspace: Workspace, root: Path
) -> None:
    good = ("a/1.jpg,sea,train", "a/2.jpg,river,test")
    if name.endswith("jsonl"):
        good = tuple(
            json.dumps(dict(zip(("path", "label", "split"), line.split(","), strict=True))) for line in good
        )
        lines = [good[0], bad_line, good[1]]
    else:
        lines = ["path,label,split", good[0], bad_line, good[1]]
    report = import_(workspace, root, "\n".join(lines), name)
    assert origins(workspace) == [("a/1.jpg", "sea", "train"), ("a/2.jpg", "river", "test")]
    (rejected,) = report.rejections
    place = f"line {lines.index(bad_line) + 1}"
    assert (rejected.path, rejected.reason) == (place, "bad_row")
    assert problem in rejected.detail


def test_a_table_without_a_usable_row_is_an_error_and_nothing_is_imported(
    workspace: Workspace, root: Path
) -> None:
    with pytest.raises(BadInput, match=r"No row of .* can be used: line 2 has the split 'elsewhere'"):
        import_(workspace, root, "path,label,split\n3.jpg,sea,elsewhere\na/1.jpg,sea,fold 3\n")
    assert workspace.query("SELECT id FROM acquisition") == []


def test_an_empty_table_a_missing_one_and_a_missing_root_are_different_errors(
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


def test_a_table_may_have_page_licence_and_author_of_an_image(workspace: Workspace, root: Path) -> None:
    header = "path,label,page_url,licence,author\n"
    content = f"{header}a/1.jpg,sea,https://example.org/1,CC BY 4.0,Anna\n3.jpg,river,javascript:alert(1),,\n"
    import_(workspace, root, content)
    first, second = review_queue.page(workspace, "all", limit=2)
    assert {
        first.path: (first.origin_url, first.licence, first.author),
        second.path: (second.origin_url, second.licence, second.author),
    } == {
        "a/1.jpg": ("https://example.org/1", "CC BY 4.0", "Anna"),
        "3.jpg": (None, None, None),  # A link that runs a script is ignored.
    }


@pytest.mark.parametrize("name", ["labels.csv", "labels.jsonl", "labels.parquet"])
def test_a_class_keeps_its_name_even_if_it_looks_like_a_number_or_a_missing_value(
    name: str, workspace: Workspace, root: Path
) -> None:
    frame = pandas.DataFrame({"path": ["a/1.jpg", "a/2.jpg", "3.jpg"], "label": ["007", "NA", "null"]})
    file = root.parent / name
    if name.endswith("csv"):
        frame.to_csv(file, index=False)
    elif name.endswith("jsonl"):
        frame.to_json(file, orient="records", lines=True)
    else:
        frame.to_parquet(file)
    table.import_csv(workspace, file, root=root, actor="human:tester")
    assert origins(workspace) == [("3.jpg", "null", None), ("a/1.jpg", "007", None), ("a/2.jpg", "NA", None)]


def test_a_whole_number_stays_whole_where_another_row_has_no_label(workspace: Workspace, root: Path) -> None:
    lines = '{"path": "a/1.jpg", "label": 7}\n{"path": "3.jpg", "label": null}\n'
    import_(workspace, root, lines, "labels.jsonl")
    assert origins(workspace) == [("3.jpg", None, None), ("a/1.jpg", "7", None)]
    frame = pandas.DataFrame({"path": ["a/1.jpg", "a/2.jpg"], "label": [7, None]}).astype({"label": "Int64"})
    frame.to_parquet(root.parent / "labels.parquet")
    rows = table.read_rows(root.parent / "labels.parquet")
    assert [(row.place, row.label) for row in rows] == [("row 1", "7"), ("row 2", None)]


def test_parquet_is_recognised_by_its_content_and_other_columns_are_not_read(root: Path) -> None:
    frame = pandas.DataFrame(
        {"image": [b"..."], "file_name": ["3.jpg"], "label": pandas.Categorical(["sea"]), "is_valid": [True]}
    )
    frame.to_parquet(root.parent / "labels.pq")
    (row,) = table.read_rows(root.parent / "labels.pq")
    assert (row.path, row.label, row.split) == ("3.jpg", "sea", "valid")
    frame[["image"]].to_parquet(root.parent / "labels.pq")
    with pytest.raises(UnknownColumns, match="has the columns image;"):
        table.read_rows(root.parent / "labels.pq")
    (root.parent / "labels.pq").write_bytes(b"PAR1 and nothing else")
    with pytest.raises(BadInput, match="cannot be read as a table"):
        table.read_rows(root.parent / "labels.pq")


def test_parquet_without_pyarrow_is_an_error_with_the_install_command(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (root.parent / "labels.parquet").write_bytes(b"PAR1")
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(ExtraMissing, match="pip install pyarrow"):
        table.read_rows(root.parent / "labels.parquet")


def test_a_row_that_does_not_fit_the_header_is_a_rejection_with_its_line(
    workspace: Workspace, root: Path
) -> None:
    # Line 3 has an unquoted comma, line 4 no label; the quoted path of lines 5 and 6 has a line break.
    content = 'path,label\na/1.jpg,sea\n3.jpg,sea,river\na/2.jpg\n"b\nc",sea\na/2.jpg,river,,,\n'
    report = import_(workspace, root, content)
    assert origins(workspace) == [("a/1.jpg", "sea", None), ("a/2.jpg", "river", None)]
    assert {(row.path, row.reason, row.detail) for row in report.rejections} == {
        ("line 3", "bad_row", "has more cells than the header, which has 2"),
        ("line 4", "bad_row", "has no cell for the column label"),
        ("b\nc", "missing_file", "the file does not exist"),
    }


def test_a_row_may_lack_cells_that_are_not_needed(root: Path) -> None:
    (root.parent / "labels.csv").write_text("path,label,author\n3.jpg,sea\n")
    (row,) = table.read_rows(root.parent / "labels.csv")
    assert (row.label, row.credit.author, row.problem) == ("sea", None, "")


def test_a_line_number_is_that_of_the_file_after_empty_lines_and_cells_of_several_lines(root: Path) -> None:
    (root.parent / "labels.csv").write_text('path,label\n\n"b\nc",sea\n\n3.jpg,sea,x,y\n')
    assert [row.place for row in table.read_rows(root.parent / "labels.csv")] == ["line 3", "line 6"]


def test_a_quotation_mark_that_is_not_closed_costs_one_row_only(root: Path) -> None:
    content = 'path,label\n3.jpg,sea\n"a/1.jpg,sea\na/2.jpg,river\n"b, c.jpg",sea\n'
    (root.parent / "labels.csv").write_text(content)
    rows = table.read_rows(root.parent / "labels.csv")
    assert [(row.place, row.path) for row in rows] == [
        ("line 2", "3.jpg"),
        ("line 3", ""),
        ("line 4", "a/2.jpg"),
        ("line 5", "b, c.jpg"),
    ]


def test_a_bad_row_of_metadata_is_a_rejection_of_the_folder_import(workspace: Workspace, root: Path) -> None:
    (root / "metadata.csv").write_text("file_name,label\n3.jpg,sea\na/1.jpg\n")
    report = folder.import_folder(workspace, root, actor="human:tester")
    assert [(row.path, row.reason) for row in report.rejections] == [("metadata.csv, line 3", "bad_row")]


def test_a_preview_reads_only_the_beginning_of_a_large_table(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = root.parent / "labels.csv"
    line = "Säntis/0001.jpg,sea\n"
    file.write_bytes(("image,species\n" + line * (reader.HEAD_BYTES // 10)).encode("utf-16"))
    monkeypatch.setattr(reader, "MAX_TEXT_BYTES", reader.HEAD_BYTES)
    preview = table.read_header(file)
    assert (preview.columns, preview.chosen) == (("image", "species"), ColumnChoice("image", "species"))
    assert preview.rows == (("Säntis/0001.jpg", "sea"),) * table.N_PREVIEWED
    with pytest.raises(BadInput, match="has more than 1,048,576 bytes"):
        table.read_rows(file)


@pytest.mark.parametrize("indent", [None, 1])
def test_a_large_json_document_is_previewed_as_a_whole(root: Path, indent: int | None) -> None:
    file = root.parent / "labels.json"
    file.write_text(json.dumps([{"image": "0001.jpg", "species": "sea"}] * 30_000, indent=indent))
    assert table.read_header(file).chosen == ColumnChoice("image", "species")


def test_a_column_of_bytes_or_lists_in_parquet_is_text_or_a_problem(root: Path) -> None:
    frame = pandas.DataFrame(
        {
            "image": [
                {"bytes": b"\xff", "path": "3.jpg"},
                {"bytes": None, "path": "a/1.jpg"},
                {"path": None},
            ],
            "label": [b"sea", b"\xff", b""],
        }
    )
    frame.to_parquet(root.parent / "labels.parquet")
    rows = table.read_rows(root.parent / "labels.parquet")
    assert [(row.place, row.path, row.label, row.problem) for row in rows] == [
        ("row 1", "3.jpg", "sea", ""),
        ("row 2", "", None, "has bytes that are not text in the column label"),
        ("row 3", "", None, ""),
    ]
    preview = table.read_header(root.parent / "labels.parquet")
    assert preview.rows[1] == ("(has an object)", "(has bytes that are not text)")


def test_two_paths_that_would_mean_the_same_file_are_told(workspace: Workspace, root: Path) -> None:
    (root / "x").mkdir()
    (root / "x" / "only.jpg").write_bytes((root / "3.jpg").read_bytes())
    content = (
        "path,label\n/set/x/only.jpg,sea\n/other/only.jpg,river\n/other/1.jpg,river\n/far/away.jpg,sea\n"
    )
    (root / "1.jpg").write_bytes(b"x")
    report = import_(workspace, root, content)
    assert origins(workspace) == [("x/only.jpg", "sea", None)]
    assert {row.path: (row.reason, row.detail) for row in report.rejections} == {
        "/other/only.jpg": (
            "missing_file",
            "only x/only.jpg has this name, and the row of /set/x/only.jpg means it",
        ),
        "1.jpg": ("not_an_image", 'not a known image format; starts with "x"'),
        "/far/away.jpg": ("missing_file", f"does not exist, and {root} has no file with this name"),
    }


def test_an_address_is_not_downloaded(workspace: Workspace, root: Path) -> None:
    report = import_(workspace, root, "path,label\nhttps://example.org/3.jpg,sea\n3.jpg,sea\n")
    assert [(row.path, row.detail) for row in report.rejections] == [
        ("https://example.org/3.jpg", "an address; images are not downloaded")
    ]


def test_a_small_file_that_unpacks_to_a_huge_table_is_refused(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = root.parent / "labels.parquet"
    n_rows = 200_000
    frame = pandas.DataFrame({"path": ["3.jpg"] * n_rows, "label": ["sea"] * n_rows, "other": ["x"] * n_rows})
    frame.to_parquet(file)
    assert file.stat().st_size < 10_000
    monkeypatch.setattr(parquet_sheet, "MAX_GROUP_BYTES", 1)
    with pytest.raises(BadInput, match=r"unpack to [0-9,]+ bytes at once, over the limit of 1"):
        table.read_rows(file)
    monkeypatch.setattr(parquet_sheet, "MAX_ROWS", n_rows - 1)
    with pytest.raises(BadInput, match="it has 200,000 rows, over the limit of 199,999"):
        table.read_header(file)


@pytest.mark.parametrize(
    ("name", "content", "why"),
    [
        ("a.json", "[" + "[]," * 5_000_001 + "[]]", "it has more than 10,000,000 values"),
        ("a.jsonl", '{"path": [' + "1," * 10_000_001 + "1]}", "it has more than 10,000,000 values"),
        ("a.csv", "path,label" + "," * 5_000_000, "it has a line of more than 4,194,304 characters"),
        ("a.csv", "path,label" + "," * 20_000, "it has 20,002 columns"),
        ("a.csv", "\n" * 5_000_001, "it has more than 5,000,000 lines"),
    ],
)
def test_a_table_that_would_take_much_more_memory_than_its_size_is_refused(
    name: str, content: str, why: str
) -> None:
    with pytest.raises(BadInput, match=why):
        reader.read_bytes(name, content.encode())


def test_half_a_surrogate_pair_is_stored_as_an_escape(workspace: Workspace, root: Path) -> None:
    lines = '{"path": "3.jpg", "label": "d\\ud800m"}\n{"path": "\\udc80.jpg", "label": "sea"}\n'
    report = import_(workspace, root, lines, "a.jsonl")
    assert origins(workspace) == [("3.jpg", "d\\ud800m", None)]
    assert [(row.path, row.reason) for row in report.rejections] == [("\\x80.jpg", "missing_file")]
