"""CSV files are read as spreadsheets on any system write them."""

import pytest

from peakid.acquire.tables import reader, rows

ROWS = [("p/0.jpg", "Bär"), ("p/1.jpg", "Fuchs")]


def text(
    separator: str, *, head: tuple[str, str] = ("path", "label"), end: str = "\r\n", quote: str = ""
) -> str:
    lines = (separator.join(f"{quote}{cell}{quote}" for cell in row) for row in [head, *ROWS])
    return end.join(lines) + end


def read(data: bytes) -> list[tuple[str, str, str | None, str]]:
    sheet = reader.read_bytes("labels.csv", data)
    found = rows.read(sheet, rows.columns_of("labels.csv", sheet))
    return [(row.place, row.path, row.label, row.problem) for row in found]


@pytest.mark.parametrize(
    ("data", "line"),
    [
        pytest.param(text(",", quote='"').encode("utf-8-sig"), 2, id="byte order mark, quoted"),
        pytest.param(text(";").encode("utf-8-sig"), 2, id="byte order mark, semicolons"),
        pytest.param(text("\t").encode("utf-16"), 2, id="Unicode text of Excel"),
        pytest.param(text(",").encode("utf-16-le"), 2, id="UTF-16 without a mark"),
        pytest.param(text(",").encode("utf-16-be"), 2, id="UTF-16, big end first, without a mark"),
        pytest.param(text(",").encode("utf-32"), 2, id="UTF-32"),
        pytest.param(text(";").encode("cp1252"), 2, id="Windows"),
        pytest.param(text(";", end="\r").encode("mac_roman"), 2, id="old Mac"),
        pytest.param(text(",", end="\r").encode(), 2, id="carriage returns"),
        pytest.param(b"sep=;\r\n" + text(";").encode("cp1252"), 3, id="sep line"),
        pytest.param(b'"sep=|"\r\n' + text("|").encode(), 3, id="quoted sep line"),
        pytest.param(b"\r\n \r\n" + text(",").encode(), 4, id="blank lines first"),
        pytest.param(b",,\r\n" + text(",").encode(), 3, id="row of empty cells first"),
        pytest.param(b"# made by hand, in May\n" + text(",", end="\n").encode(), 3, id="comment"),
        pytest.param(b"# " + text(",").encode(), 2, id="header behind #"),
        pytest.param(b"Animals of the valley\n" + text(",", end="\n").encode(), 3, id="title"),
        pytest.param(text(",", head=("Path", "Label")).encode(), 2, id="capitals"),
        pytest.param(text(", ").encode(), 2, id="blank after comma"),
        pytest.param(text(", ", quote='"').encode(), 2, id="blank before quotation mark"),
        pytest.param(text(" ;", quote='"').encode(), 2, id="blank after quotation mark"),
    ],
)
def test_every_spreadsheet_dialect_gives_the_same_rows(data: bytes, line: int) -> None:
    assert read(data) == [
        (f"line {line}", "p/0.jpg", "Bär", ""),
        (f"line {line + 1}", "p/1.jpg", "Fuchs", ""),
    ]


@pytest.mark.parametrize(
    "head",
    [
        ("image", "label"),
        ("file", "class"),
        ("filename", "species"),
        ("Image Path", "Category"),
        ("img", "class_name"),
        ("image_id", "breed"),
        ("filepath", "ground_truth"),
        ("File Name", "ClassLabel"),
        ("id", "target"),
    ],
)
def test_the_words_that_people_use_for_path_and_class_are_recognised(head: tuple[str, str]) -> None:
    assert read(text(",", head=head).encode()) == [
        ("line 2", "p/0.jpg", "Bär", ""),
        ("line 3", "p/1.jpg", "Fuchs", ""),
    ]


def test_a_column_of_row_numbers_is_ignored() -> None:
    assert read(b",path,label\n0,a.jpg,cat\n") == [("line 2", "a.jpg", "cat", "")]


def test_a_delimiter_inside_a_quoted_header_does_not_count() -> None:
    data = b'"path";"label";"remark, or note, or reason, if any"\na.jpg;cat;x\n'
    assert read(data) == [("line 2", "a.jpg", "cat", "")]


def test_one_damaged_byte_of_a_utf8_file_does_not_change_the_other_rows() -> None:
    data = "path,label\na.jpg,Bär\nb.jpg,B?r\nc.jpg,Mönch\nd.jpg,Säntis\n".encode().replace(b"?", b"\xff")
    assert read(data) == [
        ("line 2", "a.jpg", "Bär", ""),
        ("line 3", "", None, "has a character that could not be decoded in the column label"),
        ("line 4", "c.jpg", "Mönch", ""),
        ("line 5", "d.jpg", "Säntis", ""),
    ]


def test_a_subset_column_counts_only_if_it_holds_splits() -> None:
    def splits(value: str) -> list[str | None]:
        sheet = reader.read_bytes("a.csv", f"path,label,subset\na.jpg,cat,{value}\n".encode())
        return [row.split for row in rows.read(sheet, rows.columns_of("a.csv", sheet))]

    assert (splits("test"), splits("CUB-200")) == (["test"], [None])


def test_half_a_character_at_the_end_of_a_utf16_file_is_a_wrong_row() -> None:
    assert read(text(";").encode("utf-16") + b"\x00") == [
        ("line 2", "p/0.jpg", "Bär", ""),
        ("line 3", "p/1.jpg", "Fuchs", ""),
        ("line 4", "", None, "has no cell for the column label"),
    ]
